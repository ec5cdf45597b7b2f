"""Files in a folder or in Azure storage, through fsspec."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import fsspec

from enrich.words import UserError, reason_of

SUCCESS = "_SUCCESS"  # the file that Spark writes into a folder when all others are there


def storage(url: str) -> tuple[fsspec.AbstractFileSystem, str]:
    """Find the file system of a path or URL.

    Parameters
    ----------
    url
        A local path, or a URL that fsspec knows, such as ``abfss://``.

    Returns
    -------
    tuple of fsspec.AbstractFileSystem and str
        The file system and the path in it. Azure storage uses the login that azure-identity finds.

    Raises
    ------
    UserError
        If fsspec does not know the kind of URL.
    """
    options = {"anon": False} if url.startswith(("abfs://", "abfss://", "az://")) else {}
    try:
        return fsspec.core.url_to_fs(url, **options)
    except (ValueError, ImportError) as error:
        raise UserError(
            f"{url} cannot be opened: {error}. Give a folder or abfss:// URL."
        ) from None


def list_files(url: str) -> tuple[fsspec.AbstractFileSystem, list[str] | None]:
    """List the files below a folder.

    Returns
    -------
    tuple of fsspec.AbstractFileSystem and list of str
        The file system and the sorted paths; None instead of paths if there is no such folder.

    Raises
    ------
    UserError
        If the folder cannot be listed.
    """
    file_system, path = storage(url)
    try:
        if not file_system.isdir(path):
            return file_system, None
        return file_system, sorted(file_system.find(path))
    except Exception as error:  # each store raises its own errors
        raise UserError(f"{url} cannot be listed: {reason_of(error)}") from None


def read_lines(file_system: fsspec.AbstractFileSystem, path: str) -> Iterator[str]:
    """Read a text file line by line; raise `UserError` if it cannot be read or is not UTF-8."""
    start = 0
    try:
        with file_system.open(path, "rb") as file:
            for line in file:
                yield line.decode("utf-8").rstrip("\n")
                start += len(line)
    except UnicodeDecodeError as error:
        place, cure = start + error.start, "Write it again."
        raise UserError(f"{path} is not UTF-8 text at byte {place}. {cure}") from None
    except UserError:
        raise
    except Exception as error:  # each store raises its own errors
        raise UserError(f"{path} cannot be read: {reason_of(error)}") from None


def make_private(path: Path) -> None:
    """Make a file, and missing folders above it, that only its owner can read.

    An existing file is closed to others, too; existing folders are left as they are. Raise
    `OSError` if that cannot be done.
    """
    missing = [folder for folder in path.parents if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(mode=0o700, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    if path.stat().st_mode & 0o077:
        with contextlib.suppress(PermissionError):  # somebody else's file is left to its owner
            path.chmod(0o600)


def write_text(url: str, text: str | Iterable[str]) -> None:
    """Replace a text file as a whole: a reader sees the old content or the new one.

    Parameters
    ----------
    url
        A local path or a URL. A local file can be read by its owner only, because it says what is
        hunted.
    text
        The text, or parts of it that are written one by one.

    Raises
    ------
    UserError
        If the file cannot be written.
    """
    file_system, path = storage(url)
    parts = [text] if isinstance(text, str) else text
    # A log may hold half of a surrogate pair, which UTF-8 cannot encode.
    content = (part.encode("utf-8", errors="replace") for part in parts)
    try:
        if "file" in file_system.protocol:
            replace_file(Path(path), content)
        else:
            file_system.pipe_file(path, b"".join(content))
    except Exception as error:  # each store raises its own errors
        raise UserError(f"{url} cannot be written: {reason_of(error)}") from None


def replace_file(path: Path, content: Iterable[bytes]) -> None:
    """Write beside the file, then replace it; leave nothing behind if that fails."""
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        make_private(unfinished)
        with unfinished.open("wb") as file:
            file.writelines(content)
        os.replace(unfinished, path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
