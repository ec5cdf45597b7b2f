"""Lines and files that a hostile or broken source could write.

Each line has one fate, so none is lost or doubled; each file is read or named. `MUTATED_LINES` and
`MUTATED_FILES` say how many; the suite has few.
"""

from __future__ import annotations

import datetime as dt
import gzip
import ipaddress
import json
import os
import random
import re
import resource
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.test_makers import DAY, ROWS
from tests.support.captures import ABSENT, CAPTURES, lay_out_capture
from tests.support.dbt_in_process import ENGINE, Dbt
from tests.support.export_tree import lay_out

LINES = int(os.environ.get("MUTATED_LINES", "3000"))
FILES = int(os.environ.get("MUTATED_FILES", "80"))
AT_ONCE = 5_000  # lines that are held before they are written
DAYS = [DAY - dt.timedelta(back) for back in range(3)]
Row = dict[str, Any]

TIMES = [
    *("1970-01-01T00:00:00Z", "9999-12-31T23:59:59.9999999Z", "0001-01-01T00:00:00Z", "0", "-1"),
    *("2026-02-30T00:00:00Z", "2026-03-10T24:00:00Z", "2026-03-10T12:00:00+25:00", "2026-03-10"),
    *("1773100800", "1773100800123456789", "9999999999", "Mar 99 2026 25:61:61", "yesterday", " "),
    *("3/10/2026, 12:00:00 PM", "13/40/2026, 99:00:00 PM", "1/1/0001, 12:00:00 AM"),
]
ADDRESSES = [
    *("0.0.0.0", "::", "::1", "255.255.255.255", "256.1.1.1", "1.2.3", "01.02.03.04", "10.0.0.1:1"),
    *("::ffff:10.0.0.1", "1.2.3.4::a", "2001:db8::1::2", "fe80::1%eth0", "[2001:db8::1]", ""),
    *("c2.example", "169.254.1.1", "\u0663.\u0663.\u0663.\u0663", "10.0.0.1\n", "' or 1=1"),
]
VALUES: list[Any] = [
    *(None, True, False, 0, -1, 1.5, 2**63, 10**400, 1e308, "", "-", "NaN", "0", "9" * 18),
    *([], [[]], {}, {"a": {"b": [1]}}, ["10.0.0.1"], "x" * 20_000, "\x00\x01\x1b[31m\x7f"),
    *("\u202e\u2028\ufeff", "\ud800", "\ud83d\ude00", "%", "_", ";=;=;", "a=;;duration="),
    *("9" * 40, "\\", "'"),
]
COLUMNS = sorted({name for row in ROWS for name in row})


def changed(dice: random.Random, row: Row, name: str | None = None, values: Any = VALUES) -> Row:
    return row | {name or dice.choice(COLUMNS): dice.choice(values)}


def text(row: Row) -> bytes:
    return json.dumps(row).encode()


def mixed(dice: random.Random, row: Row) -> bytes:
    for _ in range(dice.randrange(2, 9)):
        row = changed(dice, row)
    return text(row)


def other_row(dice: random.Random) -> Row:
    return dict(dice.choice(ROWS))


def raw_control(dice: random.Random, row: Row) -> bytes:
    line = text(row)
    place = dice.randrange(len(line))
    raw = dice.choice([b"\x00", b"\x0b", b"\x1c", b"\xff\xfe", b"\xc2\x85", b"\t"])
    return line[:place] + raw + line[place:]


def any_text(dice: random.Random) -> str:
    """Any characters, those of control and halves of surrogate pairs included."""
    kinds = [(0, 0x1F), (0x20, 0x7E), (0x80, 0x7FF), (0x800, 0xFFFF), (0x10000, 0x10FFFF)]
    return "".join(chr(dice.randint(*dice.choice(kinds))) for _ in range(dice.randrange(40)))


def any_value(dice: random.Random, depth: int = 3) -> Any:
    """Any value of JSON."""
    if depth and dice.random() < 0.3:
        inner = [any_value(dice, depth - 1) for _ in range(dice.randrange(4))]
        return inner if dice.random() < 0.5 else {any_text(dice): value for value in inner}
    number = dice.choice([1, 2**31, 2**63, 2**64, 10**18, 10**30]) * dice.uniform(-1, 1)
    odd = [None, True, False, float("nan"), float("inf")]
    return dice.choice([*odd, int(number), number, any_text(dice), str(number)])


