"""The log generator: its rows are what truth.json says, and nothing else is periodic."""

import collections
import datetime as dt
import functools
import hashlib
import ipaddress
import json
import re
import statistics
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from samples import FAULT_OPTIONS, TABLE_FOLDER, GeneratorError, Skew, generate
from samples.__main__ import main
from samples.faults import FAULTS, HOSTILE_TEXTS
from samples.tree import MADE_BY
from samples.world import POPULAR

LAST_DAY = "2026-09-30"
FOLDER = re.compile(r"y=(\d{4})/m=(\d\d)/d=(\d\d)/h=(\d\d)/m=(\d\d)/(PT0?5M(?:_\d)?\.json)$")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z")
PORTAL = re.compile(r"\d+/\d+/\d{4}, \d+:\d\d:\d\d(\.\d{3})? [AP]M")


def networks(*texts):
    return tuple(ipaddress.ip_network(text) for text in texts)


INTERNAL = networks("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
DOCUMENTATION = (
    *networks("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"),
    *networks("198.18.0.0/15", "2001:db8::/32"),
)
MULTICAST = networks("224.0.0.0/3", "ff00::/8")


# Where the text of a message has the ends of a session.
IPV4 = r"(\d+\.\d+\.\d+\.\d+)"
ENDS_IN_MESSAGE = {
    "FTD": rf"SrcIP: {IPV4}, DstIP: {IPV4}(?:, SrcPort: (\d+), DstPort: (\d+))?",
    "SRX": rf'source-address="{IPV4}" source-port="(\d+)" destination-address="{IPV4}" '
    r'destination-port="(\d+)"',
    "XG": rf'src_ip={IPV4} dst_ip={IPV4} protocol="\w+"(?: src_port=(\d+) dst_port=(\d+))?',
    "Firebox": rf" {IPV4} {IPV4} (\d+) (\d+) duration",
}


def filled(row):
    """A row with the ends of its session in their columns, wherever the maker writes them."""
    if "SourceIP" in row or row.get("DeviceProduct") not in {*ENDS_IN_MESSAGE, "ASA"}:
        return row
    message = row["Message"]
    if row["DeviceProduct"] == "ASA":
        ends = re.findall(rf"[a-z:] ?{IPV4}(?:/(\d+))?", message)
        # Allowed pings come from inside only.
        from_near = any(w in message for w in (" to inside:", "Built outbound", "Teardown ICMP"))
        source, destination = (ends[-1], ends[0]) if from_near else (ends[0], ends[-1])
        found = source[0], destination[0], source[1], destination[1]
        if "ICMP" in message:
            found = *found[:2], None, None
    else:
        found = re.search(ENDS_IN_MESSAGE[row["DeviceProduct"]], message).groups()
        if row["DeviceProduct"] == "SRX":
            found = found[0], found[2], found[1], found[3]
    ports = {"SourcePort": found[2], "DestinationPort": found[3]}
    return row | {
        "SourceIP": found[0],
        "DestinationIP": found[1],
        **{name: int(port) for name, port in ports.items() if port},
    }


class Tree:
    """A generated tree, read back without the generator's help."""

    def __init__(self, out):
        self.truth = json.loads((out / "truth.json").read_text())
        self.root = out / self.truth["root"]
        self.files = sorted(path for path in self.root.rglob("*") if path.is_file())
        self.lines = []  # (folder time, file, line as bytes)
        self.half_written = []
        for path in self.files:
            year, month, day, hour, minute, _ = FOLDER.search(path.as_posix()).groups()
            folder = dt.datetime(*map(int, (year, month, day, hour, minute)))
            content = path.read_bytes()
            self.lines += [(folder, path, line) for line in content.split(b"\n") if line]
            if not content.endswith(b"\n"):
                self.half_written.append(content.split(b"\n")[-1])

    @property
    def listed(self):
        return self.truth["implants"] + self.truth["benign"]


def as_json(line):
    try:
        return json.loads(line)
    except ValueError:
        return None


@functools.cache
def is_in(address, ranges):
    address = ipaddress.ip_address(address)
    return any(address.version == r.version and address in r for r in ranges)


def seconds(time_generated):
    time = dt.datetime.fromisoformat(time_generated[:26]).replace(tzinfo=dt.timezone.utc)
    return time.timestamp() + int(time_generated[26]) * 1e-7


def direction(row):
    if is_in(row["DestinationIP"], MULTICAST) or row["DestinationIP"].endswith(".255.255"):
        return "multicast"
    if not is_in(row["SourceIP"], INTERNAL):
        return "inbound"
    return "internal" if is_in(row["DestinationIP"], INTERNAL) else "egress"


def what_is_logged(row):
    kinds = (row["DeviceEventClassID"], row["Activity"])
    if row["Activity"].startswith("utm:"):
        return "utm"
    if row["DeviceVendor"] == "Fortinet" and kinds[0] == "00020":
        return "interim"
    if "THREAT" in kinds:
        return "threat"
    message = row.get("Message", "")
    denied = (
        row["DeviceAction"] in ("deny", "Drop", "Blocked", "Discard"),
        kinds[0] in ("106023", "36", "RT_FLOW_SESSION_DENY"),
        *(word in message for word in ("RuleAction: Block", 'status="Deny"', '" Deny ')),
    )
    if any(denied):
        return "denied"
    starts = ("start", "00015", "302013", "302015", "302020", "430002", "98", "70018")
    if {*starts, "RT_FLOW_SESSION_CREATE"} & set(kinds) or 'connevent="Start"' in message:
        return "start"
    updates = "70026", "APPTRACK_SESSION_VOL_UPDATE"
    if kinds[0] in updates or 'connevent="Interim"' in message:
        return "interim"
    # Check Point has no word for it.
    is_new = row.get("DeviceCustomNumber1Label", "").startswith("Elapsed")
    return "start" if is_new and row["DeviceCustomNumber1"] == 0 else "connection"


def pair(row):
    return row["SourceIP"], row["DestinationIP"], row.get("DestinationPort")


def entry_pair(entry):
    return entry["source_ip"], entry["destination_ip"], entry["destination_port"]


def by_pair(rows):
    pairs = collections.defaultdict(list)
    for row in rows:
        pairs[pair(row)].append(row)
    return pairs


def entry_rows(entry, pairs):
    logged = ("interim",) if entry.get("kind") == "interim_session" else ("connection", "denied")
    protocols = {"tcp": ("6", "tcp", "TCP"), "udp": ("17", "udp", "UDP")}[entry["protocol"]]
    return [
        row
        for row in pairs[entry_pair(entry)]
        if row["Protocol"] in protocols and what_is_logged(row) in logged
    ]


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    out = tmp_path_factory.mktemp("clean")
    generate(out, days=2, rows_per_day=20_000)
    return Tree(out)


@pytest.fixture(scope="module")
def rows(clean):
    return [filled(json.loads(line)) for _, _, line in clean.lines]  # without faults, all JSON


@pytest.fixture(scope="module")
def pairs(rows):
    return by_pair(rows)


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    out = tmp_path_factory.mktemp("faulty")
    every = frozenset(FAULT_OPTIONS)
    generate(out, days=4, rows_per_day=20_000, faults=every)
    return Tree(out)


@pytest.fixture(scope="module")
def faulty_rows(faulty):
    return [as_json(line) for _, _, line in faulty.lines]


@pytest.fixture(scope="module")
def command_line():
    app = typer.Typer()
    app.command()(main)
    return lambda *arguments: CliRunner().invoke(app, [str(a) for a in arguments])


def digest(out):
    files = sorted(path for path in out.rglob("*") if path.is_file())
    content = b"".join(f"{path.relative_to(out)}".encode() + path.read_bytes() for path in files)
    return hashlib.sha256(content).hexdigest()


def test_the_seed_decides_every_byte(tmp_path):
    every = frozenset(FAULT_OPTIONS) - {"missing_day"}
    digests = {}
    for name, seed in (("one", 1), ("again", 1), ("two", 2)):
        generate(tmp_path / name, days=1, rows_per_day=20_000, seed=seed, faults=every)
        digests[name] = digest(tmp_path / name)
    assert digests["one"] == digests["again"]
    assert digests["one"] != digests["two"]


def test_rows_lie_in_the_folder_of_their_time(clean, rows):
    assert {path.name for path in clean.files} == {"PT05M.json"}
    for (folder, _, _), row in zip(clean.lines, rows, strict=True):
        time = row["TimeGenerated"]
        assert TIME.fullmatch(time)
        assert 0 <= seconds(time) - folder.replace(tzinfo=dt.timezone.utc).timestamp() < 300


def test_rows_are_as_wide_as_real_ones(clean):
    assert 1_300 < statistics.mean(len(line) for _, _, line in clean.lines) < 1_800


def test_a_row_is_found_once_and_carries_no_null(rows):
    assert len({row["_ItemId"] for row in rows}) == len(rows)
    assert not any(value is None for row in rows for value in row.values())


def test_truth_counts_the_rows_that_are_there(clean, rows):
    truth = clean.truth
    assert truth["complete"]
    assert len(rows) == truth["rows"] == truth["lines"]
    assert truth["lines_by_kind"] == {"clean": {"lines": len(rows), "expect": "row"}}
    assert len(clean.files) == truth["files"] == sum(truth["files_by_name"].values())
    by_day = collections.Counter(row["TimeGenerated"][:10] for row in rows)
    assert by_day == truth["rows_by_day"]
    # Exactly what was asked for, and the implants on top.
    for day, count in by_day.items():
        assert count == 20_000 + sum(e["events_by_day"][day] for e in truth["implants"])
    assert collections.Counter(row["DeviceVendor"] for row in rows) == truth["rows_by_vendor"]


def test_truth_tells_what_the_rows_log(clean, rows):
    counted = {}
    for row in rows:
        logs = counted.setdefault(row["DeviceVendor"], {}).setdefault(direction(row), {})
        logs[what_is_logged(row)] = logs.get(what_is_logged(row), 0) + 1
    assert counted == clean.truth["rows_by_vendor_direction_and_log"]
    egress = counted["Fortinet"]["egress"]
    assert set(egress) == {"connection", "denied", "interim", "start", "utm"}
    assert {"threat", "start"} < set(counted["Palo Alto Networks"]["egress"])
    internal = sum(sum(by.get("internal", {}).values()) for by in counted.values())
    assert 0.15 < internal / len(rows) < 0.4


def session_of(row):
    number = row.get("DeviceCustomNumber1", row.get("ExternalID"))
    return row["DeviceName"], *pair(row), row.get("SourcePort"), number


def began(row):
    """When a row's session began, by the duration that the row logs."""
    duration = row.get("DeviceCustomNumber3")
    if duration is None:
        duration = re.search(r"FTNTFGTduration=(\d+)", row["AdditionalExtensions"])[1]
    return seconds(row["TimeGenerated"]) - int(duration)


TWO = ("Fortinet", "Palo Alto Networks")


def test_rows_of_one_session_agree(clean, rows):
    ends = {}
    for row in rows:
        is_end = what_is_logged(row) == "connection"
        if is_end and row["DeviceVendor"] in TWO:
            ends.setdefault(session_of(row), []).append(row)
    companions = collections.Counter()
    for row in rows:
        kind = what_is_logged(row)
        if kind not in ("start", "utm", "threat") or row["DeviceVendor"] not in TWO:
            continue
        (end,) = ends[session_of(row)]
        companions[kind] += 1
        time = seconds(row["TimeGenerated"])
        assert began(end) - 1e-6 <= time <= seconds(end["TimeGenerated"])
        assert kind != "start" or abs(time - began(end)) < 1e-6
    assert set(companions) == {"start", "utm", "threat"}


def test_planted_sessions_take_equally_long(clean, pairs):
    for entry in clean.truth["implants"]:
        took = {
            round(seconds(row["TimeGenerated"]) - began(row)) for row in entry_rows(entry, pairs)
        }
        assert took == {0 if entry["denied"] else 1}


def test_vendors_write_as_they_do(rows):
    by_vendor = collections.defaultdict(list)
    for row in rows:
        by_vendor[row["DeviceVendor"]].append(row)
    assert {row["Protocol"] for row in by_vendor["Fortinet"]} >= {"6", "17", "1", "TCP"}
    assert {row["Protocol"] for row in by_vendor["Check Point"]} >= {"tcp/https", "icmp"}
    orders = {
        (row["DeviceEventClassID"], row["Activity"]) for row in by_vendor["Palo Alto Networks"]
    }
    assert len({row["DeviceVendor"].lower().replace(" ", "") for row in rows} - {""}) == 10
    for vendor, kinds in {
        "Fortinet": {"start", "interim"},
        "Check Point": {"start"},
        "Cisco": {"start"},
        "SonicWall": {"start"},
        "Juniper": {"start", "interim"},
        "Sophos": {"start", "interim"},
        "WatchGuard": set(),
        "FORCEPOINT": {"start", "interim"},
    }.items():
        logged = {what_is_logged(row) for row in by_vendor[vendor]} - {"utm"}
        assert logged == {"connection", "denied", *kinds}, vendor
    assert any('fw_action="drop"' in r["AdditionalExtensions"] for r in by_vendor["SonicWall"])
    assert any('"inside_in"' in row["Message"] for row in by_vendor["Cisco"])
    assert orders >= {("end", "TRAFFIC"), ("TRAFFIC", "end"), ("THREAT", "url")}
    assert not any(
        {"DestinationPort", "SourcePort", "Protocol"} & set(row) - {"Protocol"}
        for row in by_vendor["Zscaler"]
    )
    assert not any(row.get("Protocol") for row in by_vendor["Zscaler"])
    without_bytes = sum("SentBytes" not in row for row in by_vendor["Check Point"])
    assert 0.5 < without_bytes / len(by_vendor["Check Point"]) < 1
    pings = [row for row in rows if row.get("Protocol") in ("1", "icmp", "ICMP")]
    assert pings
    assert not any("DestinationPort" in row or "SourcePort" in row for row in pings)


def test_public_addresses_are_from_documentation_ranges(clean, rows):
    ipv4 = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])")
    text = {value for row in rows for value in row.values() if isinstance(value, str)}
    found = {address for value in text for address in ipv4.findall(value)}
    found |= {row[column] for row in rows for column in ("SourceIP", "DestinationIP")}
    allowed = INTERNAL + DOCUMENTATION + MULTICAST
    assert [address for address in found if not is_in(address, allowed)] == []
    assert any(":" in address for address in found)


