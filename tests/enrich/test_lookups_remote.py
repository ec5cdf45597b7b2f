"""msticpy's WHOIS and threat intelligence, and reverse DNS, against servers on loopback."""

import base64
import http.server
import io
import ipaddress
import json
import socketserver
import tarfile
import threading
import time

import pytest

from enrich.contract import LOOKUP_COLUMNS, check
from enrich.lookups import location, reverse_dns, threat_intelligence, whois
from enrich.lookups.cache import Cache
from enrich.lookups.registry import make
from enrich.lookups.run import enrich
from tests.support.findings import to
from tests.support.geoip import write_database

KEY = "key-that-nobody-may-see-4711"


@pytest.fixture
def serve():
    """Start servers on loopback; each is a list of what it was asked, with its port."""
    running = []

    def start(server):
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        running.append(server)
        return server.server_address[1]

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


def web(serve, answer):
    """Serve answer(path) -> (status, JSON or None for a lost connection); return port and paths."""
    paths = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            paths.append(self.path)
            status, content = answer(self.path)
            if content is None:
                self.connection.close()
                return
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    return serve(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)), paths


def made(module, **settings):
    """Make a lookup that asks at full speed, and once."""
    settings = {"enabled": True, "per_second": 1e6, "lifetime_days": 1} | settings
    lookups = make(module.KIND, module.Settings(**settings))
    for lookup in lookups:
        lookup.retries = 0
    return lookups


def looked_up(lookups, *addresses, cache=None):
    rows, outcomes = enrich(to(*addresses), lookups, cache or Cache(None))
    for row in rows:
        check({name: row.get(name) for name in LOOKUP_COLUMNS}, "row", LOOKUP_COLUMNS)
    return rows, outcomes


# --- Threat intelligence ----------------------------------------------------------------


@pytest.fixture
def msticpy_config(tmp_path, monkeypatch):
    """Point msticpy at a configuration with one provider, whose key comes from the environment."""
    file = tmp_path / "msticpyconfig.yaml"
    file.write_text(
        "TIProviders:\n  OTX:\n    Args:\n      AuthKey:\n        EnvironmentVar: OTX_SECRET\n"
        "    Primary: true\n    Provider: OTX\n"
    )
    monkeypatch.setenv("MSTICPYCONFIG", str(file))
    monkeypatch.setenv("OTX_SECRET", KEY)
    from msticpy.common import pkg_config

    pkg_config.refresh_config()
    yield file
    monkeypatch.delenv("MSTICPYCONFIG")
    pkg_config.refresh_config()


@pytest.fixture
def otx(msticpy_config, monkeypatch):
    """Send msticpy's OTX provider to a port on loopback."""
    from msticpy.context import preprocess_observable
    from msticpy.context.tiproviders.alienvault_otx import OTX

    class AlwaysGlobal(ipaddress.IPv4Address):
        is_global = True

    # msticpy asks nobody for a documentation address, and tests use no other.
    monkeypatch.setattr(preprocess_observable, "ip_address", AlwaysGlobal)

    def point(port, **options):
        monkeypatch.setattr(OTX, "_BASE_URL", f"http://127.0.0.1:{port}")
        options = {"timeout_seconds": 3} | options
        return made(threat_intelligence, providers=["OTX"], **options)

    return point


def pulses(number):
    names = [{"name": "<script>alert(1)</script>", "tags": [], "references": []}] * number
    return 200, {"pulse_info": {"pulses": names}, "sections": []}


def test_severity_is_kept_a_hit_without_pulses_is_a_miss_and_ipv6_is_not_asked(serve, otx):
    answers = {"1": pulses(3), "2": pulses(1), "3": pulses(0), "4": (404, {})}
    port, paths = web(serve, lambda path: answers[path.split(".")[3].split("/")[0]])
    addresses = [f"198.51.100.{n}" for n in (1, 2, 3, 4)]
    rows, outcomes = looked_up(otx(port), *addresses, "2001:db8::1", "10.0.0.1")
    assert [row["ti_severity"] for row in rows[:4]] == ["high", "warning", None, None]
    assert rows[0]["ti_matches"] == ["OTX: high"]
    assert [row["ti_status"] for row in rows[:4]] == ["ok", "ok", "miss", "miss"]
    assert paths == [f"/api/v1/indicators/IPv4/{address}/general" for address in addresses]
    assert not outcomes[0].partial


