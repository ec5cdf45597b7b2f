"""The findings of a run: the JSON export, read and checked against its contract."""

from __future__ import annotations

import datetime as dt
import json
import math
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

import fsspec
import yaml

CONTRACT = Path(__file__).parents[1] / "models" / "results" / "_results__models.yml"
MODEL = "export_network_beaconing_anomalies"
FOLDER = "network_beaconing_anomalies"
ENRICHED = "enriched.jsonl"
SEVERITIES = ["critical", "high", "medium", "low"]

# Without these a finding can be neither shown nor told from another.
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

# What `enrich lookup` adds to a finding, with the contract's names of types. A status is ok, miss,
# `skipped: why` or `failed: why`. `feed` is the local feed file, `ti` the providers asked.
LOOKUP_COLUMNS = {
    "country": "string",
    "city": "string",
    "latitude": "double",
    "longitude": "double",
    "location_status": "string",
    "asn": "bigint",
    "as_organization": "string",
    "asn_status": "string",
    "feed_severity": "string",
    "feed_matches": "array<string>",
    "feed_status": "string",
    "whois_asn": "string",
    "whois_organization": "string",
    "whois_network": "string",
    "whois_country": "string",
    "whois_registry": "string",
    "whois_status": "string",
    "ti_severity": "string",
    "ti_matches": "array<string>",
    "ti_status": "string",
    "reverse_dns": "string",
    "reverse_dns_status": "string",
}


SECRET_NAME = re.compile(r"key|secret|token|password|passwd|credential|connection_string", re.I)
LONGEST_REASON = 300  # characters


class UserError(Exception):
    """Something that the user can put right; its message says what, where and how."""


class ContractError(UserError):
    """A row of the export is not what the contract says."""


def reason_of(error: BaseException, secrets: Iterable[str] = ()) -> str:
    """Say what went wrong in one line that holds no secret.

    Parameters
    ----------
    error
        What was raised. Its message may hold a URL with a key in it.
    secrets
        Values that must not be shown, besides those of environment variables with telling names.

    Returns
    -------
    str
        Kind and message, as `without_secrets` leaves them.
    """
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return without_secrets(text, secrets)


def without_secrets(text: str, secrets: Iterable[str] = ()) -> str:
    """Return text fit for output, report, cache and ledger, whatever a server has put into it.

    Parameters
    ----------
    text
        An error message.
    secrets
        Values that must not be shown, besides those of environment variables with telling names.

    Returns
    -------
    str
        One line of at most `LONGEST_REASON` characters. Secrets, tokens, and user names and query
        strings of URLs are replaced, and what is not printable is a blank.
    """
    known = {value for name, value in os.environ.items() if SECRET_NAME.search(name)}
    for secret in sorted(known.union(secrets), key=len, reverse=True):
        if len(secret) >= 6:
            text = text.replace(secret, "***")
    text = re.sub(r"(?i)\bbearer\s+\S+", "Bearer ***", text)
    text = re.sub(r"\beyJ[\w-]+(\.[\w-]+)*", "***", text)
    text = re.sub(r"(?i)\b(sig|client_secret|password)=[^&\s]+", r"\1=***", text)
    text = re.sub(r"//[^/\s@]*@", "//***@", text)
    text = re.sub(r"\?[^\s'\"]*=[^\s'\"]*", "?***", text)
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= LONGEST_REASON else text[: LONGEST_REASON - 1] + "…"


@cache
def contract() -> dict[str, str]:
    """Read the names and types of the export's columns from the model's contract.

    Returns
    -------
    dict of str to str
        Type by column name, in the order of the contract.
    """
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    models = yaml.load(CONTRACT.read_text(encoding="utf-8"), Loader=loader)["models"]
    model = next(model for model in models if model["name"] == MODEL)
    return {column["name"]: column["data_type"] for column in model["columns"]}


def is_date(value: object) -> bool:
    """Tell whether a value is a date as Spark writes one, such as ``2026-09-30``."""
    try:
        return isinstance(value, str) and dt.date.fromisoformat(value) is not None
    except ValueError:
        return False


def is_timestamp(value: object) -> bool:
    """Tell whether a value is a time as Spark writes one, such as ``2026-09-30T12:00:04.974Z``."""
    try:
        # Python 3.10 reads neither Z nor other than 3 or 6 fractional digits.
        text = re.sub(r"\.\d{1,9}", "", value) if isinstance(value, str) else ""
        return "T" in text and dt.datetime.fromisoformat(text.replace("Z", "+00:00")) is not None
    except ValueError:
        return False


def is_whole(value: object, bits: int) -> bool:
    """Tell whether a value is a whole number that fits in so many bits, sign included."""
    return type(value) is int and -(2 ** (bits - 1)) <= value < 2 ** (bits - 1)


