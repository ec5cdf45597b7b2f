"""Push findings to a Microsoft Sentinel table through Azure Monitor's Logs Ingestion API.

Every row goes through the ledger: into the outbox before anything is sent, out of it when the
service has confirmed it. Killed at any point and run again, every row arrives, and none is sent
again after its confirmation was read. A row that the service took without the answer arriving is
sent a second time, as the service has no way to ask; the KQL function hides the copy.

Neither msticpy nor pandas is imported, and Azure's client only when there is something to send.
"""

from __future__ import annotations

import gzip
import io
import logging
import math
import random
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from enrich.push import columns as sentinel
from enrich.push.ledger import Key, Ledger, Queued, now
from enrich.words import UserError, without_secrets

# The service takes 1 MB a request, compressed or not.
LARGEST_REQUEST = 1_000_000  # bytes
RETRIED_STATUSES = {408, 429, 500, 502, 503, 504}
CURES = {
    400: "The columns of the stream may differ: deploy deploy/sentinel/main.bicep "
    "of this version again",
    401: "The service does not know the login: check tenant and push.audience",
    403: "Give the login the role Monitoring Metrics Publisher on the rule, as "
    "deploy/sentinel/main.bicep does; it takes up to 30 minutes to work",
    404: "Check push.endpoint and push.rule_id, the rule's immutable id (dcr-…)",
}

# Called with rows done and rows in all, after every request.
Progress = Callable[[int, int], None]


class PushError(UserError):
    """A mistake that stops the push before anything is sent; the message says the cure."""


@dataclass
class PushSettings:
    """Where and how to push.

    Parameters
    ----------
    endpoint
        Logs ingestion address of the data collection rule, ``https://….ingest.monitor.azure.com``.
        ``http://`` only on loopback, where no login is made: for tests.
    rule_id
        Immutable id of the rule, ``dcr-…``.
    table
        The custom table; its stream is ``Custom-`` and the name.
    ledger
        File with what was sent, on a local disk, to be kept between runs.
    audience
        For whom the login's token is; other clouds than the public one have another.
    dry_run
        Only say what would be sent. Nothing is written either.
    chunk_bytes
        JSON bytes in one request, at most `LARGEST_REQUEST`.
    most_attempts
        Attempts at one request before its rows wait for the next push.
    first_wait_seconds, longest_wait_seconds
        Pause before the second attempt, doubled each time, up to the longest; the real pause is
        drawn between half of it and the whole. What Retry-After asks for is kept, unless it is
        longer than the longest: then the push ends, and its rows wait for the next one.
    timeout_seconds
        For the connection, and for each answer.
    bookmarks
        For how many of the strongest findings to make a bookmark; 0 for none.
    workspace
        Resource id of the Sentinel workspace, ``/subscriptions/…``: only bookmarks need it.
    management
        Address of Azure's resource manager; other clouds than the public one have another.
    """

    endpoint: str = ""
    rule_id: str = ""
    table: str = "network_beaconing_anomalies_CL"
    ledger: Path = Path("output/enrich/ledger.sqlite")
    audience: str = "https://monitor.azure.com/.default"
    dry_run: bool = False
    chunk_bytes: int = 900_000
    most_attempts: int = 8
    first_wait_seconds: float = 1.0
    longest_wait_seconds: float = 120.0
    timeout_seconds: float = 60.0
    bookmarks: int = 0
    workspace: str = ""
    management: str = "https://management.azure.com"

    @property
    def destination(self) -> str:
        """What the ledger keeps apart: endpoint, rule and table."""
        return f"{self.endpoint.rstrip('/')} {self.rule_id} {self.table}"

    @property
    def is_loopback(self) -> bool:
        """Whether the endpoint is a test server on this machine."""
        return is_loopback(self.endpoint)

    def check(self) -> None:
        """Raise a `PushError` for a setting that cannot be right."""
        parts = urlsplit(self.endpoint)
        is_https = parts.scheme == "https" and bool(parts.hostname)
        if not is_https and not self.is_loopback:
            raise PushError(
                f"push.endpoint is {self.endpoint!r}, not an https:// address. Give the rule's "
                "logs ingestion endpoint: deploy/sentinel/main.bicep puts it out as "
                "logsIngestionEndpoint."
            )
        if not re.fullmatch(r"dcr-[0-9a-zA-Z]+", self.rule_id):
            raise PushError(
                f"push.rule_id is {self.rule_id!r}, not an immutable id such as dcr-0123abcd. "
                "deploy/sentinel/main.bicep puts it out as ruleId."
            )
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,59}_CL", self.table):
            raise PushError(
                f"push.table is {self.table!r}. A custom table has letters, digits and _ in its "
                "name and _CL at its end."
            )
        if not 0 < self.chunk_bytes <= LARGEST_REQUEST:
            raise PushError(
                f"push.chunk_bytes is {self.chunk_bytes}; the service takes 1 to {LARGEST_REQUEST}."
            )
        if self.most_attempts < 1:
            raise PushError(f"push.most_attempts is {self.most_attempts}; give at least 1.")
        if self.bookmarks and not re.fullmatch(
            r"/subscriptions/[^/?#]+/resource[gG]roups/[^/?#]+/providers"
            r"/[mM]icrosoft\.[oO]perational[iI]nsights/workspaces/[^/?#]+",
            self.workspace,
        ):
            raise PushError(
                f"push.bookmarks is {self.bookmarks} and push.workspace {self.workspace!r}. Give "
                "the workspace's resource id, /subscriptions/.../workspaces/NAME."
            )
        if urlsplit(self.management).scheme != "https" and not is_loopback(self.management):
            raise PushError(f"push.management is {self.management!r}, not an https:// address.")
        for name in ("first_wait_seconds", "longest_wait_seconds", "timeout_seconds"):
            if not 0 < getattr(self, name) < math.inf:
                raise PushError(f"push.{name} is {getattr(self, name)}; give seconds above 0.")