def test_truth_lists_the_events_of_its_pairs(clean, pairs):
    for entry in clean.listed:
        mine = entry_rows(entry, pairs)
        times = sorted(row["TimeGenerated"] for row in mine)
        by_day = collections.Counter(time[:10] for time in times)
        assert {d: n for d, n in entry["events_by_day"].items() if n} == by_day, entry["id"]
        assert (entry["first_time"], entry["last_time"]) == (times[0], times[-1])
        assert {row["DeviceVendor"] for row in mine} == {entry["device_vendor"]}
    assert len({entry["id"] for entry in clean.listed}) == len(clean.listed)


def test_implants_beat_within_their_documented_jitter(clean, pairs):
    families = {entry["family"] for entry in clean.truth["implants"]}
    assert {"PowerShell Empire", "Cobalt Strike", "Sliver"} < families
    for entry in clean.truth["implants"]:
        times = sorted(seconds(row["TimeGenerated"]) for row in entry_rows(entry, pairs))
        gaps = [after - before for before, after in zip(times, times[1:], strict=False)]
        shortest, longest = entry["shortest_gap_seconds"], entry["longest_gap_seconds"]
        noise = entry["network_noise_seconds"]
        assert noise < 1
        assert shortest - 1e-3 <= min(gaps), entry["id"]
        assert max(gaps) <= longest + noise + 1e-3, entry["id"]
        assert max(gaps) - min(gaps) > 0.9 * (longest - shortest), entry["id"]
        jitter = longest - shortest
        assert abs(statistics.mean(gaps) - (shortest + longest) / 2) < 0.4 + 0.1 * jitter


