"""Bookmarks in Microsoft Sentinel for the strongest findings, each made once.

The name of a bookmark follows from workspace, beacon and day. A second run therefore finds the
bookmark and leaves it unchanged, with whatever an analyst has written into it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from enrich.contract import all_columns
from enrich.push.azure_clients import management_client
from enrich.push.columns import cut_text, json_text, to_row
from enrich.push.results import PushResult
from enrich.push.settings import PushSettings
from enrich.words import without_secrets

API_VERSION = "2024-03-01"
QUERY = "NetworkBeaconing | where BeaconId == {BeaconId} | sort by EndDate desc"
LONGEST_TITLE = 256  # bytes
LONGEST_NOTES = 4_000  # bytes


def make_all(findings: list[dict[str, Any]], settings: PushSettings, result: PushResult) -> None:
    """Make bookmarks of the strongest findings that are not suppressed; count them in `result`.

    `findings` begin with the strongest. A bookmark that fails does not stop the others.
    """
    from azure.core.exceptions import AzureError

    chosen = [f for f in findings if f.get("suppressed") is not True][: settings.bookmarks]
    with management_client(settings) as send:
        for finding in chosen:
            try:
                result.bookmarks_made += make(send, settings.workspace, finding)
            except AzureError as error:
                result.bookmarks_failed += 1
                result.add_problem(f"no bookmark: {without_secrets(str(error))}")


def make(send: Callable[..., Any], workspace: str, finding: dict[str, Any]) -> bool:
    """Make the bookmark of a finding; return False if it exists already.

    `send` comes from `management_client`. Its retries do no harm: a second PUT makes the same
    bookmark. Raise `AzureError` if the service refuses or cannot be reached.
    """
    from azure.core.exceptions import HttpResponseError

    path = (
        f"{workspace}/providers/Microsoft.SecurityInsights/bookmarks/"
        f"{name_of(workspace, finding)}?api-version={API_VERSION}"
    )
    response = send("GET", path)
    if response.status_code == 200:
        return False
    if response.status_code == 404:
        response = send("PUT", path, {"properties": properties_of(finding)})
        if response.status_code in (200, 201):
            return True
    raise HttpResponseError(response=response)


def name_of(workspace: str, finding: dict[str, Any]) -> str:
    """Return the UUID of a finding's bookmark, the same in every run of the day."""
    words = (workspace.lower(), finding["beacon_id"], finding["end_date"])
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(words)))


def properties_of(finding: dict[str, Any]) -> dict[str, Any]:
    """Return title, the reasons as notes, the query that shows the beacon, and the row itself."""
    row = to_row(finding, all_columns(), finding["run_started_at"])
    port = "" if row.get("DestinationPort") is None else f" port {row['DestinationPort']}"
    title = f"{row['SourceIP']} beacons to {row['DestinationIP']}{port}"
    return {
        "displayName": cut_text(title, LONGEST_TITLE),
        "notes": cut_text("\n".join(map(str, row.get("Reasons", []))), LONGEST_NOTES),
        "labels": ["network_beaconing", row["Severity"]],
        # KQL strings are written like JSON strings.
        "query": QUERY.format(BeaconId=json_text(row["BeaconId"])),
        "queryResult": cut_text(json_text(row)),
        "eventTime": row.get("LastSeen", row["EndDate"]),
    }