def any_time(dice: random.Random) -> str:
    """A moment of any year, in one of many spellings."""
    year, month, day = dice.randint(1, 9999), dice.randint(1, 12), dice.randint(1, 31)
    clock = f"{dice.randrange(25):02d}:{dice.randrange(61):02d}:{dice.randrange(62):02d}"
    fraction = dice.choice(["", ".0", f".{dice.randrange(10**9):09d}", ",5"])
    zone = dice.choice(["", "Z", "z", " UTC", "+00:00", "-14:00", "+1800", "+5", " Europe/Berlin"])
    iso = f"{year:04d}-{month:02d}-{day:02d}{dice.choice('T t')}{clock}{fraction}{zone}"
    return dice.choice(
        [iso, iso, f"{month}/{day}/{year}, {clock} PM", f"{year}{month:02d}{day:02d}"]
    )


def any_address(dice: random.Random) -> str:
    """An address in one of its notations, right or nearly so."""
    if dice.random() < 0.3:
        parts = [dice.randrange(300) for _ in range(4)]
        style = dice.choice(["{}", "{:03d}", "0{:o}", "0x{:x}", " {}"])
        return ".".join(style.format(part) for part in parts)
    bits = dice.getrandbits(128) & dice.choice([2**128 - 1, 2**64 - 1, 2**128 - 2**64, 2**32 - 1])
    address = ipaddress.IPv6Address(bits | dice.choice([0, 0xFFFF << 32, 0xFE80 << 112]))
    tail = str(ipaddress.IPv4Address(bits & (2**32 - 1)))
    notations = [address.compressed, address.exploded, address.exploded.upper()]
    notations += [f"[{address}]:443", f"{address}%eth0", f"{address}/64", f"::ffff:{tail}"]
    notations += [address.exploded.rpartition(":")[0], f"{address}::", f"64:ff9b::{tail}"]
    return dice.choice(notations)


def twice(dice: random.Random, row: Row) -> bytes:
    """A row with one of its keys twice."""
    name = dice.choice(list(row))
    return text(row)[:-1] + b", " + text({name: any_value(dice)})[1:]


MUTATIONS: list[Callable[[random.Random, Row], bytes]] = [
    lambda dice, row: text(row)[: dice.randrange(1, 400)],
    lambda dice, row: text(changed(dice, row)),
    mixed,
    lambda dice, row: text({k: v for k, v in row.items() if dice.random() < 0.7}),
    lambda dice, row: text(changed(dice, row, "TimeGenerated", TIMES)),
    lambda dice, row: text(
        changed(dice, row, dice.choice(["ReceiptTime", "StartTime", "EndTime"]), TIMES)
    ),
    lambda dice, row: text(
        changed(dice, row, dice.choice(["SourceIP", "DestinationIP"]), ADDRESSES)
    ),
    lambda dice, row: text(changed(dice, row, dice.choice(["SourcePort", "DestinationPort"]))),
    lambda dice, row: text(row | {"DeviceVendor": other_row(dice)["DeviceVendor"]}),
    lambda dice, row: text(row | {"_ItemId": "the same", "SourcePort": dice.randrange(1, 4)}),
    lambda dice, row: text(row | {"Message": other_row(dice).get("Message", "%: Built x")}),
    lambda dice, row: text(row) + dice.choice([b",", b"  ", b"}", b"]", b" and more", b"{}"]),
    lambda dice, row: dice.choice([b"\xef\xbb\xbf", b"  ", b"{", b"x", b"//"]) + text(row),
    raw_control,
    lambda dice, row: bytes(dice.choice(b' \t{}[]",:x1\xff') for _ in range(30)) + b".",
    lambda dice, row: text(row).replace(b'"', b"'"),
    lambda dice, row: text({name.lower(): value for name, value in row.items()}),
    lambda dice, row: text({"rows": [row]}),
    lambda dice, row: b'{"a":' * 200 + b"1" + b"}" * 200,
    twice,
    lambda dice, row: text(changed(dice, row, values=[any_value(dice)])),
    lambda dice, row: text({name: any_value(dice) for name in row}),
    lambda dice, row: text(row | {any_text(dice): any_value(dice)}),
    lambda dice, row: text(row | {"TimeGenerated": any_time(dice), "ReceiptTime": any_time(dice)}),
    lambda dice, row: text(row | {dice.choice(["SourceIP", "DestinationIP"]): any_address(dice)}),
    lambda dice, row: text(
        row | {"Message": any_text(dice), "AdditionalExtensions": any_text(dice)}
    ),
]


