"""Who may open an account here, and as what.

The first account owns the installation. On this machine alone the first to come
has it; where others can reach the address, the set-up code printed at start
proves who is at the machine. After that the policy decides: open, by invite, or
closed. Codes are consumed by the statement that checks them, in the transaction
that makes the user, so that of two who come at once one is told no.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from src.config import Settings
from src.database import Session
from src.users import queries
from src.users.credentials import fingerprint
from src.users.errors import RegistrationClosed, SetupDone
from src.users.models import Role

_NO_OWNER = (
    "Nobody owns this Playhead yet. The set-up code printed at its start makes the first account."
)
_CODE_REFUSED = (
    "This set-up code is mistyped or more than 24 hours old. Start Playhead again for a new one."
)
_NEEDS_INVITE = "This Playhead takes new people by invite. Ask its owner for a code."
_INVITE_REFUSED = "This invite is mistyped, spent or has expired. Ask for another."
_CLOSED = "This Playhead takes no new accounts. Its owner can make one for you."


@dataclass(frozen=True, kw_only=True, slots=True)
class Admission:
    """What a registration brings, and the rules it meets."""

    settings: Settings
    setup_hash: str | None
    invite_hash: str | None

    @classmethod
    def of(cls, settings: Settings, *, setup_code: str | None, invite: str | None) -> Self:
        """Take the codes as typed; only their hashes are kept."""
        return cls(
            settings=settings,
            setup_hash=fingerprint(setup_code) if setup_code else None,
            invite_hash=fingerprint(invite) if invite else None,
        )

    @property
    def _first_come(self) -> bool:
        """Whether the first to register here owns it without a code."""
        return self.settings.is_local and self.settings.registration_policy == "open"

    async def look(self, session: Session, now: datetime) -> None:
        """Refuse what `consume` would refuse, before a password is hashed for it.

        Raises:
            RegistrationClosed: The codes or the policy do not allow it.
            SetupDone: The set-up code comes too late.
        """
        found = await queries.installation(session)
        owned = found is not None and found.owned
        if self.setup_hash is not None:
            if owned:
                raise SetupDone
            known = found is not None and found.setup_code_hash == self.setup_hash
            expires_at = found.setup_code_expires_at if found is not None else None
            if not known or expires_at is None or expires_at <= now:
                raise RegistrationClosed(_CODE_REFUSED)
        elif owned or not self._first_come:
            invited = self.invite_hash is not None and await queries.has_invite(
                session, code_hash=self.invite_hash, now=now
            )
            self._demand(owned=owned, invited=invited)

    async def consume(self, session: Session, now: datetime) -> Role:
        """Decide for good, and use up the code.

        Args:
            session: The transaction that makes the user.
            now: The time of registration.

        Raises:
            RegistrationClosed: The codes or the policy do not allow it.
            SetupDone: Somebody else was first with the set-up code.
        """
        if (self.setup_hash is not None or self._first_come) and await queries.claim_installation(
            session, now=now, code_hash=self.setup_hash
        ):
            return Role.OWNER
        found = await queries.installation(session)
        owned = found is not None and found.owned
        if self.setup_hash is not None:
            raise SetupDone if owned else RegistrationClosed(_CODE_REFUSED)
        by_invite = self.settings.registration_policy == "invite" and self.invite_hash is not None
        invited = by_invite and await queries.consume_invite(
            session, code_hash=self.invite_hash or "", now=now
        )
        self._demand(owned=owned, invited=invited)
        return Role.USER

    def _demand(self, *, owned: bool, invited: bool) -> None:
        policy = self.settings.registration_policy
        if not owned:
            raise RegistrationClosed(_NO_OWNER)
        if policy == "closed":
            raise RegistrationClosed(_CLOSED)
        if policy == "invite" and not invited:
            raise RegistrationClosed(_INVITE_REFUSED if self.invite_hash else _NEEDS_INVITE)
