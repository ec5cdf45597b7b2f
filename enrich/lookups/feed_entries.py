"""Entries of a feed: addresses and networks, from the shapes in which feeds are published.

A feed is JSON, JSON lines, or text with one entry per line. Whatever its shape, it becomes rows:
the names of the cells, if it has names, and the cells. Where a row could be read in two ways, it
has no address: to call a harmless address bad is worse than to leave out a line and say so.
"""

from __future__ import annotations

import csv
import ipaddress
import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Row = tuple[tuple[str, ...], list[str]]  # names, or nothing; cells

LONGEST_LABEL = 200  # characters of one feed entry
LONGEST_HEADER = 2000  # characters of a line
MOST_WORDS = 4  # in the title of a column; more are prose

# Names of cells in which feeds hold the indicator, the most telling first, spelled as by
# `plain_name`. The last line holds no address, but says what the entry is about.
INDICATOR_NAMES = tuple(
    re.compile(pattern)
    for pattern in (
        r".*(indicator|ioc|observable)s?(value|ip)?",
        r".*(dst|dest|destination|remote|c2|cnc)(server|host)?(ip)?(addr|address)?(v4|v6)?",
        r".*ip(s|v4|v6|port)?|.*addr(ess|esses)?|.*host|.*server",
        r".*cidr(block)?s?|.*(network|netblock|subnet|prefix|range)s?|.*(block|drop)list",
        r"(attribute|object)?value|pattern|.*ur[li]s?",
        r".*(domain|hostname|fqdn|hash|md5|sha\d+)s?",
    )
)
# The two ends of a range of addresses.
START, END = (
    re.compile(rf"(ip|net|network|range)?({ends})(ip|addr|address)?")
    for ends in ("start|first|from", "end|last|to")
)
# Whoever saw or reported it, or was hit by it, is not the threat.
BYSTANDER = re.compile(
    r"src|source|report|sensor|victim|target|honeypot|submit|contribut|collect|observer|analyst"
    r"|author|provider|reference|link|resolver|sinkhole|client|internal|local"
)
ATTACKER = re.compile(r"(src|source)(ip|addr|address|ipaddress|ipv4|ipv6)s?|ip(src|source)")

# What an entry says if it is not to be searched for: MISP, STIX.
NO_INDICATOR = {
    "type": ("text", "comment", "version"),
    "toids": ("0", "false"),
    "deleted": ("1", "true"),
    "revoked": ("1", "true"),
}

# Zeek's header begins with #fields; Excel writes sep=; above the header.
COMMENT = re.compile(r"(#|;|//|sep=)[#;/\s]*(fields:?\s)?", re.I)
TITLE = re.compile(r"[^\W\d][\w .:()/%&'#+-]{0,60}")  # of a column
QUOTED = re.compile(r'"[^"]*"')
DEFANGED = re.compile(r"[\[({](\.|:|/|://|dot)[\])}]", re.I)
URL = re.compile(r"[a-z][a-z0-9+.*-]*://(?:[^/?#@\s]*@)?([^/?#\s]+)(?:[/?#].*)?", re.I)
# With a port and a path. A number there is the length of a prefix, and no path if it is wrong.
ENDPOINT = re.compile(r"(?:\[([0-9a-f:.]+)\]|([0-9.]+))(?::\d+)?(?:/(?!\d).*)?", re.I)
RANGE = re.compile(r"([0-9a-f:.]+)\s*[-–]\s*([0-9a-f:.]+)", re.I)
# Lists for firewalls and filters, of which only the entry counts: ipset save, P2P, Adblock.
WRAPPED = re.compile(
    r"add\s+\S+\s+([0-9a-f.:/-]+)(?:\s.*)?|.*:([0-9.]+\s*-\s*[0-9.]+)|\|\|([0-9.]+)\^.*", re.I
)
STIX = re.compile(
    r"(?:ipv[46]-addr:value|dst_ref\.value|\burl:value)\s*(?:=|ISSUBSET\b|IN\b)\s*"
    r"(\([^)]{0,9999}\)|'[^']*')"
)


class Header(NamedTuple):
    """Names of the columns, and the delimiter; without one, each line has its own."""

    names: tuple[str, ...] = ()
    delimiter: str = ""

    @property
    def places(self) -> list[tuple[int, ...]]:
        """Where the indicator is; see `indicator_places`."""
        return indicator_places(self.names)


class Entry(NamedTuple):
    """An entry: its networks, none if it gives no address; severity if known; a description."""

    networks: list[Network]
    severity: str
    label: str


