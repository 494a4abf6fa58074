"""A process in which several callers want one user's access token at once.

`python -m tests.faults.refreshing USER_ID CALLERS LEASE_S GO_FILE` prints `ready`, waits until
the file exists, and then prints one token a line.
"""

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

from src.runtime import Runtime
from src.spotify.config import SpotifySettings
from src.spotify.oauth import SpotifyOAuth
from src.spotify.wire import Wire
from src.utils.types import UserId


async def main(user_id: UserId, callers: int, lease_s: float, go: Path) -> None:
    """Ask `callers` times at once, as soon as `go` exists."""
    runtime = Runtime.open()
    wire = Wire(runtime)
    oauth = SpotifyOAuth(runtime, settings=SpotifySettings(), send=wire.send)
    tokens = replace(oauth.tokens, lease_s=lease_s)
    print("ready", flush=True)
    while not go.exists():  # noqa: ASYNC240 - one look at a local file
        await runtime.clock.sleep(0.005)
    found = await asyncio.gather(*(tokens.access_token(user_id) for _ in range(callers)))
    for token in found:
        print(f"token {token.value.get_secret_value()}", flush=True)
    await wire.close()
    await runtime.close()


if __name__ == "__main__":
    user, count, lease, path = sys.argv[1:]
    asyncio.run(main(UserId(int(user)), int(count), float(lease), Path(path)))