@pytest.mark.parametrize("broken", [(429, {}), (500, {}), (401, {}), (200, None)])
def test_a_provider_that_fails_says_so_is_not_remembered_and_its_key_is_not_shown(
    serve, otx, broken, tmp_path, capfd
):
    state = {"answer": broken}
    port, paths = web(serve, lambda path: state["answer"])
    cache = Cache(tmp_path / "c.sqlite")
    rows, outcomes = looked_up(otx(port), "198.51.100.1", cache=cache)
    assert rows[0]["ti_status"].startswith("failed: OTX failed: ") and outcomes[0].partial
    state["answer"] = pulses(2)
    # The same client again: msticpy alone would repeat the failure from its memory.
    rows, _ = looked_up(otx(port), "198.51.100.1", cache=cache)
    assert rows[0]["ti_status"] == "ok" and len(paths) == 2
    cache.close()
    everything = json.dumps(rows) + "".join(capfd.readouterr())
    everything += (tmp_path / "c.sqlite").read_bytes().decode("latin-1")
    assert KEY not in everything


def test_bulk_asks_each_address_once_and_falls_back_to_single_ones(serve, otx):
    def answer(path):
        return pulses(1) if "/198.51.100.2/" not in path else (200, None)

    port, paths = web(serve, answer)
    addresses = [f"198.51.100.{n}" for n in (1, 2, 3)]
    rows, _ = looked_up(otx(port, batch=3), *addresses)
    assert [row["ti_status"][:6] for row in rows] == ["ok", "failed", "ok"]

    port, paths = web(serve, lambda path: pulses(1))
    rows, _ = looked_up(otx(port, batch=2), *addresses)
    assert [row["ti_status"] for row in rows] == ["ok"] * 3 and len(paths) == 3


def test_a_provider_that_does_not_answer_in_time_is_given_up(serve, otx):
    release = threading.Event()

    def answer(path):
        release.wait(10)
        return pulses(1)

    port, _ = web(serve, answer)
    start = time.monotonic()
    rows, _ = looked_up(otx(port, timeout_seconds=0.3), "198.51.100.1")
    release.set()
    assert "no answer within 0.3 s" in rows[0]["ti_status"] and time.monotonic() - start < 5


def test_a_provider_that_is_not_configured_and_a_configuration_without_any_are_skipped(
    otx, msticpy_config
):
    lookups = made(threat_intelligence, providers=["NoSuch"], timeout_seconds=1)
    rows, outcomes = looked_up(lookups, "198.51.100.1")
    assert "NoSuch skipped: not among msticpy's providers" in rows[0]["ti_status"]
    from msticpy.common import pkg_config

    msticpy_config.write_text("TIProviders: {}\n")
    pkg_config.refresh_config()
    rows, outcomes = looked_up(made(threat_intelligence, timeout_seconds=1), "198.51.100.1")
    assert "no TIProviders in" in rows[0]["ti_status"] and outcomes[0].partial


def test_a_provider_of_ones_own_is_asked_like_any_other(msticpy_config):
    import pandas as pd
    from msticpy.context.tiproviders.ti_provider_base import TIProvider

    class Own(TIProvider):
        _QUERIES = {"ipv4": object()}

        def lookup_ioc(self, ioc, ioc_type=None, query_type=None, **kwargs):
            row = {"Ioc": ioc, "Result": True, "Severity": "high", "Status": 0, "Details": {}}
            return pd.DataFrame([row])

        def parse_results(self, response):
            raise NotImplementedError

    settings = threat_intelligence.Settings(per_second=1e6, timeout_seconds=3)
    lookups = threat_intelligence.make(settings, instances={"Own": Own()})
    rows, _ = looked_up(lookups, "198.51.100.1")
    assert rows[0]["ti_matches"] == ["Own: high"]


