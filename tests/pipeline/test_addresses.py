"""The macros for addresses agree with Python's ipaddress, also on texts that are no addresses."""

from __future__ import annotations

import ipaddress
import random

import jinja2

from tests.support.dbt_in_process import PROJECT, Dbt

MACROS = jinja2.Environment(extensions=["jinja2.ext.do"])
MACROS.globals["return"] = lambda value: value
ADDRESSES = MACROS.from_string((PROJECT / "macros/addresses/addresses.sql").read_text()).module


def texts(count: int) -> list[str]:
    """IPv4, IPv6 and dotted tails, by chance with too many groups, letters or colons."""
    draw = random.Random(7)

    def group() -> str:
        number = draw.choice([0, 0, 1, draw.randrange(16), draw.randrange(65536)])
        return f"{number:x}".zfill(draw.choice([0, 0, 2, 4]))

    def quad() -> str:
        numbers = [draw.choice([0, 9, 10, 99, 100, 199, 200, 249, 255, 256]) for _ in range(5)]
        return ".".join(map(str, numbers[: draw.choice([3, 4, 4, 4, 4, 5])]))

    def text() -> str:
        if draw.random() < 0.2:
            return quad()
        groups = [group() for _ in range(draw.choice([1, 2, 4, 6, 7, 8, 8, 9]))]
        made = ":".join(groups)
        if draw.random() < 0.5:
            cut = draw.randrange(len(groups) + 1)
            made = ":".join(groups[:cut]) + "::" + ":".join(groups[cut:])
        if draw.random() < 0.3:
            made += ("" if made.endswith(":") else ":") + quad()
        if draw.random() < 0.1:
            made = made.replace(":", draw.choice([":::", ".", ":g", " "]), 1)
        return made + (draw.choice(["\n", "z", ":", ".", "%eth0"]) if draw.random() < 0.05 else "")

    return sorted({text() for _ in range(count)})


def as_key(text: str) -> str | None:
    try:
        address = ipaddress.ip_address("no zone" if "%" in text else text)
    except ValueError:
        return None
    return f"{int(address) + (0xFFFF << 32 if address.version == 4 else 0):032x}"


def usual_spelling(key: str) -> str:
    address = ipaddress.IPv6Address(int(key, 16))
    return str(address.ipv4_mapped or address)


def as_range(text: str) -> tuple[str, str] | None:
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
    mapped = 0xFFFF << 32 if network.version == 4 else 0
    ends = (network.network_address, network.broadcast_address)
    return tuple(f"{int(end) + mapped:032x}" for end in ends)


def answers(dbt: Dbt, asked: list[str], query: str) -> dict[str, tuple]:
    dbt.spark.createDataFrame([(text,) for text in asked], "text string").createOrReplaceTempView(
        "asked"
    )
    return {row["text"]: tuple(row.values())[1:] for row in dbt.rows(query)}


def test_keys_and_spellings_are_those_of_ipaddress(dbt: Dbt):
    query = f"select text, ip_key, {ADDRESSES.ip_text('ip_key')} as spelling"
    query += f" from (select text, {ADDRESSES.ip_key('text')} as ip_key from asked)"
    found = answers(dbt, texts(6_000), query)
    keys = {text: key for text, (key, _) in found.items()}
    assert keys == {text: as_key(text) for text in found}
    spellings = {key: spelling for key, spelling in found.values() if key}
    assert spellings == {key: usual_spelling(key) for key in spellings}
    assert 1_000 < len(spellings) < len(found) - 1_000, "neither all addresses nor none"


def test_ranges_of_networks_are_those_of_ipaddress(dbt: Dbt):
    prefixes = (0, 1, 7, 8, 9, 22, 31, 32, 33, 47, 48, 49, 50, 51, 127, 128, 129, -1, "x")
    addresses = [text for text in texts(400) if "\n" not in text and "%" not in text]
    asked = [f"{text}/{prefix}" for text in addresses for prefix in prefixes] + addresses
    # Not ours: every IPv6 address. It would make all traffic internal.
    asked = [text for text in asked if not (":" in text and text.endswith("/0"))]
    address, bits = ADDRESSES.network_address("text"), ADDRESSES.network_bits("text")
    query = f"select text, {ADDRESSES.network_range('ip_key', 'bits')} as range from"
    query += f" (select text, bits, {ADDRESSES.ip_key('address')} as ip_key from"
    query += f" (select text, {address} as address, {bits} as bits from asked))"
    found = answers(dbt, asked, query)
    ranges = {text: tuple(ends.values()) if ends else None for text, (ends,) in found.items()}
    assert ranges == {text: as_range(text) for text in found}
    assert sum(map(bool, ranges.values())) > 1_000
