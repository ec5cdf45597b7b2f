"""The findings of a run: the JSON export, and the file that the lookups write beside it."""

from __future__ import annotations

import datetime as dt
import json
import marshal
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import fsspec

from enrich.contract import (
    BUILD_AGAIN,
    LOOKUP_COLUMNS,
    NEVER_NULL,
    ContractError,
    as_time,
    check,
    contract,
    run_columns,
)
from enrich.severity import NAMED, is_denied, known_bad, place_of
from enrich.storage import SUCCESS, list_files, read_lines, storage, write_text
from enrich.words import UserError, visible

FOLDER = "network_beaconing_anomalies"
RUNS_FOLDER = "network_beaconing_runs"
ENRICHED = "enriched.jsonl"
BEFORE = "enriched_before.jsonl"  # the same of the run before, for `enrich diff`
STALE_AFTER = dt.timedelta(hours=26)  # a nightly run, and two hours
MOST_REJECTED = 0.05  # of a day's lines: with more, much may have been missed
MOST_NAMED = 3  # suppressions in warnings
LOOK_UP_AGAIN = "Make it again with `python -m enrich lookup`, or delete it."
EMPTY_FOLDER = "Empty the folder and build the export again."
KEYS = ("run_id", "beacon_id")  # what a row of ENRICHED is known by
NEVER_NULL_OF_A_RUN = ("run_id", "end_date", "device_vendors", "finding_count")


class Unpacked(Sequence):
    """Findings of which the long columns are unpacked when a finding is asked for, not before.

    Parameters
    ----------
    findings
        As `read_export` returns them.
    """

    def __init__(self, findings: list[dict[str, Any]]) -> None:
        self.findings = findings

    def __len__(self) -> int:
        """Return the number of findings."""
        return len(self.findings)

    def __getitem__(self, place: Any) -> Any:  # noqa: ANN401 (a number or a slice)
        """Return a finding, or several as a sequence of the same kind."""
        found = self.findings[place]
        return Unpacked(found) if isinstance(place, slice) else unpacked(found)


def packed(finding: dict[str, Any], columns: dict[str, str]) -> dict[str, Any]:
    """Make a finding small: 10,000 histograms of 100 bars are a million dicts.

    The names of its columns become those of the contract, the same for every finding.
    """
    small = {name: finding[name] for name in columns}
    for name in packed_columns():
        if small[name] is not None:
            small[name] = marshal.dumps(small[name])  # for this process only, never from a file
    return small


@cache
def packed_columns() -> list[str]:
    """List the columns that are packed: those with lists of anything but texts."""
    return [
        name
        for name, kind in contract().items()
        if kind.startswith("array<") and kind != "array<string>"
    ]


def unpacked(finding: dict[str, Any]) -> dict[str, Any]:
    """Return a finding as it was exported."""
    long = {name: finding[name] for name in packed_columns() if isinstance(finding[name], bytes)}
    return finding | {name: marshal.loads(value) for name, value in long.items()}


@dataclass
class Export:
    """What a run left.

    Parameters
    ----------
    findings
        As `read_findings` returns them, with their long columns packed: `Unpacked` undoes it.
    run
        The row of the run that they are of, by the contract of export_network_beaconing_runs; None
        if there is none.
    warnings
        What the user should know of the export, each a sentence.
    """

    findings: list[dict[str, Any]]
    run: dict[str, Any] | None = None
    warnings: list[str] = field(default_factory=list)

    @property
    def of_the_run(self) -> dict[str, Any] | None:
        """A row with run_id, run_started_at and end_date; None if nothing tells them."""
        return self.run or (self.findings[0] if self.findings else None)

    @property
    def vendors(self) -> list[str]:
        """The vendors that were judged, or at least those of the findings."""
        return self.run["device_vendors"] if self.run else vendors_of(self.findings)

    @property
    def rejected_share(self) -> float:
        """The share of the day's lines that could not be used."""
        return self.run["rejected_line_count"] / max(self.run["line_count"], 1) if self.run else 0.0


