"""Log files that the engine would stumble over: found before it reads, then named or mended.

Sail stops a whole query at a file that it cannot read or unpack, at a byte that is not UTF-8, at a
link that leads back into its own folder, and at a name that is not UTF-8; it holds whole lines in
memory. So days with such files are read through a folder of links to the good ones.
"""

from __future__ import annotations

import codecs
import os
import shutil
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

# A line is held several times while it is parsed. A row of Log Analytics has at most 1 MB; an array
# of rows is one line.
LONGEST_LINE = 32 * 2**20
PIECE = 2**20
OUT = "a link that leads out of the folder of the logs"
# In a folder of links, in place of the = in names such as h=00: a character for private use.
EQUALS = "\ue03d"

# The file of a listing, and where it says of what.
LISTING, LOCATION = "files.parquet", b"location"

Problems = dict[Path, str]


@dataclass(frozen=True)
class Content:
    """What is in a log file.

    Attributes
    ----------
    problem
        Why its lines cannot be read; None where they can.
    is_utf8
        Whether all of it is UTF-8.
    has_array
        Whether a line begins with a bracket.
    """

    problem: str | None = None
    is_utf8: bool = True
    has_array: bool = False


@dataclass
class Day:
    """How the files of a day are read.

    Attributes
    ----------
    location
        The folder to read: that of the day, or one of links to its good files.
    broken
        The folder of lines that were not UTF-8, as valid text; None where there are none.
    plain, packed
        Whether there are files of either kind.
    has_array
        Whether a line begins with a bracket.
    problems
        The files that are left out, and why.
    """

    location: Path
    broken: Path | None = None
    plain: bool = False
    packed: bool = False
    has_array: bool = False
    problems: Problems = field(default_factory=dict)


def problems_below(folder: Path, root: Path) -> tuple[list[Path], Problems]:
    """List the files below a folder, those in linked folders included.

    Parameters
    ----------
    folder
        Where to look.
    root
        Links may lead to what is below this folder, and nowhere else.

    Returns
    -------
    list of Path and dict from Path to str
        Files that can be opened by name, and what is wrong with other files and folders.
    """
    files: list[Path] = []
    problems: Problems = {}
    inside = root.resolve()

    def look(folder: Path, above: tuple[Path, ...]) -> None:
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            problems[folder] = f"a folder that cannot be listed ({error.strerror})"
            return
        for entry in entries:
            path = Path(entry.path)
            real = path.resolve() if entry.is_symlink() else above[-1] / entry.name
            if not is_text(entry.name):
                problems[path] = "its name is not UTF-8, or has a control character"
            elif entry.is_symlink() and not real.is_relative_to(inside):
                problems[path] = OUT
            elif real in above:
                problems[path] = "a link that leads back to a folder above it"
            elif entry.is_dir():
                look(path, (*above, real))
            elif not entry.is_file():
                problems[path] = "neither a file nor a folder"
            elif not os.access(path, os.R_OK):
                problems[path] = "a file that cannot be read (Permission denied)"
            else:
                files.append(path)

    real = folder.resolve()
    if not real.is_relative_to(inside):
        problems[folder] = OUT
    elif folder.is_dir():
        look(folder, (real,))
    return files, problems


def is_text(name: str) -> bool:
    """Tell whether the engine takes a name: UTF-8 without control characters of ASCII."""
    return not any(c < " " or c == "\x7f" or "\ud800" <= c <= "\udfff" for c in name)


