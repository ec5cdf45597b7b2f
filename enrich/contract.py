"""The columns of a finding: those of the model's contract, and those that the lookups add."""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from collections.abc import Callable
from functools import cache
from typing import Any

import yaml

from enrich import severity, sources
from enrich.fields import PROJECT
from enrich.lookups.registry import lookup_columns
from enrich.words import UserError

# No other place names this file. It is in the checkout, not in the package: pyproject.toml.
CONTRACTS = PROJECT / "models" / "results"
MODEL = "network_beaconing_anomalies"  # the export has the same columns
RUNS_MODEL = "export_network_beaconing_runs"

# Without these a finding cannot be shown or told from another one.
NEVER_NULL = (
    "beacon_id",
    "status",
    "severity",
    "suppressed",
    "reasons",
    "source_ip",
    "destination_ip",
    "run_id",
    "end_date",
    "device_vendor",
)

# Columns that `enrich lookup` adds to a finding; types are named as in the contract.
LOOKUP_COLUMNS = lookup_columns() | sources.COLUMNS | severity.COLUMNS

BUILD_AGAIN = "Build the export again with `dbt build` of this version."


class ContractError(UserError):
    """A row of the export breaks the contract."""


@cache
def contract(model: str = MODEL) -> dict[str, str]:
    """Read the names and types of the export's columns from the model's contract.

    Parameters
    ----------
    model
        Its file has the same name.

    Returns
    -------
    dict of str to str
        Type by column name, in the order of the contract.

    Raises
    ------
    UserError
        If the file is missing, as in an installation without the checkout.
    """
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    file = CONTRACTS / f"{model}.yml"
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(
            f"the contract of the findings, {file}, is not there. Install the project from "
            "its checkout: pip install --editable '.[enrich]'"
        ) from None
    models = yaml.load(text, Loader=loader)["models"]
    found = next(entry for entry in models if entry["name"] == model)
    return {column["name"]: column["data_type"] for column in found["columns"]}


def run_columns() -> dict[str, str]:
    """Return the type by name of every column of the row of a run."""
    return contract(RUNS_MODEL)


def all_columns() -> dict[str, str]:
    """Return the type by name of every column that a finding may have; lookup columns last."""
    return contract() | LOOKUP_COLUMNS


def is_looked_up(findings: list[dict[str, Any]]) -> bool:
    """Tell whether findings have the lookup columns."""
    return bool(findings) and LOOKUP_COLUMNS.keys() <= findings[0].keys()


def is_date(value: object) -> bool:
    """Tell whether a value is a date as Spark writes one, such as ``2026-09-30``."""
    try:
        return isinstance(value, str) and dt.date.fromisoformat(value) is not None
    except ValueError:
        return False


def is_timestamp(value: object) -> bool:
    """Tell whether a value is a time as Spark writes one, such as ``2026-09-30T12:00:04.974Z``."""
    try:
        return isinstance(value, str) and "T" in value and as_time(value) is not None
    except ValueError:
        return False


def as_time(text: str) -> dt.datetime:
    """Read a time as Spark writes one, to the second; raise `ValueError` if it is none."""
    # Python 3.10 cannot read Z, and reads only 3 or 6 fractional digits.
    time = dt.datetime.fromisoformat(re.sub(r"\.\d{1,9}", "", text).replace("Z", "+00:00"))
    return time if time.tzinfo else time.replace(tzinfo=dt.timezone.utc)


def is_whole(value: object, bits: int) -> bool:
    """Tell whether a value is a whole number that fits into `bits` bits, sign included."""
    return type(value) is int and -(2 ** (bits - 1)) <= value < 2 ** (bits - 1)


WHOLE_NUMBERS = {"int": 32, "bigint": 64}  # bits, sign included

SIMPLE_TYPES: dict[str, Callable[[object], bool]] = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "int": lambda value: is_whole(value, 32),
    "bigint": lambda value: is_whole(value, 64),
    "double": lambda value: type(value) in (int, float) and math.isfinite(value),
    "date": is_date,
    "timestamp": is_timestamp,
}


@cache
def checker(data_type: str) -> Callable[[object], bool]:
    """Make the test for one type of the contract, such as ``array<struct<n: bigint>>``.

    The test takes a parsed JSON value; null always fails. Raise `ValueError` for an unknown type.
    """
    if data_type in SIMPLE_TYPES:
        return SIMPLE_TYPES[data_type]
    if match := re.fullmatch(r"array<(.+)>", data_type):
        items = list_checker(match[1])
        return lambda value: isinstance(value, list) and items(value)
    one = list_checker(data_type)
    return lambda value: one([value])


@cache
def list_checker(data_type: str) -> Callable[[list[Any]], bool]:
    """Make the test that all values of a list are of one type.

    It looks at a list as a whole, because there may be a million bars of histograms.
    """
    if data_type in WHOLE_NUMBERS:
        bound = 2 ** (WHOLE_NUMBERS[data_type] - 1)
        return lambda values: (
            set(map(type, values)) <= {int}
            and (not values or (min(values) >= -bound and max(values) < bound))
        )
    if match := re.fullmatch(r"struct<(.+)>", data_type):
        # Splitting at commas is safe: no field of our structs has a type with a comma.
        pairs = (field.split(":") for field in match[1].split(","))
        fields = {name.strip(): list_checker(kind.strip()) for name, kind in pairs}
        return lambda values: (
            set(map(type, values)) <= {dict}
            and all(value.keys() == fields.keys() for value in values)
            and all(test([value[name] for value in values]) for name, test in fields.items())
        )
    if data_type in SIMPLE_TYPES or data_type.startswith("array<"):
        test = checker(data_type)
        return lambda values: all(map(test, values))
    raise ValueError(f"the contract has the type {data_type!r}, which enrich does not know.")


def check(
    finding: dict[str, Any],
    where: str,
    columns: dict[str, str] | None = None,
    cure: str = BUILD_AGAIN,
    never_null: tuple[str, ...] = NEVER_NULL,
) -> None:
    """Check one row against the contract.

    Parameters
    ----------
    finding
        The row.
    where
        File and line, for the message.
    columns
        Type by column name; by default those of the contract.
    cure
        How to fix it, for the message.
    never_null
        Columns that must not be null.

    Raises
    ------
    ContractError
        If a column is missing, of another type, or null where it must not be.
    """
    for column, data_type in (columns or contract()).items():
        if column not in finding:
            raise ContractError(f"{where}: the column {column} ({data_type}) is missing. {cure}")
        value = finding[column]
        if value is None:
            if column in never_null:
                raise ContractError(f"{where}: the column {column} is null. {cure}")
        elif not checker(data_type)(value):
            shown = json.dumps(value)[:80]
            raise ContractError(f"{where}: {column} is {shown}, not a {data_type}. {cure}")
