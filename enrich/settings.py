"""Settings: one TOML file, overridden by environment variables."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError, create_model

from enrich.fields import PROJECT, Links, LocalPath, OptionalPath, Place, Section
from enrich.lookups.registry import KINDS
from enrich.push.settings import PushSettings
from enrich.words import SECRET_NAME, SettingsError, decoded

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DEFAULT_FILE = PROJECT / "enrich.toml"
PREFIX = "ENRICH_"
LONGEST_VALUE = 80  # characters of a value in a message


class Common(Section):
    """The settings that belong to no lookup."""

    export_root: Place = str(PROJECT / "output/export")
    report: Place = ""
    report_links: Links = []
    sources: OptionalPath = None
    cache: LocalPath = PROJECT / "output/enrich/lookups.sqlite"
    push: PushSettings = Field(default_factory=PushSettings)

    @property
    def report_url(self) -> str:
        """Where the report is written."""
        return self.report or f"{self.export_root.rstrip('/')}/report.html"


# With a section for each lookup; `enrich.example.toml` explains each setting.
Settings = create_model(
    "Settings",
    __base__=Common,
    **{kind.name: (kind.settings, Field(default_factory=kind.settings)) for kind in KINDS},
)


def load(file: Path | None, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings.

    Parameters
    ----------
    file
        The TOML file; None for enrich.toml in the project's folder, if it exists. Relative paths
        in the file start at its folder.
    environment
        A variable overrides the file: ``ENRICH_``, section and setting, such as
        ``ENRICH_LOCATION_DATABASE``. Commas separate the items of a list.

    Returns
    -------
    Settings
        Every name is known, every value has the right type and is in its range.

    Raises
    ------
    SettingsError
        If the file cannot be read, or settings are unknown or invalid; the message lists them.
    """
    path = file or DEFAULT_FILE
    settings = Settings()
    if file or path.is_file():
        settings = checked(read_toml(path), str(path), strict=True, context={"folder": path.parent})
    tables = from_environment(environment)
    overlay(settings, checked(tables, "the environment", context={"environment": True}))
    return settings


def said_of_file(file: Path | None) -> str:
    """Say which file the settings are of."""
    if file or DEFAULT_FILE.is_file():
        return str((file or DEFAULT_FILE).absolute())
    return f"defaults ({DEFAULT_FILE} is not there)"


def stray_file() -> Path | None:
    """Return a file in the working folder that is named like the settings, but is not read."""
    stray = Path(DEFAULT_FILE.name).absolute()
    return stray if stray.is_file() and stray.resolve() != DEFAULT_FILE.resolve() else None


def read_toml(path: Path) -> dict[str, Any]:
    """Read the file's tables."""
    try:
        return tomllib.loads(decoded(path.read_bytes()))
    except UnicodeDecodeError:
        raise SettingsError(f"the configuration {path} cannot be read: save it as UTF-8.") from None
    except (OSError, ValueError) as error:
        # Without the line itself: it may hold a secret.
        raise SettingsError(f"the configuration {path} cannot be read: {error}") from None


def from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """Arrange the environment variables like the tables of the file."""
    names = {PREFIX + name.replace(".", "_").upper(): name for name in setting_names()}
    tables: dict[str, Any] = {}
    unknown = []
    for variable, text in environment.items():
        if variable.startswith(PREFIX):
            if variable in names:
                section, _, key = names[variable].rpartition(".")
                (tables.setdefault(section, {}) if section else tables)[key] = text
            else:
                unknown.append(no_setting("the environment", variable, list(names)))
    if unknown:
        raise SettingsError("\n".join(unknown))
    return tables


def checked(tables: dict[str, Any], source: str, **how: Any) -> Settings:  # noqa: ANN401
    """Check tables, with pydantic's options in `how`, and say in our own words what is wrong."""
    try:
        return Settings.model_validate(tables, **how)
    except ValidationError as error:
        complaints = [complaint(source, wrong) for wrong in error.errors(include_url=False)]
        raise SettingsError("\n".join(dict.fromkeys(complaints))) from None


def overlay(settings: BaseModel, over: BaseModel) -> None:
    """Copy the values that were given for `over` into `settings`."""
    for name in over.model_fields_set:
        value = getattr(over, name)
        if isinstance(value, BaseModel):
            overlay(getattr(settings, name), value)
        else:
            setattr(settings, name, value)


def setting_names() -> list[str]:
    """List every setting, such as ``cache`` and ``location.database``."""
    names = []
    for name, value in Settings():
        if isinstance(value, BaseModel):
            names += [f"{name}.{inner}" for inner in type(value).model_fields]
        else:
            names.append(name)
    return names


def complaint(source: str, wrong: Mapping[str, Any]) -> str:
    """Say what is wrong with a setting, and the cure; `wrong` is an error from pydantic."""
    # An index into a list is not part of the name.
    name = ".".join(part for part in wrong["loc"] if isinstance(part, str))
    if wrong["type"] == "extra_forbidden":
        return no_setting(source, name, [*setting_names(), *Settings.model_fields])
    if wrong["type"] == "model_type":
        return f"{source} sets {name}, which is a section: write its settings below [{name}]."
    return f"{source} sets {name} to {shown(wrong['input'])}: {wish(wrong)}"


def no_setting(source: str, name: str, known: list[str]) -> str:
    """Say that a setting does not exist, and which one may be meant."""
    # Never show the value: it may be a secret in the wrong place.
    if SECRET_NAME.search(name.rpartition(".")[2]):
        cure = (
            "Secrets do not belong there: keys of lookups are read by msticpy from "
            "MSTICPYCONFIG, and the login to Azure by azure-identity."
        )
    elif near := difflib.get_close_matches(name, known, n=1):
        cure = f"Did you mean {near[0]}?"
    else:
        cure = f"Known are {', '.join(known)}."
    return f"{source} sets {name}, which is no setting. {cure}"


def shown(value: object) -> str:
    """Format a value for a message, without the contents of a list or table."""
    if isinstance(value, (dict, list)):
        return "a table" if isinstance(value, dict) else "a list"
    text = repr(value)
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"


def wish(wrong: Mapping[str, Any]) -> str:
    """Say what the value should be."""
    limits = wrong.get("ctx", {})
    if len(wrong["loc"]) > 1 and isinstance(wrong["loc"][-1], int):
        return "give a list of texts."
    match wrong["type"].partition("_")[0], wrong["type"]:
        case _, "greater_than":
            return f"give a number above {limits['gt']:g}."
        case _, "greater_than_equal":
            return f"give a number of {limits['ge']:g} or more."
        case _, "less_than":
            return f"give a number below {limits['lt']:.0f}."
        case _, "less_than_equal":
            return f"give a number of at most {limits['le']:.0f}."
        case "bool", _:
            return "give true or false."
        case "int", _:
            return "give a whole number."
        case "float", _:
            return "give a number."
        case "list", _:
            return "give a list of texts."
        case "string", _:
            return "give a text."
    return str(limits.get("error", wrong["msg"]))  # from our own validators
