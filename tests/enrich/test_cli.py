"""The command line as people use it: what it prints, writes and returns."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from enrich.contract import LOOKUP_COLUMNS
from enrich.export import ENRICHED, FOLDER
from tests.support.findings import a_finding, write_export
from tests.support.geoip import write_database

PROJECT = Path(__file__).parents[2]
SECRET = "hunter2-never-to-be-seen"


def clean_environment(**changes):
    """The environment of this shell, without our settings."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("ENRICH_") and name != "MSTICPYCONFIG"
    }
    return kept | {"PYTHONPATH": str(PROJECT), "COLUMNS": "120"} | changes


def cli(*arguments, cwd, **environment):
    """Run `python -m enrich` in a folder of its own."""
    return subprocess.run(
        [sys.executable, "-m", "enrich", *map(str, arguments)],
        cwd=cwd,
        env=clean_environment(**environment),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )


@pytest.fixture
def sources(tmp_path):
    """Settings with databases and a feed, in a folder of their own."""
    folder = tmp_path / "sources"
    folder.mkdir()
    write_database(folder / "city.mmdb", "City", ["203.0.113.0/24", "198.18.0.0/15"])
    write_database(folder / "asn.mmdb", "ASN", ["203.0.113.0/24", "198.18.0.0/15"])
    (folder / "feed.csv").write_text("203.0.113.7,Cobalt Strike\n")
    settings = folder / "mine.toml"
    settings.write_text(
        '[location]\ndatabase = "city.mmdb"\n[asn]\ndatabase = "asn.mmdb"\n'
        '[feed]\nfile = "feed.csv"\n'
    )
    return settings


def test_run_does_every_step_and_the_next_commands_use_what_it_found(tmp_path, sources):
    root = write_export(tmp_path / "export", a_finding(1), a_finding(2, destination_ip="10.9.9.9"))
    ran = cli("run", root, "--config", sources, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    for words in ("location: 1 ok", "asn: 1 ok", "feed: 1 ok", "203.0.113.7:443", "Finland"):
        assert words in ran.stdout
    assert ran.stderr == "", "no progress bar off a terminal"
    assert "Push: not configured" in ran.stdout and "report.html" in ran.stdout
    rows = [json.loads(line) for line in (root / ENRICHED).read_text().splitlines()]
    assert rows[0]["as_organization"] == "Example Hosting"
    assert rows[1]["location_status"] == "skipped: not a public address"
    (root / "report.html").unlink()
    assert cli("report", root, cwd=tmp_path).returncode == 0
    assert "Example Hosting" in (root / "report.html").read_text()
    shown = cli("status", root, cwd=tmp_path).stdout
    assert "2 findings of Fortinet on 2026-09-30" in shown and "Lookups: done" in shown
    assert "feed.csv: Cobalt Strike" in cli("show", root, cwd=tmp_path).stdout


def test_an_empty_export_is_a_success_with_a_report_that_says_so(tmp_path):
    root = write_export(tmp_path / "export")
    ran = cli("run", root, cwd=tmp_path)
    assert ran.returncode == 0 and "No connection beacons" in ran.stdout
    assert (root / "report.html").is_file() and (root / ENRICHED).read_text() == ""


@pytest.mark.parametrize("command", ["run", "lookup", "report", "push", "show", "status"])
def test_a_broken_export_stops_every_command_before_it_does_anything(tmp_path, command):
    root = write_export(tmp_path / "export", a_finding(1))
    file = root / FOLDER / "part-00000.json"
    file.write_text(file.read_text() + '{"beacon_id": "0')
    ran = cli(
        command,
        root,
        cwd=tmp_path,
        ENRICH_PUSH_ENDPOINT="http://127.0.0.1:9",
        ENRICH_PUSH_RULE_ID="dcr-1",
    )
    assert ran.returncode == 1 and "line 2" in ran.stderr and "dbt build" in ran.stderr
    assert "Traceback" not in ran.stderr + ran.stdout
    assert sorted(path.name for path in root.iterdir()) == [FOLDER]
    assert not (tmp_path / "output").exists()


def test_a_lookup_that_was_asked_for_and_is_not_there_makes_it_partial(tmp_path):
    root = write_export(tmp_path / "export", a_finding(1))
    ran = cli("lookup", root, cwd=tmp_path, ENRICH_LOCATION_DATABASE="gone.mmdb")
    assert ran.returncode == 3
    assert "location: 1 skipped (gone.mmdb is not there)" in ran.stdout
    assert (root / ENRICHED).is_file()


def test_a_push_that_fails_leaves_the_rest_done_and_is_partial(tmp_path):
    root = write_export(tmp_path / "export", a_finding(1))
    ran = cli(
        "run",
        root,
        cwd=tmp_path,
        ENRICH_PUSH_ENDPOINT="http://127.0.0.1:9",
        ENRICH_PUSH_RULE_ID="dcr-1",
        ENRICH_PUSH_MOST_ATTEMPTS="1",
        ENRICH_PUSH_FIRST_WAIT_SECONDS="0.01",
    )
    assert ran.returncode == 3 and (root / "report.html").is_file()
    assert "1 wait in the outbox" in ran.stdout and "Traceback" not in ran.stderr


def test_a_dry_run_says_what_it_would_do_and_does_nothing(tmp_path, sources):
    root = write_export(tmp_path / "export", a_finding(1))
    ran = cli(
        "run",
        root,
        "--dry-run",
        "--config",
        sources,
        cwd=tmp_path,
        ENRICH_WHOIS_ENABLED="true",
        ENRICH_REVERSE_DNS_ENABLED="true",
        ENRICH_PUSH_ENDPOINT="http://127.0.0.1:9",
        ENRICH_PUSH_RULE_ID="dcr-1",
    )
    assert ran.returncode == 0, ran.stderr
    assert "whois would be asked over the network" in ran.stdout
    assert "would be written to" in ran.stdout and "1 of 1 findings would be sent" in ran.stdout
    assert [path.name for path in root.iterdir()] == [FOLDER]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["export", "sources"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--help"], ["run", "lookup", "report", "push", "status", "Exit codes"]),
        (["run", "--help"], ["--dry-run", "--config", "--output"]),
    ],
)
def test_help_is_there(tmp_path, arguments, words):
    ran = cli(*arguments, cwd=tmp_path)
    assert ran.returncode == 0 and all(word in ran.stdout for word in words)


