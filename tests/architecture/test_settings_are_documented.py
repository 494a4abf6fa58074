"""Every setting is in the example file and in the reference, and neither names another."""

import importlib
import re

from pydantic import AliasChoices
from pydantic_settings import BaseSettings

from tests.architecture.sources import ROOT, modules

EXAMPLE_LINE = re.compile(r"^#? ?([A-Z][A-Z0-9_]+)=", re.MULTILINE)
REFERENCE_LINE = re.compile(r"^(?:\| |#+ )`([A-Z][A-Z0-9_]+)`", re.MULTILINE)


def settings_classes() -> list[type[BaseSettings]]:
    """Return each settings class that `src` defines, found by its base's name in the source."""
    found = []
    for module in modules("src"):
        if "BaseSettings" in module.text:
            name = module.path.removesuffix(".py").replace("/", ".")
            for value in vars(importlib.import_module(name)).values():
                if isinstance(value, type) and issubclass(value, BaseSettings):
                    found += [value] if value.__module__ == name else []
    return found


def names_of(settings: type[BaseSettings]) -> set[str]:
    """Return the environment variables that one class reads, in capitals."""
    prefix = settings.model_config.get("env_prefix", "")
    names: set[str] = set()
    for field, info in settings.model_fields.items():
        alias = info.validation_alias
        if isinstance(alias, AliasChoices):
            names.update(str(choice) for choice in alias.choices)
        else:
            names.add(str(alias) if alias else prefix + field)
    return {name.upper() for name in names}


def all_names() -> set[str]:
    """Return every environment variable that is a setting."""
    return {name for settings in settings_classes() for name in names_of(settings)}


def test_settings_are_found() -> None:
    """The other tests compare something: the process and Spotify have settings."""
    assert {"Settings", "SpotifySettings"} <= {found.__name__ for found in settings_classes()}


def test_example_file_lists_every_setting() -> None:
    """`config.env.example` names each setting once, set or commented out."""
    listed = EXAMPLE_LINE.findall((ROOT / "config.env.example").read_text())

    assert sorted(all_names()) == sorted(listed)


def test_reference_lists_every_setting() -> None:
    """`docs/reference/settings.md` has a row or a heading of its own for each setting."""
    listed = REFERENCE_LINE.findall((ROOT / "docs/reference/settings.md").read_text())

    assert sorted(all_names()) == sorted(listed)