def read_export(export_root: str) -> Export:
    """Read the findings of a run and its row, and say what is odd about them.

    Raises
    ------
    ContractError
        As `read_findings`; also if findings are missing that the row of the run counts.
    UserError
        As `read_findings`.
    """
    findings = read_packed(export_root)
    export = Export(findings)
    folder = f"{export_root.rstrip('/')}/{RUNS_FOLDER}"
    run = read_run(folder)
    found = findings[0] if findings else None
    if run is None:
        if not findings:
            written = written_at(*storage(f"{export_root.rstrip('/')}/{FOLDER}/{SUCCESS}"))
            export.warnings.append(
                f"the export has no findings and no row of its run ({folder}): it was written "
                f"{written}, and of which day it is cannot be told. Build it with this version."
            )
    elif found and found["run_id"] != run["run_id"]:
        export.warnings.append(
            f"the findings are of the run {said_of(found)}; the last run that went to its end is "
            f"{said_of(run)}. The run of the findings did not go to its end, or was of a part."
        )
    else:
        export.run = run
        if run["finding_count"] != len(findings):
            raise ContractError(
                f"the run {said_of(run)} made {run['finding_count']} findings, and the export in "
                f"{export_root} has {len(findings)}. {EMPTY_FOLDER}"
            )
        if export.rejected_share > MOST_REJECTED:
            export.warnings.append(
                f"{export.rejected_share:.0%} of the lines of {run['end_date']} could not be used "
                f"({run['rejected_line_count']} of {run['line_count']}): beacons may be missed. "
                "The table stg_common_security_log_rejects says why."
            )
        export.warnings += said_of_suppressions(run["idle_suppressions"] or [])
    if (row := export.of_the_run) and age_of(row["run_started_at"]) > STALE_AFTER:
        export.warnings.append(
            f"the export is of the run {said_of(row)}, {age_in_words(row['run_started_at'])} ago: "
            "was there none since?"
        )
    return export


def said_of_suppressions(idle: list[dict[str, str]]) -> Iterator[str]:
    """Name the suppressions that cannot be used, or have expired: what they hid is shown again."""
    lost = [row for row in idle if row["state"].startswith(("cannot be used", "expired"))]
    for row in lost[:MOST_NAMED]:
        said = visible(row["suppression"])
        yield f"a suppression hides nothing, {visible(row['state'])}: {said}"
    if len(lost) > MOST_NAMED:
        yield f"{len(lost) - MOST_NAMED} suppressions more hide nothing: the report lists them."


def said_of(row: dict[str, Any]) -> str:
    """Name a run by its id, start and day."""
    start = row["run_started_at"] or "an unknown time"
    return f"{visible(row['run_id'])} of {start} for the day {row['end_date']}"


def age_of(time: str | None) -> dt.timedelta:
    """Return how long ago a time of the export is; nothing if it is unknown."""
    now = dt.datetime.now(dt.timezone.utc)
    return now - as_time(time) if time else dt.timedelta(0)


def age_in_words(time: str | None) -> str:
    """Write how long ago a time of the export is, in minutes, hours or days."""
    hours = age_of(time).total_seconds() / 3600
    if hours < 1:
        return f"{hours * 60:.0f} minutes"
    return f"{hours:.0f} hours" if hours < 48 else f"{hours / 24:.0f} days"


def read_run(folder: str) -> dict[str, Any] | None:
    """Read the row of a run; None if an older version made the export."""
    file_system, files = list_files(folder)
    if files is None:
        return None
    rows = []
    for file in files_with_rows(file_system, folder, files):
        rows += read_rows(file_system, file, run_columns(), never_null=NEVER_NULL_OF_A_RUN)
    if len(rows) != 1:
        raise ContractError(f"{folder} has {len(rows)} rows, not that of one run. {EMPTY_FOLDER}")
    return rows[0]


def read_findings(export_root: str) -> list[dict[str, Any]]:
    """Read the export of a run, the strongest finding first.

    Parameters
    ----------
    export_root
        Folder or URL that the var `export_root` names; the findings are in its subfolder
        `network_beaconing_anomalies`.

    Returns
    -------
    list of dict
        One item per finding, as exported, sorted by severity, beacon_score and percent_beacon;
        suppressed findings last. Empty if the run found nothing.

    Raises
    ------
    ContractError
        If a row breaks the contract, rows are of more than one run, or a finding appears twice.
    UserError
        If there is no export, it is unfinished, or it cannot be read.
    """
    return list(Unpacked(read_packed(export_root)))


