"""Files that would stop target `local`'s engine are found before: unreadable, cut, linked, huge."""

from __future__ import annotations

import gzip
import os
import random
import tempfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from dbt.adapters.embedded.log_files import (
    EQUALS,
    LONGEST_LINE,
    PIECE,
    Content,
    lines_of,
    listed_location,
    look_into,
    pieces,
    prepare_day,
    prepare_root,
    problems_below,
    write_listing,
)
from dbt.adapters.guarded.lock import lock_tables
from dbt_common.exceptions import DbtRuntimeError

DAY = "y=2026/m=03/d=10"
ENDINGS = (".json", ".json.gz")


def write(root: Path, name: str, content: bytes = b'{"a": 1}\n', day: str = DAY) -> Path:
    path = root / day / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.json", b"", Content()),
        ("a.json", b'{"a": "\xc3\xa9"}\n', Content()),
        ("a.json", b'{"a": "\xff"}\n', Content(is_utf8=False)),
        ("a.json", b'{"a": "' + b"x" * (PIECE - 8) + "é".encode() + b'"}', Content()),
        ("a.json", b'{"a": "\xc3', Content(is_utf8=False)),
        ("a.json", b"[1]", Content(has_array=True)),
        ("a.json", b"\xef\xbb\xbf[1]", Content(has_array=True)),
        ("a.json", b"x" * (PIECE - 1) + b"\n[1]", Content(has_array=True)),
        ("a.json", b"x" * PIECE + b"[1]", Content()),
        ("a.json", b"x" * LONGEST_LINE + b"\n" + b"y" * LONGEST_LINE, Content()),
        ("a.json", b"x\n" + b"y" * (LONGEST_LINE + 1), Content("it has a line of more than 32 MB")),
        ("a.json.gz", b"", Content()),
        ("a.json.gz", gzip.compress(b'{"a": 1}\n') * 3, Content()),
        ("a.json.gz", gzip.compress(b"[1]\n"), Content(has_array=True)),
        ("a.json.gz", gzip.compress(b"\xff\n"), Content(is_utf8=False)),
        (
            "a.json.gz",
            gzip.compress(bytes(LONGEST_LINE + 1)),
            Content("it has a line of more than 32 MB"),
        ),
    ],
)
def test_what_is_in_a_file(tmp_path: Path, name: str, content: bytes, expected: Content):
    assert look_into(write(tmp_path, name, content)) == expected


@pytest.mark.parametrize(
    "content",
    [
        b'{"a": 1}\n',
        gzip.compress(b'{"a": 1}\n')[:-1],
        gzip.compress(random.Random(1).randbytes(3 * PIECE))[:-20],
        gzip.compress(bytes(3 * PIECE))[:-20],
        gzip.compress(b"x")[:5],
        gzip.compress(b"x") + b"more",
        gzip.compress(b"x")[:-4] + b"\x09\x00\x00\x00",
        gzip.compress(b"x") + bytes(512),
    ],
)
def test_gzip_that_is_none_or_cut_or_changed(tmp_path: Path, content: bytes):
    assert "no whole gzip file" in look_into(write(tmp_path, "a.json.gz", content)).problem


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 7])
@pytest.mark.parametrize("is_packed", [False, True])
def test_pieces_are_the_whole_file(tmp_path: Path, size: int, is_packed: bool):
    content = random.Random(size).randbytes(size).replace(b"\xef", b"\n")
    packed = gzip.compress(content) if is_packed else content
    path = write(tmp_path, "a.json.gz" if is_packed else "a.json", packed)
    assert b"".join(pieces(path)) == content
    whole = content if content.endswith(b"\n") or not content else content + b"\n"
    assert b"".join(lines_of(pieces(path))) == whole


def test_nothing_is_copied_where_nothing_is_wrong(tmp_path: Path):
    root, place = tmp_path / "raw", tmp_path / "links"
    write(root, "h=00/m=00/a.json")
    write(root, "h=00/m=05/b.json.gz", gzip.compress(b"{}\n"))
    write(root, "h=01/m=00/notes.txt", b"\xff")
    assert prepare_root(root, place, [DAY, "y=2026/m=03/d=11"]) == (root, {})
    day = prepare_day(root / DAY, place, ENDINGS)
    assert (day.location, day.problems, day.broken) == (root / DAY, {}, None)
    assert day.plain and day.packed and not day.has_array and not place.exists()


