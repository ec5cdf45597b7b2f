"""Azure's clients and the login, imported only when there is something to send."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from enrich.push.settings import PushSettings, is_loopback


class NoLogin:
    """Replaces the login on loopback, where a test server ignores the token."""

    def get_token(self, *_: str, **__: object) -> Any:  # noqa: ANN401
        """Return a token that names itself as none."""
        from azure.core.credentials import AccessToken

        return AccessToken("loopback", int(time.time()) + 3600)


def credential(url: str) -> Any:  # noqa: ANN401
    """Find a login for Azure; none is needed on loopback."""
    # The libraries log each failed login attempt in full detail; our message says it in short.
    logging.getLogger("azure").setLevel(logging.CRITICAL)
    if is_loopback(url):
        return NoLogin()
    from azure.identity import DefaultAzureCredential

    return DefaultAzureCredential()


def ingestion_client(settings: PushSettings) -> Any:  # noqa: ANN401
    """Make the upload client, with its own retries off: `Sender` decides what is sent again."""
    from azure.core.pipeline.policies import RetryPolicy
    from azure.monitor.ingestion import LogsIngestionClient

    return LogsIngestionClient(
        settings.endpoint.rstrip("/"),
        credential(settings.endpoint),
        credential_scopes=[settings.audience],
        retry_policy=RetryPolicy.no_retries(),
        connection_timeout=settings.timeout_seconds,
        read_timeout=settings.timeout_seconds,
    )


@contextmanager
def management_client(settings: PushSettings) -> Iterator[Callable[..., Any]]:
    """Open Azure's resource manager.

    Parameters
    ----------
    settings
        Address, timeouts and attempts.

    Yields
    ------
    callable
        Takes method, path and JSON body, returns the response. Retries failed calls.
    """
    from azure.core import PipelineClient
    from azure.core.pipeline import policies
    from azure.core.rest import HttpRequest

    url = settings.management.rstrip("/")
    policy = [
        policies.HeadersPolicy(),
        policies.RetryPolicy(
            retry_total=settings.most_attempts - 1, retry_backoff_factor=settings.first_wait_seconds
        ),
        policies.BearerTokenCredentialPolicy(credential(url), f"{url}/.default"),
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

        yield send
