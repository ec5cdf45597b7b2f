"""msticpy, imported only by lookups that use it: it is large, and an extra of its own."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator

from enrich.lookups.kind import Unavailable
from enrich.words import reason_of

INSTALL = "pip install --editable '.[enrich-msticpy]'"


@contextlib.contextmanager
def quiet_msticpy() -> Iterator[None]:
    """Import msticpy within, and keep it from printing and logging: it may show settings.

    Not for questions, which run in threads: there the redirection would catch our own output.

    Raises
    ------
    Unavailable
        If msticpy, or something that it needs, is not installed.
    """
    for name in ("msticpy", "httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    except ImportError as error:
        raise Unavailable(
            f"msticpy is not installed ({reason_of(error)}). It is the extra enrich-msticpy: "
            f"{INSTALL}"
        ) from None
