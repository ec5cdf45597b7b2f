"""Lay the files of this folder out as a solution in the repository Azure/Azure-Sentinel.

    python deploy/sentinel/solution.py FOLDER      # writes FOLDER/Solutions/Network Beaconing

Rules, hunting query and workbook are copied. Function and watchlist are written as that repository
wraps them. The folder Package is made there, by its own tool. Never submitted.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
NAME = "Network Beaconing"
VERSION = "1.0.0"
FIRST_DAY = "2026-11-27"
COPIED = {
    "Analytic Rules": ["analytics_rule.yaml", "no_run_rule.yaml", "few_lines_rule.yaml"],
    "Hunting Queries": ["hunting_query.yaml"],
    "Workbooks": ["workbook.json"],
}
WATCHLIST = "network_beaconing_suppressions"
METADATA = {
    "publisherId": "network_beaconing",
    "offerId": "network-beaconing",
    "firstPublishDate": FIRST_DAY,
    "providers": ["network_beaconing"],
    "categories": {"domains": ["Security - Network", "Security - Threat Protection"]},
    "support": {"name": "network_beaconing", "tier": "Community"},
}
NOTES = """| **Version** | **Date Modified (DD-MM-YYYY)** | **Change History** |
|---|---|---|
| {} | {} | The first version |
"""


def lay_out(folder: Path) -> Path:
    """Write the solution below a folder, and return its own."""
    solution = folder / "Solutions" / NAME
    files = {kind: [f"{kind}/{name}" for name in names] for kind, names in COPIED.items()}
    for kind, names in COPIED.items():
        (solution / kind).mkdir(parents=True, exist_ok=True)
        for name in names:
            shutil.copy(HERE / name, solution / kind / name)
    files["Parsers"] = ["Parsers/NetworkBeaconing.yaml"]
    files["Watchlists"] = [f"Watchlists/{WATCHLIST}.json"]
    write(solution / files["Parsers"][0], yaml.safe_dump(parser(), sort_keys=False))
    write(solution / files["Watchlists"][0], as_json({"resources": [watchlist()]}))
    write(solution / f"Data/Solution_{NAME.replace(' ', '')}.json", as_json(data_of(files)))
    write(solution / "SolutionMetadata.json", as_json(METADATA))
    day = "-".join(reversed(FIRST_DAY.split("-")))
    write(solution / "ReleaseNotes.md", NOTES.format(VERSION, day))
    return solution


def parser() -> dict[str, Any]:
    """Wrap the function NetworkBeaconing."""
    return {
        "id": "5d1e7a3c-8b2f-4a69-9c04-6f0d2e8b7a15",
        "Function": {"Title": NAME, "Version": VERSION, "LastUpdated": FIRST_DAY},
        "Category": "Microsoft Sentinel Parser",
        "FunctionName": "NetworkBeaconing",
        "FunctionAlias": "NetworkBeaconing",
        "FunctionQuery": (HERE / "network_beaconing.kql").read_text(encoding="utf-8"),
    }


def watchlist() -> dict[str, Any]:
    """Wrap the watchlist, as main.bicep has it."""
    return {
        "type": "Microsoft.OperationalInsights/workspaces/providers/Watchlists",
        "name": f"['{WATCHLIST}']",
        "apiVersion": "2024-03-01",
        "properties": {
            "watchlistAlias": WATCHLIST,
            "displayName": "Known harmless beacons",
            "description": "Rows for the seed suppressions of network_beaconing",
            "provider": "network_beaconing",
            "source": "watchlist.csv",
            "itemsSearchKey": "destination_network",
            "contentType": "text/csv",
            "numberOfLinesToSkip": 0,
            "rawContent": (HERE / "watchlist.csv").read_text(encoding="utf-8"),
        },
    }


def data_of(files: dict[str, list[str]]) -> dict[str, Any]:
    """Say what belongs to the solution, for the tool that makes its package."""
    return {
        "Name": NAME,
        "Author": "network_beaconing",
        "Logo": "",
        "Description": "Alerts, a hunting query and a workbook for the beacons that "
        "network_beaconing finds in firewall logs and pushes. Tables and data collection rule "
        "are deployed by the project's own main.bicep, before this.",
        **files,
        "BasePath": f"Solutions/{NAME}",
        "Version": VERSION,
        "Metadata": "SolutionMetadata.json",
        "TemplateSpec": True,
        "Is1PConnector": False,
    }


def as_json(document: object) -> str:
    """Write a document as JSON."""
    return json.dumps(document, indent=2) + "\n"


def write(file: Path, text: str) -> None:
    """Write a file, with its folder."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python deploy/sentinel/solution.py FOLDER")
    print(lay_out(Path(sys.argv[1])))