def test_links_are_followed_inside_the_root_only_and_never_in_a_circle(tmp_path: Path):
    root, place, outside = tmp_path / "raw", tmp_path / "links", tmp_path / "outside"
    good = write(root, "h=00/a.json")
    other = write(root, "a.json", day="y=2026/m=03/d=11")
    write(outside, "secret.json", day="")
    (root / DAY / "same.json").symlink_to(good)
    (root / DAY / "other").symlink_to(other.parent)
    (root / DAY / "out.json").symlink_to(outside / "secret.json")
    (root / DAY / "out").symlink_to(outside)
    (root / DAY / "up").symlink_to("..")
    (root / DAY / "h=00/loop").symlink_to(".")
    (root / DAY / "gone.json").symlink_to(root / DAY / "nothing.json")
    (root / "y=2026/m=03/d=12").symlink_to(outside)
    os.mkfifo(root / DAY / "pipe.json")
    days = [DAY, "y=2026/m=03/d=11", "y=2026/m=03/d=12"]
    folder, problems = prepare_root(root, place, days)
    assert {str(path.relative_to(root)) for path in problems} == {
        f"{DAY}/out.json",
        f"{DAY}/out",
        f"{DAY}/h=00/loop",
        f"{DAY}/gone.json",
        f"{DAY}/pipe.json",
        f"{DAY}/up/d=10",
        f"{DAY}/up/d=12",
        "y=2026/m=03/d=12",
    }
    read = [str(path.relative_to(folder)) for path in folder.rglob("*.json")]
    read = [path.replace(EQUALS, "=") for path in read]
    assert f"{DAY}/h=00/a.json" in read and f"{DAY}/other/a.json" in read
    assert not [path for path in read if "out" in path or "loop" in path]
    assert (folder / "y=2026/m=03/d=11/a.json").read_bytes() == other.read_bytes()
    # What the links lead to stays when they are made anew.
    assert prepare_root(root, place, days)[0] == place and good.exists() and other.exists()
    for path in root.rglob("*"):
        if path.is_symlink():
            path.unlink()
    (root / DAY / "pipe.json").unlink()
    write(root, "h=00/a.json", day="y=2026/m=03/d=11")
    other.unlink()
    assert prepare_root(root, place, days[:2]) == (root, {})
    assert not place.exists() and good.exists()


def test_files_beside_folders_of_hours_are_read_too(tmp_path: Path):
    """The engine takes h=00 for a partition, which all files must have then."""
    root, place = tmp_path / "raw", tmp_path / "links"
    days = [DAY, "y=2026/m=03/d=11"]
    write(root, "h=00/m=00/a.json")
    write(root, "h=00/m=05/a.json", day=days[1])
    assert prepare_root(root, place, days) == (root, {})
    write(root, "b.json", day=days[1])
    assert prepare_root(root, place, days) == (place, {})
    read = sorted(str(path.relative_to(place)) for path in place.rglob("*.json"))
    assert [path.replace(EQUALS, "=") for path in read] == [
        "y=2026/m=03/d=10/h=00/m=00/a.json",
        "y=2026/m=03/d=11/b.json",
        "y=2026/m=03/d=11/h=00/m=05/a.json",
    ]
    assert all(path.startswith("y=2026/m=03/d=1") and path.count("=") == 3 for path in read)


def test_a_name_that_is_not_utf_8(tmp_path: Path):
    root = tmp_path / "raw"
    write(root, "good.json")
    (root / DAY / os.fsdecode(b"\xff\x1b[31m.json")).write_text("{}\n")
    folder, problems = prepare_root(root, tmp_path / "links", [DAY])
    assert list(problems.values()) == ["its name is not UTF-8, or has a control character"]
    assert [path.name for path in folder.rglob("*.json")] == ["good.json"]


def as_nobody(look: Callable[[], Any]) -> str:
    """Call a function in a process of another user: root may read everything."""
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        if os.geteuid() == 0:
            os.setgid(65534)
            os.setuid(65534)
        os.write(writes, repr(look()).encode())
        os._exit(0)
    os.close(writes)
    os.waitpid(child, 0)
    with os.fdopen(reads) as said:
        return said.read()