def write(root: Path, dice: random.Random, lines: int) -> Counter[dt.date]:
    """Write the lines; return how many there are by day."""
    count: Counter[dt.date] = Counter()
    held: dict[dt.date, list[bytes]] = {day: [] for day in DAYS}
    while count.total() < lines:
        day, row = dice.choice(DAYS), other_row(dice)
        line = dice.choice(MUTATIONS)(dice, row)
        times = dice.choice([1, 1, 1, 2, 3])
        held[day] += [line] * times
        count[day] += times
        if len(held[day]) > AT_ONCE:
            lay_out(root, day, held[day], file=f"PT05M_{day:%d}.json")
            held[day] = []
    # An array is its rows.
    for _ in range(max(1, lines // 100)):
        day, rows = dice.choice(DAYS), [other_row(dice) for _ in range(dice.randrange(1, 5))]
        held[day] += [text(rows), b"", b" \t "]
        count[day] += len(rows)
    for day, some in held.items():
        lay_out(root, day, some, file=f"PT05M_{day:%d}.json")
    return count


# A file: what is in it, how its name ends, and how many lines it counts for.
File = tuple[bytes, str, int]


def some_lines(dice: random.Random) -> list[bytes]:
    return [
        dice.choice(MUTATIONS)(dice, other_row(dice)).replace(b"\xff", b"?")
        for _ in range(dice.randrange(1, 9))
    ]


def plain_file(dice: random.Random, ending: str = ".json") -> File:
    lines = some_lines(dice)
    last = dice.choice([b"", b"\n", b"\r\n", b"\n\n \n"])
    return dice.choice([b"\n", b"\r\n"]).join(lines) + last, ending, len(lines)


def packed_file(dice: random.Random) -> File:
    content, _, lines = plain_file(dice)
    half = content.find(b"\n") + 1
    parts = [content[:half], content[half:]] if half else [content]
    return b"".join(map(gzip.compress, parts)), ".json.gz", lines


def cut_file(dice: random.Random) -> File:
    packed = packed_file(dice)[0]
    return packed[: dice.randrange(1, len(packed))], ".ndjson.gz", 1


def noise(dice: random.Random) -> File:
    """Bytes that are no text."""
    line = bytes(dice.randrange(14, 256) for _ in range(40)) + b"\xff"
    return b"\x7fELF" + line, dice.choice([".json", ".JSON"]), 1


def other_kind(dice: random.Random) -> File:
    """Files of another kind whose names say JSON."""
    content = dice.choice(
        [
            b"PAR1\x15\x04",
            b"a,b,c",
            b"<?xml version='1.0'?>",
            b"PK\x03\x04\x14",
            b"{{ 1 / 0 }}",
            b"null",
            b"1e400",
            b'"text"',
            "[]".encode("utf-16"),
        ]
    )
    return content, ".jsonl", 1


FILE_KINDS: list[Callable[[random.Random], File]] = [
    plain_file,
    plain_file,
    packed_file,
    other_kind,
    lambda dice: (b"", dice.choice([".json", ".json.gz"]), 0),
    lambda dice: (b"\n \t\n\r\n", ".json", 0),
    lambda dice: (text([other_row(dice)] * 3), ".json", 3),
    lambda dice: plain_file(dice, dice.choice([".txt", ".json.bak", "", ".parquet", ".json.zst"])),
]
if (
    ENGINE == "local"
):  # Spark stops at gzip that is none, and shows bytes that are no text otherwise
    FILE_KINDS += [cut_file, noise, lambda dice: (text(other_row(dice)), ".json.gz", 1)]
ODD_NAMES = [
    *("a b", "%41", "ü", "a%2Fb", "q?", "h#", "st*r", "[x]", "{y}", "o'neill", '"', "$(id)", "~"),
    *("\x1b[31m", "\u202e", "a+b", "=", "x" * 150, "&amp;", "${HOME}", "<b>", "-rf", "a,b"),
    *([] if ENGINE == "spark" else ["a:b"]),  # Hadoop refuses a colon
]


def write_files(
    root: Path, dice: random.Random, files: int
) -> tuple[Counter[dt.date], dict[str, str]]:
    """Write files; return how many lines count by day, and what is to become of each file."""
    count: Counter[dt.date] = Counter()
    becomes: dict[str, str] = {}
    for number in range(files):
        content, ending, lines = dice.choice(FILE_KINDS)(dice)
        day = dice.choice(DAYS)
        folder = root / f"y={day:%Y}/m={day:%m}/d={day:%d}/h={dice.randrange(24):02d}"
        if dice.random() < 0.2:  # a folder that is named as a file
            folder /= dice.choice(["PT05M.json", "x.json.gz", "m=00", dice.choice(ODD_NAMES)])
        name = f"{number}{dice.choice(ODD_NAMES) if dice.random() < 0.5 else ''}{ending}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
        if ENGINE == "local" and "\x1b" in name + str(folder):
            becomes[str(number)] = "left out"
        elif not content:
            becomes[str(number)] = "empty"
        elif ending in (".txt", ".json.bak", "", ".parquet", ".json.zst"):
            becomes[str(number)] = "not read"
        else:
            becomes[str(number)] = "read"
            count[day] += lines
    return count, becomes


def fates(dbt: Dbt, root: Path, days: list[dt.date]) -> dict[dt.date, int]:
    result = dbt(
        *(
            "build",
            "--select",
            "+row_fates",
            "stg_common_security_log_rejects",
            "--exclude-resource-type",
            "unit_test",
        ),
        vars={
            "raw_root": str(root),
            "end_date": str(max(days)),
            "lookback_days": (max(days) - min(days)).days,
        },
    )
    assert result.success, result.messages[-5000:]
    counted = dbt.rows(
        "select log_date, sum(line_count) as n from beaconing.row_fates group by log_date"
    )
    return {row["log_date"]: row["n"] for row in counted}


def test_mutated_lines_of_all_makers(dbt: Dbt, tmp_path: Path):
    dbt.wipe()
    written = write(tmp_path, random.Random(1), LINES)
    assert fates(dbt, tmp_path, list(written)) == written
    say_peak(f"{LINES:,} mutated lines")


def test_mutated_files(dbt: Dbt, tmp_path: Path):
    dbt.wipe()
    written, becomes = write_files(tmp_path, random.Random(1), FILES)
    assert fates(dbt, tmp_path, DAYS) == written
    listed = {
        re.match(r"\d+", file["path"].rpartition("/")[2])[0]: file["is_read"]
        for file in dbt.rows("select path, is_read from beaconing.log_files")
    }
    for number, fate in becomes.items():
        if fate != "empty":
            assert listed.get(number) == {"read": True, "not read": False}.get(fate), number
    say_peak(f"{FILES:,} mutated files")


def say_peak(what: str) -> None:
    """For `python -m tests.reliability`: the memory of this process, in which Sail runs."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{what}: each accounted for, peak memory {peak:,} MB")


@pytest.mark.skipif(not CAPTURES, reason=ABSENT)
@pytest.mark.skipif(ENGINE != "local", reason="the same SQL over more rows")
@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: path.name.partition(".")[0])
def test_captures(dbt: Dbt, tmp_path: Path, capture: Path):
    dbt.wipe()
    days = lay_out_capture(capture, tmp_path)
    folders = {day: (tmp_path / f"y={day:%Y}/m={day:%m}/d={day:%d}").rglob("*") for day in days}
    written = {
        day: sum(path.read_bytes().count(b"\n") for path in paths if path.is_file())
        for day, paths in folders.items()
    }
    assert fates(dbt, tmp_path, days) == written