@dataclass
class PushResult:
    """What a push did; `str` of it is for people.

    Parameters
    ----------
    findings
        Rows that were handed in.
    already_accepted
        Of those, the ones that an earlier push has brought there.
    accepted
        Rows that the service confirmed now, those of earlier runs included.
    waiting
        Rows that stay in the outbox for the next push.
    rejected
        Rows of this run that can never be accepted.
    requests, retries
        Calls of the service, and how many of them repeated one.
    problems
        Why rows wait or were rejected, in words.
    bookmarks_made, bookmarks_failed
        Bookmarks that are new, and those that could not be made.
    dry_run
        True if nothing was sent: then `waiting` says what would be.
    """

    findings: int = 0
    already_accepted: int = 0
    accepted: int = 0
    waiting: int = 0
    rejected: int = 0
    requests: int = 0
    retries: int = 0
    problems: list[str] = field(default_factory=list)
    bookmarks_made: int = 0
    bookmarks_failed: int = 0
    dry_run: bool = False

    @property
    def exit_code(self) -> int:
        """0 all arrived, 1 nothing did, 3 some did."""
        if self.dry_run or not (self.waiting or self.rejected or self.bookmarks_failed):
            return 0
        return 3 if self.accepted or self.already_accepted else 1

    def __str__(self) -> str:
        """Say in one line what happened, and below it why anything did not."""
        if self.dry_run:
            figures = f"{self.waiting} of {self.findings} findings would be sent"
        else:
            figures = f"{self.accepted} rows accepted"
        figures += f", {self.already_accepted} were there already"
        if self.waiting and not self.dry_run:
            figures += f", {self.waiting} wait in the outbox for the next push"
        if self.rejected:
            figures += f", {self.rejected} can not be accepted"
        if self.requests:
            figures += f" ({self.requests} requests, {self.retries} of them repeated)"
        if self.bookmarks_made or self.bookmarks_failed:
            figures += f", {self.bookmarks_made} bookmarks made, {self.bookmarks_failed} failed"
        return "\n  ".join([figures, *self.problems])


@dataclass
class PushStatus:
    """What the ledger says of one destination; `str` of it is for people.

    Parameters
    ----------
    destination
        Endpoint, rule and table.
    accepted, waiting, in_doubt, rejected
        Rows by state. In doubt: sent without an answer, to be sent again.
    last_accepted_at, oldest_waiting_at
        ISO text, UTC, or None.
    problems
        Why rows wait or were rejected.
    """

    destination: str
    accepted: int = 0
    waiting: int = 0
    in_doubt: int = 0
    rejected: int = 0
    last_accepted_at: str | None = None
    oldest_waiting_at: str | None = None
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """Say how many rows are in which state, and since when."""
        lines = [
            self.destination,
            f"accepted {self.accepted}, last at {self.last_accepted_at or '–'}",
            f"waiting {self.waiting}, in doubt {self.in_doubt}, oldest of "
            f"{self.oldest_waiting_at or '–'}",
            f"rejected {self.rejected}",
        ]
        return "\n  ".join(lines + self.problems)


