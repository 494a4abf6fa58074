"""What every part of one process shares, handed on as an argument."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from src.config import Settings
from src.crypto import Vault, load_or_create_keys, parse_keys
from src.database import Database
from src.utils.clock import Clock, SystemClock
from src.utils.entropy import Entropy, SystemEntropy


@dataclass(frozen=True, slots=True)
class Runtime:
    """Settings, time, randomness, database and keys of one process."""

    settings: Settings
    clock: Clock
    entropy: Entropy
    database: Database
    vault: Vault

    @classmethod
    def open(
        cls,
        settings: Settings | None = None,
        *,
        clock: Clock | None = None,
        entropy: Entropy | None = None,
    ) -> Self:
        """Open the runtime that `settings` describe, by default those of the environment.

        Makes the data folder (0700) and the key file (0600) when they are missing.

        Raises:
            SettingsRefused: The keys cannot be used; the message says how to mend it.
        """
        settings = settings or Settings()
        clock = clock or SystemClock()
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if settings.encryption_keys is not None:
            text = settings.encryption_keys.get_secret_value()
            keys = parse_keys(text, source="ENCRYPTION_KEYS")
        else:
            keys = load_or_create_keys(settings.effective_key_file)
        database = Database(
            settings.effective_database_url,
            scheduler_url=settings.database_scheduler_url,
            clock=clock,
        )
        return cls(
            settings=settings,
            clock=clock,
            entropy=entropy or SystemEntropy(),
            database=database,
            vault=Vault(keys),
        )

    def long(self, period: timedelta) -> timedelta:
        """Return one of the product's long periods (4 h, 24 h, six months) as it runs here.

        Tests of several real processes shrink them by LONG_PERIOD_DIVISOR.
        """
        return period / self.settings.long_period_divisor

    async def close(self) -> None:
        """Close the database."""
        await self.database.close()
