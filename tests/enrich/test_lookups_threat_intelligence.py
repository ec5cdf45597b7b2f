"""msticpy's providers of threat intelligence, against servers on loopback."""

import ipaddress
import json
import threading
import time

import pytest

from enrich.lookups import threat_intelligence
from enrich.lookups.cache import Cache
from tests.support.lookups import KEY, looked_up, made, web


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
    # The same client again: msticpy alone would repeat the failure from its cache.
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