def test_sentinels_own_indicators_are_graded_by_their_confidence_and_tor_by_severity():
    sentinel = threat_intelligence.Provider(None, "AzSTI", None)
    tor = threat_intelligence.Provider(None, "Tor", None)
    row = {
        "Status": 0,
        "Result": True,
        "Severity": "high",
        "Details": {"ConfidenceScore": [30, 55]},
    }
    assert sentinel.hits_of([row])["ti_severity"] == "warning"
    assert [
        threat_intelligence.by_confidence({"ConfidenceScore": n}) for n in (80, 79.9, 49, None)
    ] == [
        "high",
        "warning",
        "information",
        "information",
    ]
    miss = {"Status": 0, "Result": True, "Severity": "information", "Details": {}}
    assert tor.hits_of([miss]) is None
    assert sentinel.hits_of([{"Status": 4, "Result": False}]) is None
    with pytest.raises(ConnectionError):
        sentinel.hits_of([{"Status": 3, "Result": False}])


# --- Download of GeoLite2 -----------------------------------------------------------------


@pytest.mark.parametrize("there", ["missing", "expired"])
@pytest.mark.parametrize("status", [200, 401])
def test_the_location_database_is_fetched_with_the_key_where_it_is_missing_or_expired(
    serve, msticpy_config, monkeypatch, tmp_path, there, status, capfd
):
    from msticpy.common import pkg_config
    from msticpy.context.geoip import GeoLiteLookup

    msticpy_config.write_text(
        "OtherProviders:\n  GeoIPLite:\n    Args:\n      AccountID: '4711'\n      AuthKey:\n"
        "        EnvironmentVar: OTX_SECRET\n    Provider: GeoLiteLookup\n"
    )
    pkg_config.refresh_config()
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        fresh = write_database(tmp_path / "fresh.mmdb", "City", ["198.51.100.0/24"])
        tar.add(fresh, "GeoLite2-City_20261121/GeoLite2-City.mmdb")
    keys = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            keys.append(self.headers["Authorization"])
            self.send_response(status)
            self.end_headers()
            self.wfile.write(archive.getvalue())

        def log_message(self, *args):
            pass

    port = serve(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler))
    # What msticpy calls GeoLiteLookup is a wrapper of the class.
    real_class, url = GeoLiteLookup.wrapped_cls, f"http://127.0.0.1:{port}/download"
    monkeypatch.setattr(real_class, "_MAXMIND_DOWNLOAD", url)
    database = tmp_path / "db" / "GeoLite2-City.mmdb"
    database.parent.mkdir()
    if there == "expired":
        write_database(database, "City", ["198.51.100.0/24"], built_days_ago=90)
    rows, outcomes = looked_up(
        make(location.KIND, location.Settings(database=database, download=True)), "198.51.100.1"
    )
    assert keys == ["Basic " + base64.b64encode(f"4711:{KEY}".encode()).decode()]
    if status == 200:
        assert rows[0]["country"] == "Finland" and not outcomes[0].partial
    else:
        assert "could not download" in rows[0]["location_status"] and outcomes[0].partial
        word = "is not there" if there == "missing" else "is expired"
        assert word in rows[0]["location_status"]
    assert KEY not in json.dumps(rows) + "".join(capfd.readouterr())


# --- WHOIS ------------------------------------------------------------------------------

CYMRU = (
    "AS      | IP               | BGP Prefix          | CC | Registry | Allocated  | AS Name\n"
    "64496   | {address}     | 198.51.100.0/24     | FI | ripencc  | 2020-01-02 | EXAMPLE, FI\n"
)
RDAP = {
    "handle": "H",
    "name": "EXAMPLE-NET",
    "startAddress": "198.51.100.0",
    "endAddress": "198.51.100.255",
    "events": [],
    "entities": [],
    "links": [],
    "cidr0_cidrs": [{"v4prefix": "198.51.100.0", "length": 24}],
}


