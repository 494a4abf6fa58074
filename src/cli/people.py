"""Finding the person whom a command names."""

from src.errors import NotFound
from src.runtime import Runtime
from src.users.queries import user_by_name_all_users
from src.users.schemas import canonical_name
from src.utils.types import UserId


async def user_named(runtime: Runtime, name: str) -> UserId:
    """Return the user who signs in as `name`, in whatever case it is written.

    Raises:
        NotFound: There is none; says how to make one.
    """
    key = canonical_name(name)
    missing = NotFound(f"There is no user {name}. `playhead user add {name}` makes one.")
    if not key:
        raise missing
    async with runtime.database.keyed(key) as session:
        user = await user_by_name_all_users(session, name=key)
    if user is None:
        raise missing
    return UserId(user.id)
