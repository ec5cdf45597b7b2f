"""Settings: one TOML file, and environment variables over it."""

from __future__ import annotations

import dataclasses
import difflib
import os
import sys
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from enrich.push.sender import PushSettings
from enrich.words import SECRET_NAME, UserError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DEFAULT_FILE = Path("enrich.toml")
PREFIX = "ENRICH_"
MAY_BE_ZERO = ("lifetime_days", "bookmarks")  # keep no answer, make no bookmark


@dataclass
class Location:
    """Country, city and coordinates, from a database on this machine."""

    database: Path | None = None
    max_age_days: float = 60
    download: bool = False


@dataclass
class Asn:
    """Who announces the address, from a database on this machine."""

    database: Path | None = None
    max_age_days: float = 60


@dataclass
class FeedFile:
    """Known bad addresses and networks, from a file on this machine."""

    file: Path | None = None


@dataclass
class Remote:
    """What the lookups that ask somebody have in common."""

    enabled: bool = False
    timeout_seconds: float = 20
    per_second: float = 2
    lifetime_days: float = 1


@dataclass
class Whois(Remote):
    """The registered owner."""

    lifetime_days: float = 30


@dataclass
class ThreatIntelligence(Remote):
    """msticpy's providers."""

    providers: list[str] = field(default_factory=list)
    batch: int = 1


@dataclass
class ReverseDns(Remote):
    """The name that the owner gave the address."""

    timeout_seconds: float = 5
    nameservers: list[str] = field(default_factory=list)
    port: int = 53


@dataclass
class Settings:
    """All settings; `enrich.example.toml` explains each."""

    export_root: str = "output/export"
    report: str = ""
    cache: Path = Path("output/enrich/lookups.sqlite")
    location: Location = field(default_factory=Location)
    asn: Asn = field(default_factory=Asn)
    feed: FeedFile = field(default_factory=FeedFile)
    whois: Whois = field(default_factory=Whois)
    ti: ThreatIntelligence = field(default_factory=ThreatIntelligence)
    reverse_dns: ReverseDns = field(default_factory=ReverseDns)
    push: PushSettings = field(default_factory=PushSettings)

    @property
    def report_url(self) -> str:
        """Where the report is written."""
        return self.report or f"{self.export_root.rstrip('/')}/report.html"


def load(file: Path | None, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings.

    Parameters
    ----------
    file
        The TOML file; None for enrich.toml in the current folder, if it is there. Relative paths
        in it start at its folder.
    environment
        ``ENRICH_`` and the setting's name, section first, overrides the file, such as
        ``ENRICH_LOCATION_DATABASE``; lists are separated by commas.

    Returns
    -------
    Settings
        Checked: every name is known, every value is of its type and in its range.

    Raises
    ------
    UserError
        If the file cannot be read, or a setting is unknown or impossible.
    """
    settings = Settings()
    path = file or DEFAULT_FILE
    if file or path.is_file():
        try:
            tables = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            # Without the text: a line that does not parse may hold anything.
            raise UserError(f"the configuration {path} cannot be read: {error}") from None
        for name, value in tables.items():
            if isinstance(value, dict) and dataclasses.is_dataclass(getattr(settings, name, None)):
                for key, inner in value.items():
                    put(settings, f"{name}.{key}", inner, str(path), path.parent)
            else:
                put(settings, name, value, str(path), path.parent)
    names = {PREFIX + name.replace(".", "_").upper(): name for name in setting_names(settings)}
    for variable, value in environment.items():
        if variable.startswith(PREFIX):
            put(settings, names.get(variable, variable), value, "the environment", None)
    return settings


def setting_names(settings: Settings) -> list[str]:
    """List every setting, such as ``cache`` and ``location.database``."""
    names = []
    for outer in dataclasses.fields(settings):
        table = getattr(settings, outer.name)
        if dataclasses.is_dataclass(table):
            names += [f"{outer.name}.{inner.name}" for inner in dataclasses.fields(table)]
        else:
            names.append(outer.name)
    names.remove("push.dry_run")  # only the command line says so
    return names


def put(
    settings: Settings,
    name: str,
    value: Any,  # noqa: ANN401 (anything that TOML can hold)
    source: str,
    folder: Path | None,
) -> None:
    """Set one setting.

    Parameters
    ----------
    settings
        Changed in place.
    name
        Such as ``location.database``.
    value
        As in the file, or a text from the environment.
    source
        Where it stands, for messages.
    folder
        At which relative paths start; None for the current one, and for texts of the environment.

    Raises
    ------
    UserError
        If there is no such setting, or the value is not of its type or range.
    """
    known = setting_names(settings)
    if name not in known:
        # Never with the value: it may be a secret that was put in the wrong place.
        if SECRET_NAME.search(name.rpartition(".")[2]):
            cure = (
                "Secrets do not belong there: keys of lookups are read by msticpy from "
                "MSTICPYCONFIG, and the login to Azure by azure-identity."
            )
        else:
            near = difflib.get_close_matches(name, known, n=1)
            cure = f"Did you mean {near[0]}?" if near else f"Known are {', '.join(known)}."
        raise UserError(f"{source} sets {name}, which is no setting. {cure}")
    section, _, key = name.rpartition(".")
    table = getattr(settings, section) if section else settings
    kind = typing.get_type_hints(type(table))[key]
    try:
        converted_value = converted(value, kind, from_text=folder is None)
        if kind in (int, float) and converted_value == 0 and key not in MAY_BE_ZERO:
            raise ValueError("give a number above 0.")
        setattr(table, key, converted_value)
    except (TypeError, ValueError) as error:
        raise UserError(f"{source} sets {name} to {value!r}: {error}") from None
    if folder is not None:
        anchor(table, key, folder)


def converted(value: Any, kind: Any, from_text: bool) -> Any:  # noqa: ANN401
    """Convert a value to the type of its setting.

    Parameters
    ----------
    value
        As in the file or the environment.
    kind
        The type, such as ``Path | None``.
    from_text
        Whether the value is a text whatever the type.

    Returns
    -------
    Any
        Of that type.

    Raises
    ------
    ValueError
        If it is not, saying what it should be.
    """
    if kind == Path or kind == Path | None:
        if not isinstance(value, str) or (kind == Path and not value):
            raise ValueError("give a path.")
        return Path(value).expanduser() if value else None
    if kind is bool:
        word = value.strip().lower() if from_text else value
        if word in ("true", "false"):
            return word == "true"
        if not isinstance(word, bool):
            raise ValueError("give true or false.")
        return word
    if kind in (int, float):
        if from_text:
            value = kind(value)
        if type(value) not in (int, kind) or not 0 <= value < 1e9:
            raise ValueError("give a number of 0 or more.")
        return value
    if kind == list[str]:
        if from_text:
            return [item.strip() for item in value.split(",") if item.strip()]
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise ValueError("give a list of texts.")
        return value
    if not isinstance(value, str):
        raise ValueError("give a text.")
    return value


def anchor(table: Any, key: str, folder: Path) -> None:  # noqa: ANN401 (any of our dataclasses)
    """Let a relative path of a file's setting start at the folder of the file."""
    value = getattr(table, key)
    if isinstance(value, Path):
        setattr(table, key, folder / value)
    elif key in ("export_root", "report") and value and "://" not in value:
        setattr(table, key, str(folder / value))