def push(
    findings: list[dict[str, Any]], settings: PushSettings, progress: Progress | None = None
) -> PushResult:
    """Send findings, and what earlier pushes left in the outbox, to the Sentinel table.

    Parameters
    ----------
    findings
        As `enrich.export.read_findings` returns them, with or without lookup columns.
    settings
        Where and how.
    progress
        Called with rows done and rows in all after every request.

    Returns
    -------
    PushResult
        Also if the service could not be reached: the rows then wait in the outbox.

    Raises
    ------
    PushError
        If a setting is impossible or two findings are one row.
    enrich.push.ledger.LedgerError
        If the ledger cannot be used, or another push is using it.
    """
    settings.check()
    columns = sentinel.row_columns()
    time_generated = now()
    rows: dict[Key, Queued] = {}
    for number, finding in enumerate(findings, start=1):
        key = row_key(finding, number)
        if key in rows:
            raise PushError(
                f"finding {number} is there twice (beacon_id {key.beacon_id}, "
                f"run_id {key.run_id}). The export is damaged: run `dbt build` again. "
                "Nothing was sent."
            )
        row = sentinel.to_row(finding, columns, time_generated)
        rows[key] = Queued(key, sentinel.json_text(row))

    result = PushResult(findings=len(findings), dry_run=settings.dry_run)
    if settings.dry_run:
        states: dict[Key, str] = {}
        if settings.ledger.exists():
            with Ledger(settings.ledger, writes=False) as ledger:
                states = ledger.states(settings.destination, rows)
        _count_states(result, rows, states)
        result.waiting += len(rows) - len(states)
        return result

    with Ledger(settings.ledger) as ledger:
        result.already_accepted = list(ledger.states(settings.destination, rows).values()).count(
            "accepted"
        )
        ledger.add(settings.destination, rows.values())
        outbox = ledger.outbox(settings.destination)
        if outbox:
            with _client(settings) as client:
                _Sender(ledger, client, settings, result, progress).send(outbox)
        result.waiting = len(ledger.outbox(settings.destination))
        result.rejected = list(ledger.states(settings.destination, rows).values()).count("rejected")
        if result.rejected and not result.problems:
            result.problems = ledger.summary(settings.destination)[2]
    if settings.bookmarks:
        _bookmark(findings, settings, result)
    return result


def status(settings: PushSettings) -> list[PushStatus]:
    """Say what the ledger holds, without sending or writing anything.

    Parameters
    ----------
    settings
        Only `ledger` is used.

    Returns
    -------
    list of PushStatus
        One item a destination; empty if nothing was ever pushed.

    Raises
    ------
    enrich.push.ledger.LedgerError
        If the file is no ledger.
    """
    if not settings.ledger.exists():
        return []
    with Ledger(settings.ledger, writes=False) as ledger:
        return [
            PushStatus(
                destination,
                counts.get("accepted", 0),
                counts.get("waiting", 0),
                counts.get("sending", 0),
                counts.get("rejected", 0),
                *ledger.summary(destination),
            )
            for destination, counts in ledger.counts().items()
        ]


def row_key(finding: dict[str, Any], number: int) -> Key:
    """Return what makes a finding the same row in every push.

    Parameters
    ----------
    finding
        As exported.
    number
        Its place in the export, for the message.

    Returns
    -------
    Key
        run_id, beacon_id and end_date.

    Raises
    ------
    PushError
        If one of them is missing.
    """
    for name in Key._fields:
        if not isinstance(finding.get(name), str) or not finding[name]:
            raise PushError(
                f"finding {number} has {name} = {finding.get(name)!r}; without it, it cannot be "
                "known again. Run `dbt build` again. Nothing was sent."
            )
    return Key(*(finding[name] for name in Key._fields))


def chunks(rows: Sequence[Queued], limit: int) -> Iterator[list[Queued]]:
    """Group rows so that each group is a JSON array of at most so many bytes.

    Parameters
    ----------
    rows
        One that is larger alone makes a group of its own.
    limit
        Bytes of UTF-8, brackets and commas included.

    Yields
    ------
    list of Queued
        In the order given.
    """
    group: list[Queued] = []
    size = 2
    for row in rows:
        bytes_of_row = len(row.body.encode()) + 1
        if group and size + bytes_of_row > limit:
            yield group
            group, size = [], 2
        group.append(row)
        size += bytes_of_row
    if group:
        yield group


