"""Lines that a hostile or broken source could write: each has one fate, so none is lost or doubled.

`MUTATED_LINES` says how many; the suite has few.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import random
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
    # An array is its rows. A day of its own: target local rejects arrays beside a broken byte.
    arrays = min(DAYS) - dt.timedelta(1)
    held[arrays] = []
    for _ in range(max(1, lines // 100)):
        rows = [other_row(dice) for _ in range(dice.randrange(1, 5))]
        held[arrays] += [text(rows), b"", b" \t "]
        count[arrays] += len(rows)
    for day, some in held.items():
        lay_out(root, day, some, file=f"PT05M_{day:%d}.json")
    return count


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


@pytest.mark.parametrize("seed", [1])
def test_mutated_lines_of_all_makers(dbt: Dbt, tmp_path: Path, seed: int):
    dbt.wipe()
    written = write(tmp_path, random.Random(seed), LINES)
    assert fates(dbt, tmp_path, list(written)) == written


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