def test_implants_are_hosts_and_destinations_of_their_own(clean, rows):
    implants = clean.truth["implants"]
    assert len({entry["source_ip"] for entry in implants}) == len(implants)
    assert len({entry["destination_ip"] for entry in implants}) == len(implants)
    sources_of = collections.defaultdict(set)
    egress = collections.Counter()
    planted = {entry_pair(entry) for entry in implants}
    for row in rows:
        sources_of[row["DestinationIP"]].add(row["SourceIP"])
        if pair(row) not in planted and row["TimeGenerated"].startswith(LAST_DAY):
            ordinary = direction(row) == "egress" and what_is_logged(row) == "connection"
            egress[row["DeviceVendor"], row["SourceIP"]] += ordinary
    for entry in implants:
        assert sources_of[entry["destination_ip"]] == {entry["source_ip"]}
        assert is_in(entry["source_ip"], INTERNAL)
        assert egress[entry["device_vendor"], entry["source_ip"]] > 100, entry["id"]
        enough = 20 if entry["id"] == "hourly" else 100
        assert entry["events_by_day"][LAST_DAY] > enough
        if entry["id"] != "hourly":
            assert sum(entry["events_by_day"].values()) == entry["events_by_day"][LAST_DAY]
    vendors = collections.Counter(entry["device_vendor"] for entry in implants)
    assert vendors == {"Fortinet": len(implants) - 1, "Palo Alto Networks": 1}
    assert sum(":" in entry["source_ip"] for entry in implants) == 1


