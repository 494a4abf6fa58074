"""What a listener's player shows now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import blake2b

from simulator.faults.board import Kind
from simulator.service import music
from simulator.service.call import Call
from simulator.service.catalogue import Catalogue
from simulator.service.draws import fraction
from simulator.service.reply import Reply, encode
from simulator.service.state import State
from simulator.world.types import Playing

_NULL_DEVICE_SHARE = 1 / 3


class Player:
    """Answers about the player."""

    def __init__(self, state: State, catalogue: Catalogue) -> None:
        self._state = state
        self._catalogue = catalogue

    def playback(self, call: Call) -> Reply:
        """Answer `/me/player`: device and item, or 204 when idle."""
        shown = self._shown(call)
        if shown is None:
            return Reply(204, b"", "")
        shown |= {
            "device": encode(self._device(call)),
            "shuffle_state": b"false",
            "smart_shuffle": b"false",
            "repeat_state": b'"off"',
        }
        return Reply(200, _object(shown))

    def currently_playing(self, call: Call) -> Reply:
        """Answer `/me/player/currently-playing`: the item, or 204 when idle."""
        shown = self._shown(call)
        return Reply(204, b"", "") if shown is None else Reply(200, _object(shown))

    def queue(self, call: Call) -> Reply:
        """Answer `/me/player/queue`: what plays, and nothing after it."""
        playing = self._state.world.playing(call.listener, call.at)
        if playing is None or playing.ad or self._state.fault(Kind.PLAYER_IDLE, call):
            return Reply(200, b'{"currently_playing":null,"queue":[]}')
        item = self._episode(call, playing)
        return Reply(200, b'{"currently_playing":%s,"queue":[]}' % item)

    def _shown(self, call: Call) -> dict[str, bytes] | None:
        """Return the members both player answers share, encoded."""
        fault = self._state.fault
        if fault(Kind.PLAYER_IDLE, call):
            return None
        if fault(Kind.PLAYER_TRACK, call):
            number = int(fraction(self._state.settings.seed, "playing", call.listener) * 97)
            item = encode(music.track(self._state, call, number))
            return self._members(call, kind="track", item=item)
        if fault(Kind.PLAYER_UNKNOWN, call):
            return self._members(call, kind="unknown")
        playing = self._state.world.playing(call.listener, call.at)
        if fault(Kind.PLAYER_AD, call) or (playing is not None and playing.ad):
            return self._members(call, kind="ad", playing=playing)
        if playing is None:
            return None
        told = "episode" in call.query.get("additional_types", "").split(",")
        item = self._episode(call, playing) if told else b"null"
        return self._members(call, kind="episode", item=item, playing=playing)

    def _members(
        self, call: Call, *, kind: str, item: bytes = b"null", playing: Playing | None = None
    ) -> dict[str, bytes]:
        context: object = None
        if playing is not None and kind == "episode":
            show_id = self._state.world.show(playing.show).id
            context = {
                "external_urls": {"spotify": f"https://open.spotify.com/show/{show_id}"},
                "href": f"{call.base}/v1/shows/{show_id}",
                "type": "show",
                "uri": f"spotify:show:{show_id}",
            }
        is_playing = playing is None or playing.is_playing
        disallows = {"resuming": True} if is_playing else {"pausing": True}
        changed = call.at if playing is None else playing.started_at
        return {
            "timestamp": encode(_ms(changed)),
            "context": encode(context),
            "progress_ms": encode(0 if playing is None else playing.progress_ms),
            "item": item,
            "currently_playing_type": encode(kind),
            "actions": encode({"disallows": disallows}),
            "is_playing": encode(is_playing),
        }

    def _episode(self, call: Call, playing: Playing) -> bytes:
        zero = self._state.settings.quirks.player_resume_zero
        return self._catalogue.episode(playing.show, playing.number, call, position_zero=zero)

    def _device(self, call: Call) -> dict[str, object]:
        seed, listener = self._state.settings.seed, call.listener
        playing = self._state.world.playing(listener, call.at)
        name = "Speaker" if playing is None else playing.device_name
        nameless = bool(self._state.fault(Kind.PLAYER_NULL_DEVICE, call)) or (
            self._state.settings.quirks.null_devices
            and fraction(seed, "device", listener, name) < _NULL_DEVICE_SHARE
        )
        made = blake2b(f"{seed} {listener} {name}".encode(), digest_size=20).hexdigest()
        return {
            "id": None if nameless else made,
            "is_active": True,
            "is_private_session": False,
            "is_restricted": nameless,
            "name": name,
            "supports_volume": True,
            "type": "Speaker" if nameless else "Smartphone",
            "volume_percent": 46,
        }


def _object(members: dict[str, bytes]) -> bytes:
    return b"{%s}" % b",".join(b'"%s":%s' % (k.encode(), v) for k, v in members.items())


def _ms(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
