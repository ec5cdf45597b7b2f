"""Bookmarks in Microsoft Sentinel for the strongest findings, each made once.

The name of a bookmark follows from workspace, beacon and day, so that a second run finds it there
and leaves it, with whatever an analyst has written into it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from enrich.push import columns as sentinel

API_VERSION = "2024-03-01"
QUERY = "NetworkBeaconing | where BeaconId == {BeaconId} | sort by EndDate desc"


def name_of(workspace: str, finding: dict[str, Any]) -> str:
    """Return the name of a finding's bookmark.

    Parameters
    ----------
    workspace
        The workspace's resource id.
    finding
        As exported.

    Returns
    -------
    str
        A UUID, the same in every run.
    """
    words = (workspace.lower(), finding["beacon_id"], finding["end_date"])
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(words)))


def properties_of(finding: dict[str, Any]) -> dict[str, Any]:
    """Return what a bookmark of a finding says.

    Parameters
    ----------
    finding
        As exported, with or without lookup columns.

    Returns
    -------
    dict
        Title, the reasons as notes, the query that shows the beacon, and the row itself.
    """
    row = sentinel.to_row(finding, sentinel.row_columns(), finding["run_started_at"])
    port = "" if row.get("DestinationPort") is None else f" port {row['DestinationPort']}"
    title = f"{row['SourceIP']} beacons to {row['DestinationIP']}{port}"
    return {
        "displayName": sentinel.cut_text(title, 256),
        "notes": sentinel.cut_text("\n".join(map(str, row.get("Reasons", []))), 4_000),
        "labels": ["network_beaconing", row["Severity"]],
        # Texts of KQL are written as JSON writes them.
        "query": QUERY.format(BeaconId=sentinel.json_text(row["BeaconId"])),
        "queryResult": sentinel.cut_text(sentinel.json_text(row)),
        "eventTime": row.get("LastSeen", row["EndDate"]),
    }


def make(send: Callable[..., Any], workspace: str, finding: dict[str, Any]) -> bool:
    """Make the bookmark of a finding if it is not there yet.

    Parameters
    ----------
    send
        Calls Azure's resource manager: takes method, path and JSON body, returns the response.
        It may repeat failed calls: making the same bookmark twice is making it once.
    workspace
        The workspace's resource id.
    finding
        As exported, with or without lookup columns.

    Returns
    -------
    bool
        False if it was there.

    Raises
    ------
    azure.core.exceptions.AzureError
        If the service refuses or cannot be reached.
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