@pytest.fixture
def registry(serve, monkeypatch):
    """Answer TCP 43 by reply(address), and RDAP, on loopback."""
    from msticpy.context import ip_utils

    def start(reply, rdap=(200, RDAP)):
        asked = []

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                address = self.request.recv(1000).decode().split()[-1]
                asked.append(address)
                self.request.sendall(reply(address).encode())

        whois_port = serve(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler))
        rdap_port, _ = web(serve, lambda path: rdap)
        query = ip_utils._asn_whois_query
        monkeypatch.setattr(
            ip_utils, "_cymru_query", lambda text: query(text, "127.0.0.1", whois_port)
        )
        url = f"http://127.0.0.1:{rdap_port}/ip/"
        monkeypatch.setattr(ip_utils, "_REGISTRIES", {"ripencc": {"url": url}})
        ip_utils._whois_lookup.cache_clear()
        return made(whois, timeout_seconds=3), asked

    return start


def test_whois_says_who_owns_the_address_and_asks_once(registry):
    lookups, asked = registry(lambda address: CYMRU.format(address=address))
    rows, _ = looked_up(lookups, "198.51.100.1", "198.51.100.1", "10.0.0.1", "2001:db8::1")
    assert asked == ["198.51.100.1"]
    assert rows[0]["whois_status"] == "ok" and rows[0]["whois_asn"] == "64496"
    assert rows[0]["whois_organization"] == "EXAMPLE-NET"
    assert rows[0]["whois_network"] == "198.51.100.0/24" and rows[0]["whois_registry"] == "ripencc"


@pytest.mark.parametrize(
    ("reply", "rdap", "status"),
    [
        ("", (200, RDAP), "failed: "),
        ("Error: no ASN or IP match on line 1.\n\n", (200, RDAP), "miss"),
        ("rate limit exceeded\n", (200, RDAP), "failed: ConnectionError: Rate limit exceeded"),
        (CYMRU, (500, {}), "failed: ConnectionError: Error code: 500"),
        (CYMRU, (200, {"handle": "H"}), "failed: KeyError"),
        (CYMRU, (200, []), "failed: "),
    ],
)
def test_one_whois_answer_that_is_broken_costs_one_address(registry, reply, rdap, status):
    lookups, _ = registry(lambda address: reply.format(address=address), rdap)
    rows, _ = looked_up(lookups, "198.51.100.1")
    assert rows[0]["whois_status"].startswith(status)


# --- Reverse DNS ------------------------------------------------------------------------


def test_reverse_dns_asks_the_server_that_is_set_and_spells_out_what_is_hostile(serve):
    import dns.flags
    import dns.message
    import dns.rcode
    import dns.rrset

    asked = []

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            content, sender = self.request
            query = dns.message.from_wire(content)
            name = query.question[0].name
            asked.append(str(name))
            answer = dns.message.make_response(query)
            if str(name).startswith("1."):
                host = "\\027[2J<b>evil</b>.example."
                answer.answer.append(dns.rrset.from_text(name, 60, "IN", "PTR", host))
            else:
                answer.set_rcode(dns.rcode.NXDOMAIN)
            sender.sendto(answer.to_wire(), self.client_address)

    port = serve(socketserver.ThreadingUDPServer(("127.0.0.1", 0), Handler))
    lookups = made(reverse_dns, nameservers=["127.0.0.1"], port=port, timeout_seconds=2)
    rows, _ = looked_up(lookups, "198.51.100.1", "198.51.100.2", "192.168.1.1")
    assert [row["reverse_dns_status"] for row in rows[:2]] == ["ok", "miss"]
    assert rows[0]["reverse_dns"].endswith("evil</b>.example.") and "\x1b" not in str(rows[0])
    assert set(asked) == {"1.100.51.198.in-addr.arpa.", "2.100.51.198.in-addr.arpa."}


def test_a_name_server_that_is_down_fails_in_time():
    lookups = made(reverse_dns, nameservers=["127.0.0.1"], port=9, timeout_seconds=0.3)
    rows, _ = looked_up(lookups, "198.51.100.1")
    assert rows[0]["reverse_dns_status"].startswith("failed: ")