def read_packed(export_root: str) -> list[dict[str, Any]]:
    """Read findings as `read_findings` does, with their long columns packed."""
    folder = f"{export_root.rstrip('/')}/{FOLDER}"
    file_system, files = list_files(folder)
    if files is None:
        raise UserError(f"there is no export in {folder}. Run `make demo` or `dbt build` first.")
    findings: list[dict[str, Any]] = []
    runs: dict[tuple[str, ...], str] = {}
    for file in files_with_rows(file_system, folder, files):
        for row in read_rows(file_system, file):
            runs.setdefault((row["end_date"], row["run_id"]), file)
            findings.append(packed(row, contract()))
    check_one_run(folder, runs)
    check_no_copies(folder, findings)
    return sorted(findings, key=rank)


def files_with_rows(
    file_system: fsspec.AbstractFileSystem, folder: str, files: list[str]
) -> Iterator[str]:
    """Yield the files with rows; refuse a folder that is unfinished or has other files."""
    names = {file: Path(file).name for file in files}
    # Databricks marks a finished write in a way of its own, too.
    if not any(name == SUCCESS or name.startswith("_committed_") for name in names.values()):
        newest = max((written_at(file_system, file) for file in files), default="never")
        raise UserError(
            f"{folder} is unfinished: {SUCCESS} is missing, and the last file was written {newest}."
            " Run `dbt build` again."
        )
    with_rows = [file for file in files if not names[file].startswith((".", "_"))]
    if foreign := [file for file in with_rows if not file.endswith(".json")]:
        raise UserError(
            f"{folder} has {len(foreign)} files that are not read, such as {foreign[0]}, written "
            f"{written_at(file_system, foreign[0])}. {EMPTY_FOLDER}"
        )
    yield from with_rows


def written_at(file_system: fsspec.AbstractFileSystem, path: str) -> str:
    """Write when a file was written, as UTC; the stores name that differently."""
    try:
        info = file_system.info(path)
    except Exception:  # each store raises its own errors
        return "at an unknown time"
    time = next((info[n] for n in ("mtime", "last_modified", "created") if info.get(n)), None)
    if isinstance(time, (int, float)):
        time = dt.datetime.fromtimestamp(time, dt.timezone.utc)
    return f"on {time:%Y-%m-%d %H:%M} UTC" if time else "at an unknown time"


def read_rows(
    file_system: fsspec.AbstractFileSystem,
    file: str,
    columns: dict[str, str] | None = None,
    cure: str = BUILD_AGAIN,
    never_null: tuple[str, ...] = NEVER_NULL,
) -> Iterator[dict[str, Any]]:
    """Read one file, row by row; check each against the contract, or against other columns."""
    lines = read_lines(file_system, file)
    for number, row in enumerate(parse_lines(lines, file, cure), start=1):
        if row is not None:
            check(row, f"{file}, line {number}", columns, cure, never_null)
            yield row


def check_one_run(folder: str, runs: dict[tuple[str, ...], str]) -> None:
    """Refuse the rows of several runs; `runs` has one file for each (end_date, run_id)."""
    if len(runs) > 1:
        shown = "; ".join(f"{', '.join(run)} in {file}" for run, file in list(runs.items())[:3])
        raise ContractError(
            f"{folder} holds the rows of {len(runs)} runs (end_date, run_id): {shown}. "
            f"{EMPTY_FOLDER}"
        )


def check_no_copies(folder: str, findings: list[dict[str, Any]]) -> None:
    """Refuse findings that appear more than once, as when a file was copied."""
    counts = Counter((row["run_id"], row["beacon_id"]) for row in findings)
    if doubles := [beacon_id for (_, beacon_id), count in counts.items() if count > 1]:
        raise ContractError(
            f"{folder} holds {len(doubles)} findings more than once, such as {doubles[0]}. "
            f"{EMPTY_FOLDER}"
        )