def test_idle_implants_answer_alike(clean, pairs):
    for entry in clean.truth["implants"]:
        mine = entry_rows(entry, pairs)
        assert {what_is_logged(row) for row in mine} == {
            "denied" if entry["denied"] else "connection"
        }
        if entry["denied"] or len(mine) < 300:
            continue
        received = collections.Counter(row["ReceivedBytes"] for row in mine)
        assert received.most_common(1)[0][1] / len(mine) > 0.85
        larger = sum(n for size, n in received.items() if size > min(received) + 16)
        assert 0 < larger / len(mine) < 0.05


def test_popular_destinations_have_many_sources_every_day(clean, rows):
    popular = {
        entry["destination_ip"] for entry in clean.truth["benign"] if entry["kind"] == "poller"
    } | {p.address for p in POPULAR}
    sources = collections.defaultdict(set)
    for row in rows:
        if row["DestinationIP"] in popular and what_is_logged(row) == "connection":
            day = row["TimeGenerated"][:10]
            sources[row["DestinationIP"], row["DeviceVendor"], day].add(row["SourceIP"])
    for address in popular:
        for vendor, least in (("Fortinet", 40), ("Palo Alto Networks", 30)):
            for day in clean.truth["rows_by_day"]:
                assert len(sources[address, vendor, day]) >= least