def retry_after_seconds(value: str | None) -> float:
    """Read a Retry-After header.

    Parameters
    ----------
    value
        Seconds or an HTTP date.

    Returns
    -------
    float
        Seconds from now; 0 if there is none or it makes no sense.
    """
    if not value:
        return 0.0
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, TypeError):
            return 0.0
    return max(seconds, 0.0) if math.isfinite(seconds) else 0.0


class _Unsent(Exception):
    """Why a chunk was not accepted."""

    def __init__(self, reason: str, *, too_large: bool = False) -> None:
        super().__init__(reason)
        self.too_large = too_large


class _Sender:
    """Sends an outbox chunk by chunk and notes every answer in the ledger."""

    def __init__(
        self,
        ledger: Ledger,
        client: Any,  # noqa: ANN401
        settings: PushSettings,
        result: PushResult,
        progress: Progress | None,
    ) -> None:
        self.ledger = ledger
        self.client = client
        self.settings = settings
        self.result = result
        self.progress = progress
        self.total = 0
        self.done = 0

    def send(self, outbox: list[Queued]) -> None:
        """Send all rows; those that fail are left in the ledger with the reason."""
        self.total = len(outbox)
        fitting: list[Queued] = []
        for row in outbox:
            size = len(row.body.encode()) + 2
            if size > LARGEST_REQUEST:
                self._give_up([row], f"a row of {size} bytes; the service takes {LARGEST_REQUEST}")
            else:
                fitting.append(row)
        for chunk in chunks(fitting, self.settings.chunk_bytes):
            try:
                self._send_chunk(chunk)
            except _Unsent as error:
                # Whoever cannot send one chunk would only repeat the long wait with the next.
                self._problem(str(error))
                return

    def _send_chunk(self, chunk: list[Queued]) -> None:
        keys = [row.key for row in chunk]
        try:
            self._attempts(keys, ("[" + ",".join(row.body for row in chunk) + "]").encode())
        except _Unsent as error:
            if not error.too_large:
                self.ledger.failed(self.settings.destination, keys, str(error), for_good=False)
                raise
            if len(chunk) == 1:
                self._give_up(chunk, str(error))
                return
            middle = len(chunk) // 2
            self._send_chunk(chunk[:middle])
            self._send_chunk(chunk[middle:])
            return
        self.result.accepted += len(chunk)
        self._step(len(chunk))

    def _attempts(self, keys: list[Key], body: bytes) -> None:
        """Send one chunk until the service confirms it, with the ledger a step ahead."""
        wait = self.settings.first_wait_seconds
        for attempt in range(1, self.settings.most_attempts + 1):
            self.ledger.sending(self.settings.destination, keys)
            self.result.requests += 1
            self.result.retries += attempt > 1
            reason, asked = self._upload(body)
            if reason is None:
                self.ledger.accepted(self.settings.destination, keys)
                return
            if asked > self.settings.longest_wait_seconds:
                raise _Unsent(f"{reason}; the service asks to come back in {asked:.0f} s")
            if attempt < self.settings.most_attempts:
                pause = min(wait, self.settings.longest_wait_seconds) * random.uniform(0.5, 1)
                time.sleep(max(pause, asked))
                wait *= 2
        raise _Unsent(f"{reason}; {self.settings.most_attempts} attempts failed")

    def _upload(self, body: bytes) -> tuple[str | None, float]:
        """Make one call. Returns why it is worth another (None: confirmed), and Retry-After."""
        from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError

        stream = f"Custom-{self.settings.table}"
        try:
            self.client.upload(
                self.settings.rule_id,
                stream,
                io.BytesIO(gzip.compress(body, 5)),
                enforce_https=not self.settings.is_loopback,
            )
            return None, 0.0
        except HttpResponseError as error:
            code = error.status_code
            words = without_secrets(error.message or str(error))
            if code is None and isinstance(error, ClientAuthenticationError):
                raise _Unsent(
                    f"no login: {words}. Use `az login`, a managed identity, or AZURE_TENANT_ID, "
                    "AZURE_CLIENT_ID and AZURE_CLIENT_SECRET",
                ) from None
            reason = f"the service answered {code}: {words}"
            if code == 413:
                raise _Unsent(reason, too_large=True) from None
            if code not in RETRIED_STATUSES:
                cure = CURES.get(code or 0, "Check push.endpoint: the service answers 204")
                raise _Unsent(f"{reason}. {cure}") from None
            headers = error.response.headers if error.response else {}
            return reason, retry_after_seconds(headers.get("Retry-After"))
        except AzureError as error:  # no answer: refused, dropped, timed out
            return f"no answer: {without_secrets(str(error))}", 0.0

    def _give_up(self, rows: list[Queued], reason: str) -> None:
        """Reject the one row of a list for good."""
        keys = [row.key for row in rows]
        self.ledger.failed(self.settings.destination, keys, reason, for_good=True)
        self._problem(f"beacon_id {keys[0].beacon_id}: {reason}")
        self._step(1)

    def _problem(self, reason: str) -> None:
        if reason not in self.result.problems:
            self.result.problems.append(reason)

    def _step(self, rows: int) -> None:
        self.done += rows
        if self.progress:
            self.progress(self.done, self.total)


