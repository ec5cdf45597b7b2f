"""The findings of a run: the JSON export, and the file that the lookups write beside it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import fsspec

from enrich.contract import BUILD_AGAIN, LOOKUP_COLUMNS, ContractError, all_columns, check
from enrich.severity import NAMED, SEVERITIES, effective_severity, is_denied, known_bad
from enrich.storage import list_files, read_text, storage, write_text
from enrich.words import UserError

FOLDER = "network_beaconing_anomalies"
ENRICHED = "enriched.jsonl"
LOOK_UP_AGAIN = "Make it again with `python -m enrich lookup`, or delete it."
EMPTY_FOLDER = "Empty the folder and build the export again."


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
        If there is no export, or it cannot be read.
    """
    folder = f"{export_root.rstrip('/')}/{FOLDER}"
    file_system, files = list_files(folder)
    if files is None:
        raise UserError(f"there is no export in {folder}. Run `make demo` or `dbt build` first.")
    findings: list[dict[str, Any]] = []
    runs: dict[tuple[str, ...], str] = {}
    for file in files:
        if file.endswith(".json") and not Path(file).name.startswith((".", "_")):
            rows = read_rows(file_system, file)
            findings += rows
            for row in rows:
                runs.setdefault((row["end_date"], row["run_id"]), file)
    check_one_run(folder, runs)
    check_no_copies(folder, findings)
    return sorted(findings, key=rank)


def read_rows(file_system: fsspec.AbstractFileSystem, file: str) -> list[dict[str, Any]]:
    """Read one file of the export, and check each row against the contract."""
    rows = []
    for number, row in enumerate(parse_lines(read_text(file_system, file), file), start=1):
        if row is not None:
            check(row, f"{file}, line {number}")
            rows.append(row)
    return rows


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


def parse_lines(text: str, name: str, cure: str = BUILD_AGAIN) -> list[dict[str, Any] | None]:
    """Parse one JSON object per line; raise `ContractError` with the cure for any other line.

    A blank line becomes None, so that items match line numbers. `name` is the file, for messages.
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
    severity = effective_severity(finding)
    return (
        finding.get("suppressed") is True,
        SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES),
        is_denied(finding),
        known_bad(finding) != NAMED,
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
    rows = parse_lines(read_text(file_system, path), url, LOOK_UP_AGAIN)
    if {row.get("run_id") for row in rows if row} != {findings[0]["run_id"]}:
        return findings
    for number, row in enumerate(rows, start=1):
        if row is not None:
            check(row, f"{url}, line {number}", all_columns(), LOOK_UP_AGAIN)
    added = {row["beacon_id"]: {name: row[name] for name in LOOKUP_COLUMNS} for row in rows if row}
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
    write_text(url, "".join(json.dumps(finding) + "\n" for finding in findings))
    return url