def test_wrong_use_is_2_and_a_missing_export_1_with_the_cure(tmp_path):
    assert cli("run", "--no-such-option", cwd=tmp_path).returncode == 2
    assert cli("no-such-command", cwd=tmp_path).returncode == 2
    ran = cli("run", tmp_path / "nowhere", cwd=tmp_path)
    assert ran.returncode == 1 and "make demo" in ran.stderr and "Traceback" not in ran.stderr
    ran = cli("push", write_export(tmp_path / "e"), cwd=tmp_path)
    assert ran.returncode == 1 and "push.endpoint is not set" in ran.stderr


@pytest.mark.parametrize(
    "hostile",
    [
        "\x1b]0;owned\x07\x1b[2J",  # terminal escapes
        "\x9b31m",  # the 8-bit form of the same
        "tcp\r\nforged line",
        "\u202egnp.exe",  # right-to-left override
        "[bold red]markup[/]",
        "x" * 100_000,
    ],
)
def test_hostile_text_is_shown_and_not_obeyed(tmp_path, hostile):
    finding = a_finding(1, protocol=hostile, reasons=[hostile], device_vendor=hostile)
    root = write_export(tmp_path / "export", finding)
    for command in ("show", "status"):
        ran = cli(command, root, cwd=tmp_path)
        assert ran.returncode == 0
        assert not set(ran.stdout) & set("\x1b\x07\x9b\r\u202e")
        assert len(ran.stdout) < 10_000
    if "markup" in hostile:
        assert "[bold" in cli("show", root, cwd=tmp_path).stdout


def test_ipv6_has_brackets_and_a_missing_port_no_colon(tmp_path):
    root = write_export(
        tmp_path / "export",
        a_finding(1, destination_ip="2001:db8::7"),
        a_finding(2, destination_ip="198.51.100.9", destination_port=None),
    )
    shown = cli("show", root, cwd=tmp_path).stdout
    assert "[2001:db8::7]:443" in shown
    assert "198.51.100.9" in shown and "198.51.100.9:" not in shown


def test_several_vendors_are_named(tmp_path):
    root = write_export(tmp_path / "export", a_finding(1), a_finding(2, device_vendor="Zscaler"))
    assert "2 findings of Fortinet and Zscaler on" in cli("status", root, cwd=tmp_path).stdout
    shown = cli("show", root, cwd=tmp_path).stdout
    assert "Fortinet" in shown and "Zscaler" in shown


