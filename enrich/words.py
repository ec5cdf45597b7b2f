"""Text for people: errors without secrets, escaped text of the logs."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from typing import Any

LONGEST_TEXT = 300  # characters shown of one value
LONGEST_REASON = 300  # characters of one error
SECRET_NAME = re.compile(r"key|secret|token|password|passwd|credential|connection_string", re.I)


class UserError(Exception):
    """An error that the user can fix; the message says what is wrong, where, and the cure."""


class SettingsError(UserError):
    """A setting that does not exist, has an impossible value, or is missing."""


def decoded(content: bytes, errors: str = "strict") -> str:
    """Decode a file that somebody wrote: UTF-8, or UTF-16 as PowerShell writes it; BOM or not.

    Parameters
    ----------
    content
        The file.
    errors
        What to do about bytes that are no text, as in `bytes.decode`.

    Raises
    ------
    UnicodeDecodeError
        If it is no such text, and `errors` is strict.
    """
    return content.decode(json.detect_encoding(content), errors)


def reason_of(error: BaseException, secrets: Iterable[str] = ()) -> str:
    """Describe an error in one line without secrets; see `without_secrets`."""
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return without_secrets(text, secrets)


def without_secrets(text: str, secrets: Iterable[str] = ()) -> str:
    """Make an error message safe for output, report, cache and ledger.

    Parameters
    ----------
    text
        The message. A server may have put anything into it, such as a URL with a key.
    secrets
        Values to hide, in addition to those of environment variables named like a secret.

    Returns
    -------
    str
        One line of at most `LONGEST_REASON` characters. Secrets, tokens, and user names and query
        strings of URLs are replaced; unprintable characters become blanks.
    """
    known = {value for name, value in os.environ.items() if SECRET_NAME.search(name)}
    for secret in sorted(known.union(secrets), key=len, reverse=True):
        if len(secret) >= 6:
            text = text.replace(secret, "***")
    text = re.sub(r"(?i)\bbearer\s+\S+", "Bearer ***", text)
    text = re.sub(r"\beyJ[\w-]+(\.[\w-]+)*", "***", text)
    text = re.sub(r"(?i)\b(sig|client_secret|password)=[^&\s]+", r"\1=***", text)
    text = re.sub(r"//[^/\s@]*@", "//***@", text)
    text = re.sub(r"\?[^\s'\"]*=[^\s'\"]*", "?***", text)
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= LONGEST_REASON else text[: LONGEST_REASON - 1] + "…"


def visible(value: object) -> str:
    r"""Render a value of the logs so that a terminal shows it and obeys nothing in it.

    Parameters
    ----------
    value
        Any JSON value. Log text is hostile: anyone who sends packets can write it.

    Returns
    -------
    str
        One line. Control, direction and other unprintable characters are escaped (``\x1b``), text
        is truncated to `LONGEST_TEXT` characters, null is an en dash.
    """
    if value is None:
        return "–"
    text = str(value)
    if len(text) > LONGEST_TEXT:
        text = text[: LONGEST_TEXT - 1] + "…"
    return escaped(text)


def escaped(text: str) -> str:
    r"""Escape control, direction and other unprintable characters (``\x1b``)."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def duration(seconds: float) -> str:
    """Write a duration as the macro duration_words does: 11.5 s, 5 min, 9.2 h."""
    size, unit = (1, "s") if seconds < 120 else (60, "min") if seconds < 7200 else (3600, "h")
    return f"{int(seconds / size * 10 + 0.5) / 10:g} {unit}"


def endpoint(address: object, port: object) -> str:
    """Write address and port as in a URL, such as ``[2001:db8::1]:443``; the port may be null."""
    shown = visible(address)
    if port is None:
        return shown
    return f"[{shown}]:{visible(port)}" if ":" in shown else f"{shown}:{visible(port)}"


def endpoint_of(finding: dict[str, Any]) -> str:
    """Write the destination of a finding: its address, or its name where it has no address."""
    place = finding.get("destination_ip") or finding.get("destination_name")
    return f"{endpoint(place, finding.get('destination_port'))} {visible(finding.get('protocol'))}"
