"""Where and how to push."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field

from enrich.fields import PROJECT, Count, LocalPath, Positive, PositiveCount, Section
from enrich.push.columns import LARGEST_REQUEST
from enrich.words import SettingsError, UserError

# Azure writes some of these words in either case.
WORKSPACE = re.compile(
    r"/subscriptions/[^/?#]+/resource[gG]roups/[^/?#]+/providers"
    r"/[mM]icrosoft\.[oO]perational[iI]nsights/workspaces/[^/?#]+"
)


class PushError(UserError):
    """A mistake that stops the push before anything is sent; the message says the cure."""


class PushSettingsError(PushError, SettingsError):
    """A setting with which nothing can be pushed."""


class PushSettings(Section):
    """The section `push`.

    Parameters
    ----------
    endpoint
        Logs ingestion address of the data collection rule, ``https://….ingest.monitor.azure.com``.
        ``http://`` is for tests: only on loopback, without a login.
    rule_id
        Immutable id of the rule, ``dcr-…``.
    required
        Whether a run without an endpoint is an error.
    table
        The custom table of the findings; its stream is ``Custom-`` and the name.
    runs_table
        The custom table of the runs.
    ledger
        File with what was sent; on a local disk, and kept between runs.
    bookmarks
        For how many of the strongest findings to make a bookmark; 0 for none.
    workspace
        Resource id of the Sentinel workspace, ``/subscriptions/…``: only bookmarks need it.
    audience
        Audience of the login's token; another one outside the public cloud.
    management
        Address of Azure's resource manager; another one outside the public cloud.
    chunk_bytes
        JSON bytes in one request, at most `LARGEST_REQUEST`.
    most_attempts
        Attempts at one request before its rows wait for the next push.
    first_wait_seconds, longest_wait_seconds
        Pause before the second attempt, doubled for each further one, up to the longest. The actual
        pause is drawn between half of that and all of it. A longer Retry-After is respected; if it
        exceeds the longest pause, the push ends and its rows wait for the next one.
    timeout_seconds
        Timeout of the connection, and of each answer.
    """

    endpoint: str = ""
    rule_id: str = ""
    required: bool = False
    table: str = "network_beaconing_anomalies_CL"
    runs_table: str = "network_beaconing_runs_CL"
    ledger: LocalPath = PROJECT / "output/enrich/ledger.sqlite"
    bookmarks: Count = 0
    workspace: str = ""
    audience: str = "https://monitor.azure.com/.default"
    management: str = "https://management.azure.com"
    chunk_bytes: Annotated[int, Field(gt=0, le=LARGEST_REQUEST)] = 900_000
    most_attempts: PositiveCount = 8
    first_wait_seconds: Positive = 1.0
    longest_wait_seconds: Positive = 120.0
    timeout_seconds: Positive = 60.0

    def destination_of(self, table: str) -> str:
        """Name a destination in the ledger: endpoint, rule and table."""
        return f"{self.endpoint.rstrip('/')} {self.rule_id} {table}"

    def check(self) -> None:
        """Raise a `PushSettingsError` if nothing can be pushed with these settings."""
        if not is_https(self.endpoint) and not is_loopback(self.endpoint):
            raise PushSettingsError(
                f"push.endpoint is {self.endpoint!r}, not an https:// address. Give the rule's "
                "logs ingestion endpoint: deploy/sentinel/main.bicep puts it out as "
                "logsIngestionEndpoint."
            )
        if not re.fullmatch(r"dcr-[0-9a-zA-Z]+", self.rule_id):
            raise PushSettingsError(
                f"push.rule_id is {self.rule_id!r}, not an immutable id such as dcr-0123abcd. "
                "deploy/sentinel/main.bicep puts it out as ruleId."
            )
        for name in ("table", "runs_table"):
            table = getattr(self, name)
            if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,59}_CL", table):
                raise PushSettingsError(
                    f"push.{name} is {table!r}. A custom table has letters, digits and _ in its "
                    "name and _CL at its end."
                )
        if self.bookmarks and not WORKSPACE.fullmatch(self.workspace):
            raise PushSettingsError(
                f"push.bookmarks is {self.bookmarks} and push.workspace {self.workspace!r}. Give "
                "the workspace's resource id, /subscriptions/.../workspaces/NAME."
            )
        if urlsplit(self.management).scheme != "https" and not is_loopback(self.management):
            raise PushSettingsError(
                f"push.management is {self.management!r}, not an https:// address."
            )


def is_https(url: str) -> bool:
    """Tell whether a URL has a host and is encrypted."""
    parts = urlsplit(url)
    return parts.scheme == "https" and bool(parts.hostname)


def is_loopback(url: str) -> bool:
    """Tell whether a URL is that of a test server on this machine."""
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost")