def parse_lines(
    lines: Iterable[str], name: str, cure: str = BUILD_AGAIN
) -> Iterator[dict[str, Any] | None]:
    """Parse one JSON object per line; raise `ContractError` with the cure for any other line.

    A blank line becomes None, so that items match line numbers. `name` is the file, for messages.
    """
    for number, line in enumerate(lines, start=1):
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
        yield row


def not_json(name: str) -> None:
    """Refuse NaN and Infinity: Python accepts them, JSON does not have them."""
    raise ValueError(f"{name} is not JSON")


def vendors_of(findings: list[dict[str, Any]]) -> list[str]:
    """List the vendors of the findings, each once, sorted."""
    return sorted({str(finding["device_vendor"]) for finding in findings})


def rank(finding: dict[str, Any]) -> tuple[bool, int, bool, bool, float, float]:
    """Return a sort key: suppressed last, then by severity, known bad first and denied last.

    The severity is the effective one; beacon_score and percent_beacon decide among equals.
    """
    return (
        finding.get("suppressed") is True,
        place_of(finding),
        known_bad(finding) != NAMED,
        is_denied(finding),
        -(finding.get("beacon_score") or 0),
        -(finding.get("percent_beacon") or 0),
    )


def read_enriched(export_root: str, findings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add the lookup columns that `enrich lookup` wrote for these findings.

    Parameters
    ----------
    export_root
        As for `read_findings`.
    findings
        From `read_findings`.

    Returns
    -------
    list of dict
        The findings with `LOOKUP_COLUMNS`; unchanged if `enrich lookup` wrote nothing for this run.

    Raises
    ------
    UserError
        If the file exists but is broken.
    """
    url = f"{export_root.rstrip('/')}/{ENRICHED}"
    file_system, path = storage(url)
    if not findings or not file_system.exists(path):
        return findings
    # The other columns are those of the export, which was read and checked already.
    columns = dict.fromkeys(KEYS, "string") | LOOKUP_COLUMNS
    added: dict[str, dict[str, Any]] = {}
    for number, row in enumerate(parse_lines(read_lines(file_system, path), url, LOOK_UP_AGAIN), 1):
        if row is None:
            continue
        if row.get("run_id") != findings[0]["run_id"]:
            return findings
        check(row, f"{url}, line {number}", columns, LOOK_UP_AGAIN, KEYS)
        added[row["beacon_id"]] = {name: row[name] for name in LOOKUP_COLUMNS}
    if not all(finding["beacon_id"] in added for finding in findings):
        return findings
    return sorted((finding | added[finding["beacon_id"]] for finding in findings), key=rank)


def write_enriched(export_root: str, findings: list[dict[str, Any]]) -> str:
    """Write findings with their lookup columns beside the export; return the path or URL.

    Raises
    ------
    UserError
        If the file cannot be written.
    """
    url = f"{export_root.rstrip('/')}/{ENRICHED}"
    keep_before(export_root, findings)
    write_text(url, (json.dumps(unpacked(finding)) + "\n" for finding in findings))
    return url


def keep_before(export_root: str, findings: list[dict[str, Any]]) -> None:
    """Keep the file of an earlier run, which is about to be replaced, for `enrich diff`."""
    file_system, path = storage(f"{export_root.rstrip('/')}/{ENRICHED}")
    if not file_system.exists(path):
        return
    run_id = findings[0]["run_id"] if findings else None
    try:
        first = json.loads(next(read_lines(file_system, path), "null"))
        is_other = bool(first) and first.get("run_id") != run_id
    except (ValueError, AttributeError):  # a broken file says nothing of an earlier run
        return
    if is_other:
        lines = (f"{line}\n" for line in read_lines(file_system, path))
        write_text(f"{export_root.rstrip('/')}/{BEFORE}", lines)


def read_before(export_root: str) -> list[dict[str, Any]] | None:
    """Read the findings of the run before, as `enrich lookup` left them; None if there are none."""
    url = f"{export_root.rstrip('/')}/{BEFORE}"
    file_system, path = storage(url)
    if not file_system.exists(path):
        return None
    return [row for row in parse_lines(read_lines(file_system, path), url, "Delete it.") if row]
