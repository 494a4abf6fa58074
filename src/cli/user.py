"""`playhead user`."""

import asyncio

import click

from src.account.service import erase as erase_account
from src.cli.opening import with_runtime
from src.cli.people import user_named
from src.config import Settings
from src.runtime import Runtime
from src.users.models import Role
from src.users.service import add_user, issue_invite


@click.group("user")
def command() -> None:
    """Add people by name and password, invite them to register, or erase them."""


@command.command("add")
@click.argument("name")
@click.password_option(help="At least 10 characters; asked for when absent.")
@click.option("--owner", is_flag=True, help="Make this the account that owns the installation.")
def add(name: str, password: str, *, owner: bool) -> None:
    """Add an account, whatever the registration policy is."""

    async def work(runtime: Runtime) -> str:
        user = await add_user(runtime, name, password, role=Role.OWNER if owner else None)
        return f"{user.name} can sign in ({user.role})."

    click.echo(asyncio.run(with_runtime(Settings(), work)))


@command.command("invite")
def invite() -> None:
    """Print a link by which one person can register within seven days."""

    async def work(runtime: Runtime) -> str:
        return f"{runtime.settings.public_url}/?invite={await issue_invite(runtime)}"

    click.echo(asyncio.run(with_runtime(Settings(), work)))


@command.command("erase")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask for the name to be typed again.")
def erase(name: str, *, yes: bool) -> None:
    """Erase an account and everything in it, at once and for good."""

    async def work(runtime: Runtime) -> str:
        user_id = await user_named(runtime, name)
        typed = name if yes else click.prompt(f"Type {name} to erase it", default="")
        plays = await erase_account(runtime, user_id=user_id, typed=typed)
        return f"{name}, {plays:,} plays, tokens and costs are gone. There is no copy here."

    click.echo(asyncio.run(with_runtime(Settings(), work)))