def test_benign_near_misses_are_what_they_say(clean, pairs):
    kinds = {entry["kind"]: entry for entry in clean.truth["benign"]}
    assert set(kinds) == {"poller", "interim_session", "human_pair"}
    interim = entry_rows(kinds["interim_session"], pairs)
    assert {row["DeviceEventClassID"] for row in interim} == {"00020"}
    assert len({(row["ExternalID"], row["SourcePort"]) for row in interim}) == 1
    times = sorted(seconds(row["TimeGenerated"]) for row in interim)
    gaps = [after - before for before, after in zip(times, times[1:], strict=False)]
    assert len(gaps) > 100
    assert all(abs(gap - 120) < 0.1 for gap in gaps)
    poller = next(e for e in clean.truth["benign"] if e["id"] == "poller_telemetry_1")
    times = sorted(seconds(row["TimeGenerated"]) for row in entry_rows(poller, pairs))
    gaps = [after - before for before, after in zip(times, times[1:], strict=False)]
    assert sum(abs(gap - 60) < 1 for gap in gaps) / len(gaps) > 0.9


def test_nothing_else_keeps_time(clean, rows):
    listed = {entry_pair(entry) for entry in clean.listed}
    popular = {p.address for p in POPULAR}
    times = collections.defaultdict(list)
    for row in rows:
        if pair(row) not in listed and row["DestinationIP"] not in popular:
            times[row["TimeGenerated"][:10], row["DeviceVendor"], pair(row)].append(
                seconds(row["TimeGenerated"])
            )
    judged = 0
    for key, events in times.items():
        if len(events) < 20:
            continue
        judged += 1
        events.sort()
        deltas = [int(b) - int(a) for a, b in zip(events, events[1:], strict=False)]
        counts = collections.Counter(delta for delta in deltas if delta >= 15)
        values = sorted(counts)
        windows = [
            sum(counts[v] for v in values[max(0, i - 2) : i + 1]) for i in range(len(values))
        ]
        assert 100 * max(windows, default=0) / len(events) < 40, key
        gaps = [b - a for a, b in zip(events, events[1:], strict=False) if b - a > 1]
        median = statistics.median(gaps)
        mad = statistics.median(abs(gap - median) for gap in gaps)
        assert 1 - mad / median / 0.6942 < 0.8, key
    assert judged > 50


