"""Send the outbox chunk by chunk, and note every answer in the ledger."""

from __future__ import annotations

import gzip
import io
import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

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

STOP_AFTER_LOST = 2  # answers in a row: each further attempt may make another copy of the rows
STOP_AFTER_REFUSED = 5  # rows one by one, and none accepted: then it is not the rows

# Called after every request with the number of rows done and the total.
Progress = Callable[[int, int], None]


class Unsent(Exception):
    """Why a chunk was not accepted; `code` is 413 or 400 where fewer rows may be accepted."""

    def __init__(self, reason: str, *, code: int = 0) -> None:
        super().__init__(reason)
        self.code = code


class Sender:
    """Sends the outbox of one table.

    Parameters
    ----------
    ledger
        Open for writing.
    client
        Azure's upload client.
    settings
        Rule, sizes, attempts and waits.
    table
        The table that the rows are for.
    result
        Filled in: rows accepted, requests, retries and problems.
    progress
        Called after every request with the number of rows done and the total.

    After `send`, `accepted` counts the rows that were accepted, and `is_reached` is False if the
    service did not answer, or asked to come back later.
    """

    def __init__(
        self,
        ledger: Ledger,
        client: Any,  # noqa: ANN401 (imported late)
        settings: PushSettings,
        table: str,
        result: PushResult,
        progress: Progress | None,
    ) -> None:
        self.ledger = ledger
        self.client = client
        self.settings = settings
        self.table = table
        self.destination = settings.destination_of(table)
        self.result = result
        self.progress = progress
        self.total = 0
        self.done = 0
        self.accepted = 0
        self.lost_in_a_row = 0
        self.is_reached = True
        self.refused: list[tuple[Queued, str]] = []  # one by one, with the reason

    def send(self, outbox: list[Queued]) -> None:
        """Send all rows; those that fail stay in the ledger with the reason."""
        self.total = len(outbox)
        fitting: list[Queued] = []
        for row in outbox:
            size = len(row.body.encode()) + 2
            if size > LARGEST_REQUEST:
                self._set_aside(row, f"a row of {size} bytes; the service takes {LARGEST_REQUEST}")
            else:
                fitting.append(row)
        try:
            for chunk in chunks(fitting, self.settings.chunk_bytes):
                self._send_chunk(chunk)
        except Unsent as error:
            # If one chunk cannot be sent, the next would only repeat the long wait.
            self.result.add_problem(str(error))
        # That other rows were accepted shows that the service refuses these, not the whole push.
        for row, reason in self.refused:
            if self.accepted:
                self._set_aside(row, reason)
            else:
                self.result.add_problem(reason)

    def _send_chunk(self, chunk: list[Queued]) -> None:
        try:
            self._send_until_confirmed([row.key for row in chunk], body_of(chunk))
        except Unsent as error:
            if not error.code:
                raise
            if len(chunk) == 1:
                self._note_refusal(chunk[0], error)
            else:
                middle = len(chunk) // 2
                self._send_chunk(chunk[:middle])
                self._send_chunk(chunk[middle:])
            return
        self.accepted += len(chunk)
        self.result.accepted += len(chunk)
        self._step(len(chunk))

    def _send_until_confirmed(self, keys: list[Key], body: bytes) -> None:
        """Send one chunk until the service confirms it; the ledger notes each attempt first."""
        settings = self.settings
        wait = settings.first_wait_seconds
        for attempt in range(1, settings.most_attempts + 1):
            self.ledger.sending(self.destination, keys)
            self.result.requests += 1
            self.result.retries += attempt > 1
            try:
                answer = upload(self.client, settings, self.table, body)
            except Unsent as error:
                self.lost_in_a_row = 0
                self.ledger.refused(self.destination, keys, str(error))
                raise
            if answer is None:
                self.lost_in_a_row = 0
                self.ledger.accepted(self.destination, keys)
                return
            if answer.is_lost:
                self.lost_in_a_row += 1
                self.ledger.lost(self.destination, keys, answer.reason)
            else:
                self.lost_in_a_row = 0
                self.ledger.refused(self.destination, keys, answer.reason)
            if self.lost_in_a_row >= STOP_AFTER_LOST:
                self.is_reached = False
                raise Unsent(
                    f"{answer.reason}; {STOP_AFTER_LOST} answers in a row were lost, and each "
                    "attempt may have made a copy of the rows: the push stops"
                )
            if answer.wait_seconds > settings.longest_wait_seconds:
                self.is_reached = False
                raise Unsent(
                    f"{answer.reason}; the service asks to come back in {answer.wait_seconds:.0f} s"
                )
            if attempt < settings.most_attempts:
                pause = min(wait, settings.longest_wait_seconds) * random.uniform(0.5, 1)
                time.sleep(max(pause, answer.wait_seconds))
                wait *= 2
        self.is_reached = False
        raise Unsent(f"{answer.reason}; {settings.most_attempts} attempts failed")

    def _note_refusal(self, row: Queued, error: Unsent) -> None:
        """Note that the service refused a row that was sent alone; the others go on."""
        if error.code == 413:
            # The service takes such a row: something on the way does not.
            size = len(row.body.encode())
            self.result.add_problem(
                f"{error}, for a row of {size} bytes, which the service takes: look at proxies on "
                "the way. The row waits"
            )
            return
        self.refused.append((row, str(error)))
        if len(self.refused) >= STOP_AFTER_REFUSED and not self.accepted:
            raise Unsent(f"the service refused {len(self.refused)} rows one by one: the push stops")

    def _set_aside(self, row: Queued, reason: str) -> None:
        """Reject a row until somebody retries it."""
        self.ledger.rejected(self.destination, [row.key], reason)
        self.result.add_problem(f"beacon_id {row.key.beacon_id}: {reason}")
        self._step(1)

    def _step(self, rows: int) -> None:
        self.done += rows
        if self.progress:
            self.progress(self.done, self.total)


class NoSuccess(NamedTuple):
    """Why a request is worth another attempt.

    `is_lost` says that no answer came after the rows were sent: they may have arrived.
    """

    reason: str
    wait_seconds: float = 0.0
    is_lost: bool = False


def upload(client: Any, settings: PushSettings, table: str, body: bytes) -> NoSuccess | None:  # noqa: ANN401
    """Call the service once; None if it confirmed the rows.

    Raise `Unsent` if a retry is useless.
    """
    from azure.core.exceptions import AzureError, HttpResponseError, ServiceRequestError

    try:
        client.upload(
            settings.rule_id,
            f"Custom-{table}",
            io.BytesIO(gzip.compress(body, 5)),
            enforce_https=not is_loopback(settings.endpoint),
        )
        return None
    except HttpResponseError as error:
        return worth_another(error)
    except ServiceRequestError as error:  # nothing was sent: refused, no such host
        return NoSuccess(f"no answer: {without_secrets(str(error))}")
    except AzureError as error:  # dropped or timed out after the rows were sent
        return NoSuccess(f"no answer: {without_secrets(str(error))}", is_lost=True)


def worth_another(error: Any) -> NoSuccess:  # noqa: ANN401 (azure is imported late)
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
        raise Unsent(reason, code=413) from None
    if code not in RETRIED_STATUSES:
        cure = CURES.get(code or 0, "Check push.endpoint: the service answers 204")
        raise Unsent(f"{reason}. {cure}", code=400 if code == 400 else 0) from None
    headers = error.response.headers if error.response else {}
    return NoSuccess(reason, retry_after_seconds(headers.get("Retry-After")))


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