@cache
def checker(data_type: str) -> Callable[[object], bool]:
    """Make the test of one of the contract's types.

    Parameters
    ----------
    data_type
        Such as ``double`` or ``array<struct<time_delta: bigint, events: bigint>>``.

    Returns
    -------
    callable
        Takes a value as JSON gives it, and returns whether it is of the type. Null never is.

    Raises
    ------
    ValueError
        If the type is not known.
    """
    simple: dict[str, Callable[[object], bool]] = {
        "string": lambda value: isinstance(value, str),
        "boolean": lambda value: isinstance(value, bool),
        "int": lambda value: is_whole(value, 32),
        "bigint": lambda value: is_whole(value, 64),
        "double": lambda value: type(value) in (int, float) and math.isfinite(value),
        "date": is_date,
        "timestamp": is_timestamp,
    }
    if data_type in simple:
        return simple[data_type]
    if match := re.fullmatch(r"array<(.+)>", data_type):
        item = checker(match[1])
        return lambda value: isinstance(value, list) and all(map(item, value))
    if match := re.fullmatch(r"struct<(.+)>", data_type):
        # No struct of ours holds another type with a comma in it.
        pairs = (field.split(":") for field in match[1].split(","))
        fields = {name.strip(): checker(kind.strip()) for name, kind in pairs}
        return lambda value: (
            isinstance(value, dict)
            and value.keys() == fields.keys()
            and all(test(value[name]) for name, test in fields.items())
        )
    raise ValueError(f"{CONTRACT} has a column of type {data_type!r}, which enrich does not know.")


BUILD_AGAIN = "Build the export again with `dbt build` of this version."
LOOK_UP_AGAIN = "Make it again with `python -m enrich lookup`, or delete it."