@pytest.mark.parametrize(
    ("skew", "column"), [("source", "SourceIP"), ("destination", "DestinationIP")]
)
def test_skew_gives_half_of_the_rows_one_end(tmp_path, skew, column):
    generate(tmp_path, days=1, rows_per_day=20_000, skew=Skew(skew))
    rows = [filled(json.loads(line)) for _, _, line in Tree(tmp_path).lines]
    values = collections.Counter(row[column] for row in rows)
    (_, most), (_, second) = values.most_common(2)
    assert 10_000 <= most < 12_000
    assert second < 4_000


def kind_of(row, hostile):
    """Tell which fault a row has, from nothing but the row."""
    time = row.get("TimeGenerated")
    if "TimeGenerated" not in row:
        return "missing_needed_column"
    if match := PORTAL.fullmatch(time):
        return "portal_date_milliseconds" if match[1] else "portal_date_seconds"
    if not TIME.fullmatch(time) or "T99" in time:
        return "invalid_time"
    if "Computer" not in row:
        return "missing_optional_columns"
    for column in ("SourceIP", "DestinationIP"):
        try:
            ipaddress.ip_address(row.get(column, "10.0.0.1"))
        except ValueError:
            return "invalid_address"
    port = row.get("DestinationPort", 0)
    if not str(port).isdigit() or int(port) > 65_535:
        return "invalid_port"
    if any(value in hostile for value in row.values()):
        return "hostile_text"
    numbers = ("SourcePort", "DestinationPort", "SentBytes", "ReceivedBytes")
    if any(isinstance(row.get(column), str) for column in numbers):
        return "quoted_numbers"
    if "_ItemId" not in row:
        return "no_item_id"
    return "clean"


def test_faults_are_counted_by_kind(faulty, faulty_rows):
    truth, hostile = faulty.truth, set(HOSTILE_TEXTS)
    counts, seen = collections.Counter(), set()
    latest = {}
    late = 0
    for (folder, _, line), row in zip(faulty.lines, faulty_rows, strict=True):
        if row is None:
            cut = line in faulty.half_written
            binary = line.startswith(b"\x1f\x8b")
            counts["half_written" if cut else "binary" if binary else "not_json"] += 1
            continue
        kind = kind_of(row, hostile)
        identity = row.get("_ItemId", line)
        if kind in ("clean", "no_item_id") and identity in seen:
            kind = "duplicate_same_item_id" if kind == "clean" else "duplicate_no_item_id"
        seen.add(identity)
        if kind == "clean":
            late_days = (folder.date() - dt.date.fromisoformat(row["TimeGenerated"][:10])).days
            if late_days:
                assert late_days == 1
                kind = "late_next_day_folder"
            elif row["TimeGenerated"] < latest.get(folder, ""):
                late += 1
            else:
                latest[folder] = row["TimeGenerated"]
        counts[kind] += 1
    expected = {kind: value["lines"] for kind, value in truth["lines_by_kind"].items()}
    assert all(expected.values()), "a fault that never happened tests nothing"
    # A late row that was the last one anyway looks like a clean one.
    assert 0.8 * expected["late_appended"] < late <= expected["late_appended"]
    expected["clean"] += expected.pop("late_appended")
    assert counts == expected
    assert truth["lines"] == len(faulty.lines) == sum(expected.values())
    added = sum(
        truth["lines_by_kind"][kind]["lines"] for kind, fault in FAULTS.items() if fault.added
    )
    assert truth["rows"] == truth["lines"] - added