def test_a_feed_says_which_entries_it_cannot_use(tmp_path):
    root = write_export(tmp_path / "export", a_finding(1))
    (tmp_path / "feed.csv").write_text("address\n203.0.113.7\n203.0.113.900\nnothing\n")
    ran = cli("lookup", root, cwd=tmp_path, ENRICH_FEED_FILE="feed.csv")
    assert ran.returncode == 0
    said = "2 of 3 entries of feed.csv hold no address to look for, such as '203.0.113.900'"
    assert f"feed: 1 ok ({said})" in " ".join(ran.stdout.split())


def test_secrets_stay_out_of_output_report_cache_and_ledger(tmp_path):
    root = write_export(tmp_path / "export", a_finding(1))
    msticpy = tmp_path / "msticpyconfig.yaml"
    msticpy.write_text(
        f"TIProviders:\n  NoSuchThing:\n    Args:\n      AuthKey: {SECRET}\n"
        "    Primary: true\n    Provider: NoSuchThing\n"
    )
    ran = cli(
        "run",
        root,
        cwd=tmp_path,
        MSTICPYCONFIG=str(msticpy),
        AZURE_CLIENT_SECRET=SECRET,
        AZURE_STORAGE_KEY=SECRET,
        ENRICH_TI_ENABLED="true",
        ENRICH_PUSH_ENDPOINT="http://127.0.0.1:9",
        ENRICH_PUSH_RULE_ID="dcr-1",
        ENRICH_PUSH_MOST_ATTEMPTS="1",
        ENRICH_PUSH_FIRST_WAIT_SECONDS="0.01",
    )
    assert ran.returncode == 3 and "ti" in ran.stdout
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path != msticpy]
    assert {"report.html", ENRICHED} <= {path.name for path in files}
    assert [path.name for path in files if SECRET.encode() in path.read_bytes()] == []
    assert SECRET not in ran.stdout + ran.stderr


def test_msticpy_and_pandas_are_loaded_only_by_lookups_that_need_them(tmp_path):
    heavy = "{'msticpy', 'pandas', 'bokeh', 'numpy', 'dbt'}"
    script = f"import sys, enrich.cli, enrich.report.render; print({heavy} & set(sys.modules))"
    command = [sys.executable, "-c", script]
    ran = subprocess.run(command, env=clean_environment(), capture_output=True, text=True)
    assert ran.stdout == "set()\n", ran.stderr


# --- Size and speed ---------------------------------------------------------------------------


def test_ten_thousand_findings_are_enriched_and_drawn_in_30_s_and_500_mb(tmp_path, sources):
    addresses = [f"198.18.{n // 250}.{n % 250}" for n in range(2000)]
    findings = (a_finding(n, destination_ip=addresses[n % 2000]) for n in range(10_000))
    root = write_export(tmp_path / "export", *findings)
    script = tmp_path / "counted.py"
    script.write_text(
        "import sys\nfrom enrich import cli\nfrom enrich.lookups import kind as lookups\n"
        "made, calls = lookups.Lookup.__init__, {}\n"
        "def init(self, *args, **kwargs):\n"
        "    made(self, *args, **kwargs)\n"
        "    ask = self.ask\n"
        "    def counted(address):\n"
        "        calls[self.name] = calls.get(self.name, 0) + 1\n"
        "        return ask(address)\n"
        "    self.ask = counted\n"
        "lookups.Lookup.__init__ = init\n"
        f"sys.argv = ['enrich', 'run', {str(root)!r}, '--config', {str(sources)!r}]\n"
        "try:\n    cli.main()\nfinally:\n    print(calls)\n"
    )
    with (tmp_path / "out.txt").open("w+", encoding="utf-8") as output:
        process = subprocess.Popen(
            [sys.executable, script],
            cwd=tmp_path,
            env=clean_environment(),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
    # Processor time: what runs beside the test must not decide.
    seconds, megabytes = usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
    print(f"{seconds:.1f} s, {megabytes:.0f} MB")
    assert process.returncode == 0, text[-2000:]
    assert "{'location': 2000, 'asn': 2000, 'feed': 2000}" in text
    assert seconds < 30 and megabytes < 500
    rows = (root / ENRICHED).read_text().splitlines()
    assert len(rows) == 10_000 and LOOKUP_COLUMNS.keys() <= json.loads(rows[0]).keys()
