"""msticpy, imported only by lookups that use it: it is large, and an optional extra."""

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
    """Import msticpy in this context, which keeps it from printing and logging settings.

    Do not ask lookups in it: they run in threads, and the redirection would catch our own output.

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