def entries_of(text: str) -> Iterator[Entry]:
    """Read the entries of a feed.

    Parameters
    ----------
    text
        The feed.

    Yields
    ------
    Entry
        In no particular order. An address is a network of one address. Without networks, the
        label is the text in which an address was sought.
    """
    unnamed = []
    for names, cells in rows_of(text):
        if places := indicator_places(names):
            yield named_entry(names, cells, places)
        else:
            unnamed.append((names, cells, networks_by_place(names, cells)))
    # In lists without names, the address comes first. If it never does, it is the only one.
    first = any(0 in found for _, _, found in unnamed)
    for names, cells, found in unnamed:
        places = [place for place in found if place == 0 or not first]
        if len(found) == len(cells) > 2:  # a list in one line
            yield from (Entry(networks, "", "") for networks in found.values())
        elif places and all(found[place] == found[places[0]] for place in places):
            yield entry(names, cells, tuple(places), found[places[0]])
        else:
            yield Entry([], "", ", ".join(cells))


def named_entry(names: tuple[str, ...], cells: list[str], places: list[tuple[int, ...]]) -> Entry:
    """Read a row in which the names say where the indicator is."""
    said = dict(zip(names, cells))
    texts = [
        "-".join(cells[p] for p in place) if place[-1] < len(cells) else "" for place in places
    ]
    if not any(said.get(name, "").lower() in words for name, words in NO_INDICATOR.items()):
        for place, text in zip(places, texts):
            if networks := networks_of(text) or networks_of(without_remark(text)[0]):
                return entry(names, cells, place, networks)
    return Entry([], "", next(filter(None, texts), ", ".join(cells)))


def entry(
    names: tuple[str, ...], cells: list[str], places: tuple[int, ...], networks: list[Network]
) -> Entry:
    """Describe an entry by the other cells of its row; `places` are the cells of the address."""
    severe = names.index("severity") if "severity" in names else -1
    severity = cells[severe].lower() if 0 <= severe < len(cells) else ""
    rest = (cell for p, cell in enumerate(cells) if p not in (*places, severe) and cell)
    return Entry(networks, severity, ", ".join(rest)[:LONGEST_LABEL])


def networks_by_place(names: tuple[str, ...], cells: list[str]) -> dict[int, list[Network]]:
    """Find the cells that hold an address, if names do not say which."""
    bystanders = {place for place, name in enumerate(names) if BYSTANDER.search(name)}
    found = {p: networks_of(cell) for p, cell in enumerate(cells) if p not in bystanders}
    return {place: networks for place, networks in found.items() if networks}


@lru_cache(maxsize=1024)
def indicator_places(names: tuple[str, ...]) -> list[tuple[int, ...]]:
    """Say where the indicator is by the names, in order of preference; a range has two places."""
    starts = [place for place, name in enumerate(names) if START.fullmatch(name)]
    ends = [place for place, name in enumerate(names) if END.fullmatch(name)]
    places = [
        (place,)
        for pattern in INDICATOR_NAMES
        for place, name in enumerate(names)
        if pattern.fullmatch(name) and not BYSTANDER.search(name)
    ]
    # In lists of attackers, the source is the threat; then no other cell holds an indicator.
    places = places or [(p,) for p, name in enumerate(names) if ATTACKER.fullmatch(name)]
    return [*zip(starts[:1], ends[:1]), *dict.fromkeys(places)]