@pytest.mark.parametrize(
    ("hidden", "left"), [("a.json", ["c.json", "b.json"]), ("h=00", ["a.json", "c.json"])]
)
def test_what_may_not_be_read_is_named_and_the_rest_is_read(hidden: str, left: list[str]):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        root.chmod(0o755)
        for name in ("h=00/b.json", "a.json", "c.json"):
            write(root, name)
        (root / DAY / hidden).chmod(0)

        def look() -> Any:
            files, problems = problems_below(root / DAY, root)
            return [file.name for file in files], {p.name: said for p, said in problems.items()}

        said = as_nobody(look)
        (root / DAY / hidden).chmod(0o700)
    kind = "file that cannot be read" if hidden.endswith("json") else "folder that cannot be listed"
    assert said == repr((left, {hidden: f"a {kind} (Permission denied)"}))


def test_a_folder_that_may_not_be_written_is_named():
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        place.chmod(0o555)

        def lock() -> str:
            with pytest.raises(DbtRuntimeError) as raised:
                lock_tables(place / "tables", "dbt build")
            return str(raised.value)

        said = as_nobody(lock)
    assert "tables cannot be written: Permission denied" in said and "BEACONING_OUTPUT" in said


def test_lines_that_are_not_utf_8_are_apart_and_the_others_are_as_they_were(tmp_path: Path):
    good, bad = b'{"a": "\xc3\xa9"}\n', b'{"b": "\xff"}\n'
    root, place = tmp_path / "raw", tmp_path / "links"
    write(root, "mixed.json", b"\xef\xbb\xbf" + good + bad + good)
    write(root, "packed.json.gz", gzip.compress(bad + b'{"c": 1}'))
    write(root, "packed.json", b'{"d": 1}\n')
    write(root, "cut.json.gz", gzip.compress(good * 100)[:-20])
    day = prepare_day(root / DAY, place, ENDINGS)
    lines = b"".join(p.read_bytes() for p in day.location.rglob("*") if p.is_file())
    assert sorted(lines.splitlines(keepends=True)) == sorted(
        [good, good, b'{"c": 1}\n', b'{"d": 1}\n']
    )
    broken = b"".join(p.read_bytes() for p in day.broken.rglob("*") if p.is_file())
    assert broken.decode("utf-8").count("\ufffd") == broken.count(b"\n") == 2
    assert [path.name for path in day.problems] == ["cut.json.gz"]
    assert day.location.stat().st_mode & 0o077 == 0


def test_a_huge_file_takes_little_memory(tmp_path: Path):
    path = tmp_path / "huge.json.gz"
    with gzip.open(path, "wb", 1) as file:
        for _ in range(300):
            file.write(b'{"a": 1}\n' * (PIECE // 9))
    tracemalloc.start()
    try:
        assert look_into(path) == Content()
        assert tracemalloc.get_traced_memory()[1] < 50e6
    finally:
        tracemalloc.stop()


def test_files_are_listed_without_reading_them(tmp_path: Path):
    root, place = tmp_path / "raw {old}", tmp_path / "listing"
    write(root, "h=00/a.json", b"12345")
    write(root, "b.json", day="y=2026/m=03/d=11")
    write(root, "of_no_day.json", day="y=2026")
    for name in ("_SUCCESS", ".a.json.crc", "_temporary/0/d.json", ".hidden/e.json"):
        write(root, name)
    unreadable = write(root, "c.json")
    unreadable.chmod(0)
    os.utime(root / DAY / "h=00/a.json", ns=(0, 1_700_000_000_123_456_789))
    both = f"{root}/{{{DAY},y=2026/m=03/d=11,y=2026/m=03/d=12}}"
    rows = pq.read_table(write_listing(both, place)).to_pylist()
    assert listed_location(place) == both
    names = [row["path"].removeprefix(f"{root}/".lstrip("/")) for row in rows]
    expected = [f"{DAY}/h=00/a.json", "y=2026/m=03/d=11/b.json"]
    assert [name for name in names if name != f"{DAY}/c.json"] == expected  # root may read it
    (a,) = [row for row in rows if row["path"].endswith("a.json")]
    assert a["length"] == 5
    assert a["modificationTime"].isoformat() == "2023-11-14T22:13:20.123456+00:00"
    assert len(pq.read_table(write_listing(f"{root}/{DAY}/h=00", place))) == 1
    nothing = pq.read_table(write_listing(f"{root}/y=2027", place))
    assert nothing.num_rows == 0 and nothing.schema.names == ["path", "modificationTime", "length"]
