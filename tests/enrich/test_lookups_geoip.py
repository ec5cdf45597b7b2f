"""Location and owner from databases on this machine, and the download of one."""

import base64
import http.server
import io
import json
import tarfile

import pytest

from enrich.lookups import asn, location
from enrich.lookups.cache import Cache
from enrich.lookups.kind import Lookup
from enrich.lookups.registry import make
from enrich.lookups.run import enrich
from tests.support.findings import to
from tests.support.geoip import write_database
from tests.support.lookups import KEY, looked_up


def located(file):
    return make(location.KIND, location.Settings(database=file))


def test_location_and_owner_come_from_the_databases(tmp_path):
    city = write_database(tmp_path / "c.mmdb", "City", ["198.51.100.0/25", "2001:db8::/40"])
    owners = write_database(tmp_path / "a.mmdb", "ASN", ["198.51.100.0/24"])
    rows, outcomes = enrich(
        to("198.51.100.1", "198.51.100.200", "2001:db8::1"),
        [*located(city), *make(asn.KIND, asn.KIND.settings(database=owners))],
        Cache(None),
    )
    assert (rows[0]["country"], rows[0]["city"], rows[0]["latitude"]) == (
        "Finland",
        "Helsinki",
        60.17,
    )
    assert (rows[0]["asn"], rows[0]["as_organization"]) == (64496, "Example Hosting")
    assert [row["location_status"] for row in rows] == ["ok", "miss", "ok"]
    assert [row["asn_status"] for row in rows] == ["ok", "ok", "miss"]
    assert not any(outcome.partial for outcome in outcomes)


def damaged(tmp_path, how):
    file = tmp_path / "x.mmdb"
    if how == "cut":
        write_database(file, "City", ["198.51.100.0/24"])
        file.write_bytes(file.read_bytes()[:400])
    elif how == "text":
        file.write_text("404 Not Found")
    elif how == "other kind":
        write_database(file, "ASN", ["198.51.100.0/24"])
    elif how == "expired":
        write_database(file, "City", ["198.51.100.0/24"], built_days_ago=61)
    elif how == "folder":
        file.mkdir()
    return file


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("missing", "is not there"),
        ("folder", "is not there"),
        ("cut", "is broken"),
        ("text", "is broken"),
        ("other kind", "is a GeoLite2-ASN database, not a City one"),
        ("expired", "is expired: 61 days old, more than 60"),
    ],
)
def test_a_database_that_cannot_be_used_is_skipped_with_the_reason(tmp_path, how, reason):
    other = Lookup("whois", lambda address: {"whois_asn": "64496"})
    lookups = [*located(damaged(tmp_path, how)), other]
    rows, outcomes = enrich(to("198.51.100.1"), lookups, Cache(None))
    assert (
        rows[0]["location_status"].startswith("skipped: ") and reason in rows[0]["location_status"]
    )
    assert rows[0]["whois_status"] == "ok"
    assert outcomes[0].partial and not outcomes[1].partial


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
