"""Send the outbox chunk by chunk, and note every answer in the ledger."""

from __future__ import annotations

import gzip
import io
import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from email.utils import parsedate_to_datetime
from typing import Any

from enrich.push.ledger import Key, Ledger, Queued
from enrich.push.results import PushResult
from enrich.push.settings import LARGEST_REQUEST, PushSettings, is_loopback
from enrich.words import without_secrets

RETRIED_STATUSES = {408, 429, 500, 502, 503, 504}
CURES = {
    400: "The columns of the stream may differ: deploy deploy/sentinel/main.bicep "
    "of this version again",
    401: "The service does not know the login: check tenant and push.audience",
    403: "Give the login the role Monitoring Metrics Publisher on the rule, as "
    "deploy/sentinel/main.bicep does; it takes up to 30 minutes to work",
    404: "Check push.endpoint and push.rule_id, the rule's immutable id (dcr-…)",
}

# Called after every request with the number of rows done and the total.
Progress = Callable[[int, int], None]


class Unsent(Exception):
    """Why a chunk was not accepted."""

    def __init__(self, reason: str, *, too_large: bool = False) -> None:
        super().__init__(reason)
        self.too_large = too_large


class Sender:
    """Sends an outbox.

    Parameters
    ----------
    ledger
        Open for writing.
    client
        Azure's upload client.
    settings
        Rule, table, sizes, attempts and waits.
    result
        Filled in: rows accepted, requests, retries and problems.
    progress
        Called after every request with the number of rows done and the total.
    """

    def __init__(
        self,
        ledger: Ledger,
        client: Any,  # noqa: ANN401 (imported late)
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
        """Send all rows; those that fail stay in the ledger with the reason."""
        self.total = len(outbox)
        fitting: list[Queued] = []
        for row in outbox:
            size = len(row.body.encode()) + 2
            if size > LARGEST_REQUEST:
                self._give_up(row, f"a row of {size} bytes; the service takes {LARGEST_REQUEST}")
            else:
                fitting.append(row)
        for chunk in chunks(fitting, self.settings.chunk_bytes):
            try:
                self._send_chunk(chunk)
            except Unsent as error:
                # If one chunk cannot be sent, the next would only repeat the long wait.
                self.result.add_problem(str(error))
                return

    def _send_chunk(self, chunk: list[Queued]) -> None:
        keys = [row.key for row in chunk]
        try:
            self._send_until_confirmed(keys, body_of(chunk))
        except Unsent as error:
            if not error.too_large:
                self.ledger.failed(self.settings.destination, keys, str(error), for_good=False)
                raise
            if len(chunk) == 1:
                self._give_up(chunk[0], str(error))
            else:
                middle = len(chunk) // 2
                self._send_chunk(chunk[:middle])
                self._send_chunk(chunk[middle:])
            return
        self.result.accepted += len(chunk)
        self._step(len(chunk))

    def _send_until_confirmed(self, keys: list[Key], body: bytes) -> None:
        """Send one chunk until the service confirms it; the ledger notes each attempt first."""
        settings = self.settings
        wait = settings.first_wait_seconds
        for attempt in range(1, settings.most_attempts + 1):
            self.ledger.sending(settings.destination, keys)
            self.result.requests += 1
            self.result.retries += attempt > 1
            reason, asked = upload(self.client, settings, body)
            if reason is None:
                self.ledger.accepted(settings.destination, keys)
                return
            if asked > settings.longest_wait_seconds:
                raise Unsent(f"{reason}; the service asks to come back in {asked:.0f} s")
            if attempt < settings.most_attempts:
                pause = min(wait, settings.longest_wait_seconds) * random.uniform(0.5, 1)
                time.sleep(max(pause, asked))
                wait *= 2
        raise Unsent(f"{reason}; {settings.most_attempts} attempts failed")

    def _give_up(self, row: Queued, reason: str) -> None:
        """Reject a row for good."""
        self.ledger.failed(self.settings.destination, [row.key], reason, for_good=True)
        self.result.add_problem(f"beacon_id {row.key.beacon_id}: {reason}")
        self._step(1)

    def _step(self, rows: int) -> None:
        self.done += rows
        if self.progress:
            self.progress(self.done, self.total)


def upload(client: Any, settings: PushSettings, body: bytes) -> tuple[str | None, float]:  # noqa: ANN401
    """Call the service once.

    Return None if it confirmed the rows, else the reason for a retry; and the seconds that the
    service asks to wait. Raise `Unsent` if a retry is useless.
    """
    from azure.core.exceptions import AzureError, HttpResponseError

    try:
        client.upload(
            settings.rule_id,
            f"Custom-{settings.table}",
            io.BytesIO(gzip.compress(body, 5)),
            enforce_https=not is_loopback(settings.endpoint),
        )
        return None, 0.0
    except HttpResponseError as error:
        return worth_another(error)
    except AzureError as error:  # no answer: refused, dropped, timed out
        return f"no answer: {without_secrets(str(error))}", 0.0


def worth_another(error: Any) -> tuple[str, float]:  # noqa: ANN401 (azure is imported late)
    """Turn a refusal into what `upload` returns; raise `Unsent` if a retry is useless."""
    from azure.core.exceptions import ClientAuthenticationError

    code = error.status_code
    words = without_secrets(error.message or str(error))
    if code is None and isinstance(error, ClientAuthenticationError):
        raise Unsent(
            f"no login: {words}. Use `az login`, a managed identity, or AZURE_TENANT_ID, "
            "AZURE_CLIENT_ID and AZURE_CLIENT_SECRET",
        ) from None
    reason = f"the service answered {code}: {words}"
    if code == 413:
        raise Unsent(reason, too_large=True) from None
    if code not in RETRIED_STATUSES:
        cure = CURES.get(code or 0, "Check push.endpoint: the service answers 204")
        raise Unsent(f"{reason}. {cure}") from None
    headers = error.response.headers if error.response else {}
    return reason, retry_after_seconds(headers.get("Retry-After"))


def body_of(rows: Sequence[Queued]) -> bytes:
    """Write rows as the JSON array that is sent."""
    return ("[" + ",".join(row.body for row in rows) + "]").encode()


def chunks(rows: Sequence[Queued], limit: int) -> Iterator[list[Queued]]:
    """Group rows, in order, so that `body_of` a group has at most `limit` bytes.

    A larger row makes a group of its own.
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
    """Read a Retry-After header, seconds or an HTTP date; 0 if it is missing or invalid."""
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