def look_into(path: Path) -> Content:
    """Read a file once, a piece at a time."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    is_utf8, has_array, length, last = True, False, 0, b"\n"
    try:
        for piece in pieces(path):
            has_array |= last == b"\n" and piece.startswith(b"[")
            # Quicker than to look for both characters at once.
            if b"[" in piece and not has_array:
                has_array = any(line.startswith(b"[") for line in piece.split(b"\n")[1:])
            last = piece[-1:]
            # Lines within a piece are short enough.
            newline = piece.find(b"\n")
            length += len(piece) if newline < 0 else newline
            if length > LONGEST_LINE:
                return Content(f"it has a line of more than {LONGEST_LINE // 2**20} MB")
            length = length if newline < 0 else len(piece) - piece.rfind(b"\n") - 1
            if is_utf8 and not (piece.isascii() and decoder.getstate() == (b"", 0)):
                is_utf8 = decodes(decoder, piece)
    except OSError as error:
        return Content(f"a file that cannot be read ({error.strerror})")
    except (zlib.error, EOFError) as error:
        return Content(f"no whole gzip file ({error})")
    return Content(None, is_utf8 and decodes(decoder, b"", final=True), has_array)


def decodes(decoder: codecs.IncrementalDecoder, piece: bytes, final: bool = False) -> bool:
    """Tell whether the next piece of a file is UTF-8."""
    try:
        decoder.decode(piece, final)
    except UnicodeDecodeError:
        return False
    return True


def pieces(path: Path) -> Iterator[bytes]:
    """Read a file piece by piece, without a byte order mark, and unpacked where it is gzip.

    Raises
    ------
    zlib.error, EOFError
        If it should be gzip, and is none or cut.
    """
    is_first = True
    with path.open("rb") as file:
        stream = iter(lambda: file.read(PIECE), b"")
        for piece in unpacked(stream) if path.name.endswith(".gz") else stream:
            yield piece.removeprefix(codecs.BOM_UTF8) if is_first else piece
            is_first = False


def unpacked(stream: Iterator[bytes]) -> Iterator[bytes]:
    """Unpack gzip, of which there may be several parts one after the other."""
    packed = next(stream, b"")
    while packed:
        part = zlib.decompressobj(wbits=31)
        while not part.eof:
            piece = part.decompress(packed, PIECE)
            if piece:
                yield piece
            packed = part.unconsumed_tail
            # A full piece may have more behind it without any input.
            if not packed and not part.eof and len(piece) < PIECE:
                packed = next(stream, b"")
                if not packed:
                    raise EOFError("it ends too early")
        # Zeros after the end, as tapes have them, are an error: the engine stops at them.
        packed = part.unused_data or next(stream, b"")


def lines_of(content: Iterable[bytes]) -> Iterator[bytes]:
    """Split pieces into lines, each with its end."""
    begun = b""
    for piece in content:
        *whole, begun = (begun + piece).split(b"\n")
        yield from (line + b"\n" for line in whole)
    if begun:
        yield begun + b"\n"


def prepare_day(folder: Path, place: Path, endings: tuple[str, ...]) -> Day:
    """Find out how to read the files of a day, and make them readable.

    Parameters
    ----------
    folder
        The day's folder.
    place
        Where links and mended copies go, where they are needed; what is there is removed.
    endings
        The endings of log files.
    """
    shutil.rmtree(place, ignore_errors=True)
    files, _ = problems_below(folder, Path("/"))
    files = [file for file in files if file.name.endswith(endings)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        contents = dict(zip(files, pool.map(look_into, files)))
    day = Day(folder, has_array=any(content.has_array for content in contents.values()))
    if all(content.is_utf8 and not content.problem for content in contents.values()):
        day.packed = any(file.name.endswith(".gz") for file in files)
        day.plain = any(not file.name.endswith(".gz") for file in files)
        return day
    day.location = place / "lines"
    day.location.mkdir(parents=True, mode=0o700)
    for file, content in contents.items():
        copy = day.location / file.relative_to(folder)
        if content.problem:
            day.problems[file.resolve()] = content.problem
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        if content.is_utf8:
            copy.symlink_to(file.resolve())
            day.packed |= file.name.endswith(".gz")
            day.plain |= not file.name.endswith(".gz")
        else:
            day.broken, day.plain = place / "broken", True
            broken = day.broken / file.relative_to(folder)
            broken.parent.mkdir(parents=True, exist_ok=True)
            split_file(file, copy.with_name(f"{file.name}.json"), broken.with_name("lines.json"))
    return day


def split_file(file: Path, good: Path, broken: Path) -> None:
    """Copy the lines that are UTF-8, and append the others to `broken`, as valid text."""
    with good.open("wb") as to_good, broken.open("ab") as to_broken:
        for line in lines_of(pieces(file)):
            if line.isascii():
                to_good.write(line)
                continue
            try:
                line.decode("utf-8")
                to_good.write(line)
            except UnicodeDecodeError:
                to_broken.write(line.decode("utf-8", "replace").encode("utf-8"))


def prepare_root(root: Path, place: Path, days: Iterable[str]) -> tuple[Path, Problems]:
    """Find what cannot be listed or opened below the folders of days.

    Sail also refuses files of which some lie below other folders with an = than the others: it
    takes them for partitions. In the folder of links, those below a day have `EQUALS` instead.

    Parameters
    ----------
    root
        The folder that holds the y= folders.
    place
        Where links go, where they are needed; what is there is removed.
    days
        The folders of days, relative to the root.

    Returns
    -------
    Path and dict from Path to str
        The folder to read instead of `root`, which is `root` where nothing is wrong; and what is
        left out, and why.
    """
    shutil.rmtree(place, ignore_errors=True)
    found: dict[str, list[Path]] = {}
    problems: Problems = {}
    for day in days:
        found[day], wrong = problems_below(root / day, root)
        problems |= wrong
    folders = {file.parent.relative_to(root / day) for day in found for file in found[day]}
    partitions = {
        tuple(part.partition("=")[0] for part in folder.parts if "=" in part) for folder in folders
    }
    if not problems and len(partitions) < 2:
        return root, problems
    for day, files in found.items():
        for file in files:
            make_link(file, root / day, place / day)
    return place, problems


def make_link(file: Path, root: Path, place: Path) -> None:
    """Make a link to a file below `root`, in the same folders below `place`, but without an =."""
    link = place / str(file.relative_to(root)).replace("=", EQUALS)
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(file.resolve())


def write_listing(location: str, place: Path) -> Path:
    """Write down which files there are below a folder, or below several: `…/{a,b}`.

    Parameters
    ----------
    location
        An absolute path.
    place
        The folder that gets one Parquet file, in place of an earlier one.

    Returns
    -------
    Path
        `place`. Columns: `path` without the first slash, `modificationTime` in microseconds of UTC,
        `length` in bytes. Left out are hidden files, and one that has vanished meanwhile.
    """
    root, _, several = location.rpartition("/{") if location.endswith("}") else (location, "", "")
    folders = [Path(root, folder) for folder in several.rstrip("}").split(",")]
    paths, sizes, times = [], [], []
    for folder, file in ((f, file) for f in folders for file in problems_below(f, Path("/"))[0]):
        if any(is_hidden(name) for name in file.relative_to(folder).parts):
            continue
        with suppress(FileNotFoundError):
            found = file.stat()
            paths.append(str(file).lstrip("/"))
            sizes.append(found.st_size)
            times.append(found.st_mtime_ns // 1000)
    place.mkdir(parents=True, mode=0o700, exist_ok=True)
    columns = {
        "path": pa.array(paths, pa.string()),
        "modificationTime": pa.array(times, pa.timestamp("us", "UTC")),
        "length": pa.array(sizes, pa.int64()),
    }
    table = pa.table(columns).replace_schema_metadata({LOCATION: location})
    # A killed command leaves a whole listing, and a hidden file.
    pq.write_table(table, place / f".{LISTING}")
    return (place / f".{LISTING}").replace(place / LISTING).parent


def listed_location(place: Path) -> str:
    """Return the location of which `write_listing` wrote a listing to this place."""
    return pq.read_metadata(place / LISTING).metadata[LOCATION].decode()


def is_hidden(name: str) -> bool:
    """Tell whether Spark passes over a file or folder of this name, such as _SUCCESS."""
    return name.startswith(".") or (name.startswith("_") and "=" not in name)