def check(
    finding: dict[str, Any],
    where: str,
    columns: dict[str, str] | None = None,
    cure: str = BUILD_AGAIN,
) -> None:
    """Check one row against the contract.

    Parameters
    ----------
    finding
        The row.
    where
        File and line, for the message.
    columns
        Type by column name; the contract's if left out.
    cure
        What to do about it, for the message.

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
            if column in NEVER_NULL:
                raise ContractError(f"{where}: the column {column} is null. {cure}")
        elif not checker(data_type)(value):
            shown = json.dumps(value)[:80]
            raise ContractError(f"{where}: {column} is {shown}, not a {data_type}. {cure}")


def storage(url: str) -> tuple[fsspec.AbstractFileSystem, str]:
    """Find the file system of a path or URL.

    Parameters
    ----------
    url
        A local path, or a URL that fsspec knows, such as ``abfss://``.

    Returns
    -------
    tuple of file system and path
        For Azure, with the login that azure-identity finds.

    Raises
    ------
    UserError
        If fsspec cannot reach such a place at all.
    """
    options = {"anon": False} if url.startswith(("abfs://", "abfss://", "az://")) else {}
    try:
        return fsspec.core.url_to_fs(url, **options)
    except (ValueError, ImportError) as error:
        raise UserError(
            f"{url} cannot be opened: {error}. Give a folder or abfss:// URL."
        ) from None


def read_text(file_system: fsspec.AbstractFileSystem, path: str) -> str:
    """Read a text file.

    Parameters
    ----------
    file_system, path
        As `storage` returns them.

    Returns
    -------
    str
        The content.

    Raises
    ------
    UserError
        If it cannot be read, or is not UTF-8.
    """
    try:
        return file_system.cat_file(path).decode("utf-8")
    except UnicodeDecodeError as error:
        cure = "Write it again."
        raise UserError(f"{path} is not UTF-8 text at byte {error.start}. {cure}") from None
    except Exception as error:  # each store has errors of its own
        raise UserError(f"{path} cannot be read: {reason_of(error)}") from None


def write_text(url: str, text: str) -> None:
    """Write a text file whole: a reader sees the old one or the new one.

    Parameters
    ----------
    url
        As for `storage`.
    text
        The content.

    Raises
    ------
    UserError
        If it cannot be written.
    """
    file_system, path = storage(url)
    # Half of a surrogate pair cannot be written, and a log may hold one.
    content = text.encode("utf-8", errors="replace")
    try:
        if "file" in file_system.protocol:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            unfinished = f"{path}.{os.getpid()}.new"
            Path(unfinished).write_bytes(content)
            os.replace(unfinished, path)
        else:
            file_system.pipe_file(path, content)
    except Exception as error:  # each store has errors of its own
        raise UserError(f"{url} cannot be written: {reason_of(error)}") from None


def not_json(name: str) -> None:
    """Refuse NaN and Infinity, which Python would take and JSON does not have."""
    raise ValueError(f"{name} is not JSON")


def parse_lines(text: str, name: str, cure: str = BUILD_AGAIN) -> list[dict[str, Any] | None]:
    """Parse one JSON object a line.

    Parameters
    ----------
    text
        The lines.
    name
        Of the file, for messages.
    cure
        What to do about a line that is none, for the message.

    Returns
    -------
    list of dict or None
        One item a line; blank lines are None, so that places are line numbers.

    Raises
    ------
    ContractError
        If a line is no JSON object.
    """
    rows = []
    for number, line in enumerate(text.split("\n"), start=1):
        row = None
        if line.strip():
            try:
                row = json.loads(line, parse_constant=not_json)
            except (ValueError, RecursionError):
                row = None
            if not isinstance(row, dict):
                raise ContractError(
                    f"{name}, line {number} is not a finding but {line[:40]!r}: the file is "
                    f"truncated or of another kind. {cure}"
                )
        rows.append(row)
    return rows


def read_findings(export_root: str) -> list[dict[str, Any]]:
    """Read the export of a run, the strongest finding first.

    Parameters
    ----------
    export_root
        The folder or URL that the var `export_root` names; the findings are below its
        `network_beaconing_anomalies`.

    Returns
    -------
    list of dict
        One item a finding, as exported; by severity, then beacon_score, then percent_beacon, the
        suppressed ones last. Empty if the run found nothing.

    Raises
    ------
    ContractError
        If a row is not what the contract says, or the rows are of more than one run.
    UserError
        If there is no export, or it cannot be read.
    """
    folder = f"{export_root.rstrip('/')}/{FOLDER}"
    file_system, path = storage(folder)
    try:
        there = file_system.isdir(path)
        files = sorted(file_system.find(path)) if there else []
    except Exception as error:  # each store has errors of its own
        raise UserError(f"{folder} cannot be listed: {reason_of(error)}") from None
    if not there:
        raise UserError(f"there is no export in {folder}. Run `make demo` or `dbt build` first.")
    findings: list[dict[str, Any]] = []
    runs: dict[tuple[str, ...], str] = {}
    for file in files:
        if not file.endswith(".json") or Path(file).name.startswith((".", "_")):
            continue
        lines = parse_lines(read_text(file_system, file), file)
        for number, row in enumerate(lines, start=1):
            if row is None:
                continue
            check(row, f"{file}, line {number}")
            findings.append(row)
            runs.setdefault((row["end_date"], row["run_id"]), file)
    if len(runs) > 1:
        shown = "; ".join(f"{', '.join(run)} in {file}" for run, file in list(runs.items())[:3])
        raise ContractError(
            f"{folder} holds the rows of {len(runs)} runs (end_date, run_id): "
            f"{shown}. Empty the folder and build the export again."
        )
    counts = Counter((row["run_id"], row["beacon_id"]) for row in findings)
    if doubles := [beacon_id for (_, beacon_id), count in counts.items() if count > 1]:
        raise ContractError(
            f"{folder} holds {len(doubles)} findings more than once, such as {doubles[0]}. "
            "Empty the folder and build the export again."
        )
    return sorted(findings, key=rank)


def vendors_of(findings: list[dict[str, Any]]) -> list[str]:
    """List the vendors that findings are of, each once, in order."""
    return sorted({str(finding["device_vendor"]) for finding in findings})


def rank(finding: dict[str, Any]) -> tuple[bool, int, float, float]:
    """Order findings: suppressed last, then severity, beacon_score and percent_beacon."""
    severity = finding.get("severity")
    return (
        finding.get("suppressed") is True,
        SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES),
        -(finding.get("beacon_score") or 0),
        -(finding.get("percent_beacon") or 0),
    )


def read_enriched(export_root: str, findings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Read what the lookups added, if it belongs to these findings; else return them as they are.

    Parameters
    ----------
    export_root
        As for `read_findings`.
    findings
        Those of the export.

    Returns
    -------
    list of dict
        The findings, with `LOOKUP_COLUMNS` where `enrich lookup` wrote them for the same run.

    Raises
    ------
    UserError
        If the file is there and broken.
    """
    url = f"{export_root.rstrip('/')}/{ENRICHED}"
    file_system, path = storage(url)
    if not findings or not file_system.exists(path):
        return findings
    rows = parse_lines(read_text(file_system, path), url, LOOK_UP_AGAIN)
    if {row.get("run_id") for row in rows if row} != {findings[0]["run_id"]}:
        return findings
    for number, row in enumerate(rows, start=1):
        if row is not None:
            check(row, f"{url}, line {number}", contract() | LOOKUP_COLUMNS, LOOK_UP_AGAIN)
    added = {row["beacon_id"]: {name: row[name] for name in LOOKUP_COLUMNS} for row in rows if row}
    if not all(finding["beacon_id"] in added for finding in findings):
        return findings
    return [finding | added[finding["beacon_id"]] for finding in findings]


def write_enriched(export_root: str, findings: list[dict[str, Any]]) -> str:
    """Write findings with their lookup columns beside the export.

    Parameters
    ----------
    export_root
        As for `read_findings`.
    findings
        Those of the export, with `LOOKUP_COLUMNS`.

    Returns
    -------
    str
        Where they are.

    Raises
    ------
    UserError
        If the file cannot be written.
    """
    url = f"{export_root.rstrip('/')}/{ENRICHED}"
    write_text(url, "".join(json.dumps(finding) + "\n" for finding in findings))
    return url