def test_faults_spare_what_is_planted(faulty, faulty_rows):
    listed, found = {entry_pair(entry) for entry in faulty.listed}, {}
    for (_, _, line), row in zip(faulty.lines, faulty_rows, strict=True):
        if row is None or not {"TimeGenerated", "SourceIP", "DestinationIP"} <= set(row):
            continue
        port = str(row.get("DestinationPort"))
        row = row | {"DestinationPort": int(port) if port.isdigit() else None}
        if pair(row) in listed and TIME.fullmatch(row["TimeGenerated"]):
            # A row without _ItemId is a duplicate when all of it is the same.
            found[row.get("_ItemId", line)] = row
    pairs = by_pair(found.values())
    for entry in faulty.listed:
        mine = entry_rows(entry, pairs)
        by_day = collections.Counter(row["TimeGenerated"][:10] for row in mine)
        assert {d: n for d, n in entry["events_by_day"].items() if n} == by_day, entry["id"]


def test_faults_of_files(faulty):
    truth = faulty.truth
    missing = truth["missing_day"]
    assert missing in truth["rows_by_day"]
    assert truth["first_day"] < missing < truth["last_day"]
    assert truth["rows_by_day"][missing] == 0
    assert {f"{folder:%Y-%m-%d}" for folder, _, _ in faulty.lines} == {
        day for day, count in truth["rows_by_day"].items() if count
    }
    names = collections.Counter(path.name for path in faulty.files)
    assert names == truth["files_by_name"]
    assert {"PT05M.json", "PT05M_1.json", "PT5M.json"} <= set(names)


def test_the_command_line_prints_where_the_rows_are(tmp_path, command_line):
    result = command_line(
        tmp_path / "logs", "--days", 1, "--rows-per-day", 20_000, "--end-date", "2026-03-01"
    )
    assert result.exit_code == 0
    root, summary = result.stdout.splitlines()
    first, last, count, word = summary.split()
    assert (first, last, word) == ("2026-03-01", "2026-03-01", "rows")
    assert (Path(root) / "y=2026" / "m=03" / "d=01").is_dir()
    truth = json.loads((tmp_path / "logs" / "truth.json").read_text())
    assert int(count) == truth["lines"]
    assert "\x1b" not in result.output  # no progress bar where nobody looks


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--faults", "duplicates,typo"], "unknown fault typo; there are: all, malformed"),
        (["--days", 1, "--faults", "all"], "give --days 2 or more"),
        (["--end-date", "0206-01-01"], "begin before 1970"),
    ],
)
def test_a_request_that_can_not_be_met_is_explained(tmp_path, command_line, arguments, says):
    result = command_line(tmp_path / "logs", *arguments)
    assert result.exit_code == 2
    assert says in result.output
    assert isinstance(result.exception, SystemExit)
    assert not (tmp_path / "logs").exists()


def test_too_few_rows_are_refused(tmp_path):
    with pytest.raises(GeneratorError, match="at least 20,000"):
        generate(tmp_path, rows_per_day=19_999)


def test_a_folder_that_cannot_be_written_is_named(tmp_path, command_line):
    (tmp_path / "file").write_text("")
    result = command_line(tmp_path / "file")
    assert result.exit_code == 2
    assert "is a file" in result.output
    result = command_line(tmp_path / "file" / "logs")
    assert result.exit_code == 1
    assert "cannot write" in result.output


def test_only_a_tree_of_its_own_is_overwritten(tmp_path, command_line):
    quick = ["--days", 1, "--rows-per-day", 20_000]
    kept = tmp_path / "notes.txt"
    kept.write_text("mine")
    foreign = tmp_path / TABLE_FOLDER / "row.json"
    foreign.parent.mkdir()
    foreign.write_text("{}")
    for arguments, says in (([], "is not empty"), (["--overwrite"], "does not say that")):
        result = command_line(tmp_path, *quick, *arguments)
        assert result.exit_code == 2
        assert says in result.output
        assert foreign.exists()
    # What a stopped run leaves behind.
    (tmp_path / "truth.json").write_text(json.dumps({"made_by": MADE_BY}))
    assert command_line(tmp_path, *quick).exit_code == 2
    assert command_line(tmp_path, *quick, "--overwrite").exit_code == 0
    assert not foreign.exists()
    assert kept.read_text() == "mine"
    assert json.loads((tmp_path / "truth.json").read_text())["complete"]