def plain_name(name: str) -> str:
    """Spell a name of a cell alike for all feeds: ``Dst IP``, ``dst_ip`` and ``DstIP``."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


# -- Rows ------------------------------------------------------------------------------------


def rows_of(text: str) -> Iterator[Row]:
    """Split a feed into rows. A line is a row, so that a stray quote costs only its own line."""
    document = parsed_json(text)
    if document is not None:
        yield from json_rows(document)
        return
    header = Header()
    offered = None  # a comment that may be the header
    first = True
    for line in re.split(r"\r\n?|\n", text.replace("\ufeff", "")):
        content = line.strip()
        comment = COMMENT.match(content)
        if comment and not (header.delimiter and content.startswith(header.delimiter)):
            found = header_of(content[comment.end() :])
            offered = found if found and found.delimiter and found.places else offered
        elif (document := parsed_json(content)) is not None:
            yield from json_rows(document)
        elif wrapped := WRAPPED.fullmatch(content):
            first = False
            yield (), [next(filter(None, wrapped.groups()))]
        elif first and (found := header_of(content)) and (found.places or not offered):
            header, first = found, False
        elif content:
            if offered and len(split(line, offered.delimiter)) >= len(offered.names):
                header = offered
            offered, first = None, False
            cells = split(line, header.delimiter) if header.delimiter else loose_cells(content)
            yield header.names, cells


def header_of(line: str) -> Header | None:
    """Read a line as names of columns; None if it is no header."""
    headers = []
    if len(line) <= LONGEST_HEADER:
        for delimiter in "\t,;|":
            titles = split(line, delimiter)
            if all(not title or is_title(title) for title in titles):
                one = len(titles) == 1
                headers.append(Header(tuple(map(plain_name, titles)), "" if one else delimiter))
    headers = [header for header in headers if header.places or header.delimiter]
    return max(headers, key=lambda h: (bool(h.delimiter), bool(h.places)), default=None)


def is_title(text: str) -> bool:
    """Tell whether a text may be the title of a column."""
    few_words = len(text.split()) <= MOST_WORDS
    return few_words and bool(TITLE.fullmatch(text)) and not networks_of(text)


def split(line: str, delimiter: str) -> list[str]:
    """Split a line of CSV."""
    try:
        cells = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
    except csv.Error:  # such as a cell that is longer than the module allows
        return [line.strip()]
    return [cell.strip() for cell in cells]


def loose_cells(line: str) -> list[str]:
    """Split a line that has no header, at whatever delimits its first cell."""
    delimiter = re.search(r"[\t,;|#]", QUOTED.sub("", line))
    cells = split(line, delimiter[0]) if delimiter else [line]
    word, remark = without_remark(cells[0])
    if remark and not networks_of(cells[0]) and networks_of(word):
        cells[:1] = [word, remark]
    return cells


def without_remark(text: str) -> tuple[str, str]:
    """Split off what follows an address, such as names of hosts; what may be a range stays."""
    word, _, remark = (text, "", "") if RANGE.fullmatch(text) else text.partition(" ")
    return word, remark.lstrip("/ ")


def parsed_json(text: str) -> Any:  # noqa: ANN401 (anything that JSON can hold)
    """Parse a JSON object or array; None if it is none, such as ``[2001:db8::7]:443``."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def json_rows(document: Any) -> Iterator[Row]:  # noqa: ANN401 (anything that JSON can hold)
    """Find the objects that tell of an indicator, and lists of indicators, at any depth."""
    nodes = [("", document)]
    for name, node in nodes:  # grows
        if isinstance(node, list):
            nodes += [(name, item) for item in node]
        elif isinstance(node, dict) and not is_observation(node):
            texts = {
                plain_name(key): str(value).strip()
                for key, value in node.items()
                if isinstance(value, (str, int, float))
            }
            children = [
                (plain_name(key), value)
                for key, value in node.items()
                if isinstance(value, (list, dict)) and not BYSTANDER.search(plain_name(key))
            ]
            names, cells = tuple(texts), list(texts.values())
            places = indicator_places(names)
            if places:
                yield names, cells
            # What is below an indicator, such as its owner, is no other.
            if not places or not named_entry(names, cells, places).networks:
                nodes += children
        elif isinstance(node, str) and (not name or indicator_places((name,))):
            yield (name or "indicator",), [node]


def is_observation(node: dict[str, Any]) -> bool:
    """Tell whether an object of STIX was only seen; an indicator says what to look for."""
    kind = str(node.get("type"))
    return str(node.get("id")).startswith(f"{kind}--") and kind not in ("bundle", "indicator")


# -- Addresses -------------------------------------------------------------------------------


def networks_of(text: str) -> list[Network]:
    """Read an address, network, range, URL or pattern of STIX, perhaps defanged or with a port.

    Parameters
    ----------
    text
        A cell of a feed.

    Returns
    -------
    list
        Several networks only for a range and a pattern; nothing for anything else, and for the
        addresses that stand for none in files of hosts: 0.0.0.0 and 127.0.0.1.
    """
    if "." not in text and ":" not in text:
        return []
    if text.startswith("[") and (patterns := STIX.findall(text)):
        values = [value for pattern in patterns for value in re.findall("'([^']*)'", pattern)]
        return [network for value in values for network in networks_of(value)]
    text = DEFANGED.sub(lambda m: "." if m[1].lower() == "dot" else m[1], text.strip(" \t'\"<>"))
    if text.count("|") == 1:  # MISP's address|port and domain|address
        sides = [networks for side in text.split("|") if (networks := networks_of(side))]
        return sides[0] if len(sides) == 1 else []
    if url := URL.fullmatch(text):
        text = url[1] if ENDPOINT.fullmatch(url[1]) else ""
    if endpoint := ENDPOINT.fullmatch(text):
        text = endpoint[1] or endpoint[2]
    try:
        ends = RANGE.fullmatch(text)
        networks = summary(*ends.groups()) if ends else [ipaddress.ip_network(text, strict=False)]
    except (ValueError, TypeError):
        return []
    return [network for network in map(unmapped, networks) if not is_placeholder(network)]


def summary(start: str, end: str) -> list[Network]:
    """Write a range as networks."""
    ends = ipaddress.ip_address(start), ipaddress.ip_address(end)
    return list(ipaddress.summarize_address_range(*ends))


def unmapped(network: Network) -> Network:
    """Write an IPv4-mapped network as IPv4."""
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    if mapped is None or network.prefixlen < 96:
        return network
    return ipaddress.ip_network((mapped, network.prefixlen - 96))


def is_placeholder(network: Network) -> bool:
    """Tell whether it is the address of this machine, or of none."""
    address = network.network_address
    is_address = network.prefixlen == network.max_prefixlen
    return is_address and (address.is_unspecified or address.is_loopback)