def _count_states(result: PushResult, rows: dict[Key, Queued], states: dict[Key, str]) -> None:
    """Fill in what a dry run can say from the ledger."""
    counted = list(states.values())
    result.already_accepted = counted.count("accepted")
    result.rejected = counted.count("rejected")
    result.waiting = counted.count("waiting") + counted.count("sending")


class _NoLogin:
    """Stands for a login on loopback, where a test server looks at no token."""

    def get_token(self, *_: str, **__: object) -> Any:  # noqa: ANN401
        from azure.core.credentials import AccessToken

        return AccessToken("loopback", int(time.time()) + 3600)


def is_loopback(url: str) -> bool:
    """Tell whether a URL is that of a test server on this machine."""
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost")


def _credential(url: str) -> Any:  # noqa: ANN401
    """Find a login for Azure; none is needed on loopback."""
    # The libraries log each failed attempt of a login with all they know; we say it in words.
    logging.getLogger("azure").setLevel(logging.CRITICAL)
    if is_loopback(url):
        return _NoLogin()
    from azure.identity import DefaultAzureCredential

    return DefaultAzureCredential()


def _client(settings: PushSettings) -> Any:  # noqa: ANN401
    """Make Azure's client, with its own repetition off: one place decides what is sent again."""
    from azure.core.pipeline.policies import RetryPolicy
    from azure.monitor.ingestion import LogsIngestionClient

    return LogsIngestionClient(
        settings.endpoint.rstrip("/"),
        _credential(settings.endpoint),
        credential_scopes=[settings.audience],
        retry_policy=RetryPolicy.no_retries(),
        connection_timeout=settings.timeout_seconds,
        read_timeout=settings.timeout_seconds,
    )


def _bookmark(findings: list[dict[str, Any]], settings: PushSettings, result: PushResult) -> None:
    """Make bookmarks for the strongest findings; a failure costs nothing else."""
    from azure.core import PipelineClient
    from azure.core.exceptions import AzureError
    from azure.core.pipeline import policies
    from azure.core.rest import HttpRequest

    from enrich.push import bookmarks

    url = settings.management.rstrip("/")
    policy = [
        policies.HeadersPolicy(),
        policies.RetryPolicy(
            retry_total=settings.most_attempts - 1, retry_backoff_factor=settings.first_wait_seconds
        ),
        policies.BearerTokenCredentialPolicy(_credential(url), f"{url}/.default"),
    ]
    with PipelineClient(
        url,
        policies=policy,
        connection_timeout=settings.timeout_seconds,
        read_timeout=settings.timeout_seconds,
    ) as client:

        def send(method: str, path: str, body: dict[str, Any] | None = None) -> Any:  # noqa: ANN401
            request = HttpRequest(method, url + path, json=body)
            return client.send_request(request, enforce_https=not is_loopback(url))

        chosen = [f for f in findings if f.get("suppressed") is not True][: settings.bookmarks]
        for finding in chosen:
            try:
                result.bookmarks_made += bookmarks.make(send, settings.workspace, finding)
            except AzureError as error:
                result.bookmarks_failed += 1
                problem = f"no bookmark: {without_secrets(str(error))}"
                if problem not in result.problems:
                    result.problems.append(problem)
