"""msticpy's WHOIS, against servers on loopback."""

import socketserver

import pytest

from enrich.lookups import whois
from tests.support.lookups import looked_up, made, web

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
