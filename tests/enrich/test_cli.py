"""The command line as people use it: what it prints, writes and returns."""

import csv
import datetime as dt
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from enrich import listing
from enrich.contract import LOOKUP_COLUMNS
from enrich.export import ENRICHED, FOLDER, read_findings
from tests.support.findings import a_finding, a_run, write_export
from tests.support.geoip import write_database

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

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


def of_this_test(folder):
    """Files that are the project's by default, in the folder of a test."""
    return {
        "ENRICH_PUSH_LEDGER": str(folder / "made/ledger.sqlite"),
        "ENRICH_CACHE": str(folder / "made/lookups.sqlite"),
    }


def cli(*arguments, cwd, **environment):
    """Run `python -m enrich` in a folder of its own."""
    return subprocess.run(
        [sys.executable, "-m", "enrich", *map(str, arguments)],
        cwd=cwd,
        env=clean_environment(**(of_this_test(cwd) | environment)),
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
    now = f"{dt.datetime.now(dt.timezone.utc):%Y-%m-%dT%H:%M:%S}.000Z"
    root = write_export(
        tmp_path / "export",
        a_finding(1, run_started_at=now),
        a_finding(2, run_started_at=now, destination_ip="10.9.9.9"),
    )
    ran = cli("run", root, "--config", sources, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    for words in ("location: 1 ok", "asn: 1 ok", "feed: 1 ok", "203.0.113.7:443", "Finland"):
        assert words in ran.stdout
    assert "Day: 2026-09-30, 2 findings of Fortinet by the run run-1" in ran.stdout
    assert "0 minutes ago" in ran.stdout and f"Settings: {sources}" in ran.stdout
    assert "Known bad destinations, by finding: 1 named, 1 not checked" in ran.stdout
    assert ran.stderr == "", "no progress bar off a terminal"
    assert "Push: not configured" in ran.stdout and "report.html" in ran.stdout
    rows = [json.loads(line) for line in (root / ENRICHED).read_text().splitlines()]
    assert rows[0]["as_organization"] == "Example Hosting"
    assert rows[1]["location_status"] == "skipped: not a public address"
    (root / "report.html").unlink()
    assert cli("report", root, cwd=tmp_path).returncode == 0
    assert "Example Hosting" in (root / "report.html").read_text()
    shown = cli("status", root, cwd=tmp_path).stdout
    assert "2 findings of Fortinet" in shown and "Lookups: done" in shown
    assert "feed.csv: Cobalt Strike" in cli("show", root, cwd=tmp_path).stdout


def test_an_empty_export_is_a_success_with_a_report_that_says_so(tmp_path):
    root = write_export(tmp_path / "export")
    ran = cli("run", root, cwd=tmp_path)
    assert ran.returncode == 0 and "No connection beacons" in ran.stdout
    assert (root / "report.html").is_file() and (root / ENRICHED).read_text() == ""


@pytest.mark.parametrize("command", ["run", "lookup", "report", "push", "show", "status", "diff"])
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
    assert not (tmp_path / "made").exists()


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
def test_help_is_there_and_not_cut(tmp_path, arguments, words):
    ran = cli(*arguments, cwd=tmp_path)
    assert ran.returncode == 0 and all(word in ran.stdout for word in words)
    assert "..." not in ran.stdout.replace("[ARGS]...", "")


def test_wrong_use_is_2_and_a_missing_export_1_with_the_cure(tmp_path):
    assert cli("run", "--no-such-option", cwd=tmp_path).returncode == 2
    assert cli("no-such-command", cwd=tmp_path).returncode == 2
    ran = cli("run", tmp_path / "nowhere", cwd=tmp_path)
    assert ran.returncode == 1 and "make demo" in ran.stderr and "Traceback" not in ran.stderr
    ran = cli("push", write_export(tmp_path / "e"), cwd=tmp_path)
    assert ran.returncode == 2 and "push.endpoint is not set" in ran.stderr


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
    assert "2 findings of Fortinet and Zscaler by" in cli("status", root, cwd=tmp_path).stdout


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


# --- Settings and exit codes ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "environment", "words"),
    [
        (["status"], {"ENRICH_CASHE": "x"}, "ENRICH_CASHE"),
        (["run"], {"ENRICH_LOCATION_MAX_AGE_DAYS": "old"}, "location.max_age_days"),
        (["run"], {"ENRICH_PUSH_REQUIRED": "true"}, "push.endpoint is not set"),
        (["run"], {"ENRICH_PUSH_ENDPOINT": "http://198.51.100.7"}, "https://"),
        (["show", "--severity", "awful"], {}, "critical, high, medium, low"),
        (["show", "--limit", "0"], {}, "limit"),
        (["show", "--config", "nowhere.toml"], {}, "nowhere.toml"),
    ],
)
def test_wrong_settings_are_exit_code_2(tmp_path, arguments, environment, words):
    root = write_export(tmp_path / "export", a_finding(1))
    ran = cli(arguments[0], root, *arguments[1:], cwd=tmp_path, **environment)
    assert ran.returncode == 2 and words in ran.stderr and "Traceback" not in ran.stderr
    assert not (root / ENRICHED).exists()


def test_the_working_folder_decides_neither_settings_nor_ledger(tmp_path):
    root = write_export(tmp_path / "export", a_finding(1))
    (tmp_path / "enrich.toml").write_text('[push]\nendpoint = "nonsense"\n')
    ran = cli("status", root, cwd=tmp_path)
    assert ran.returncode == 0
    assert "enrich.toml is not read: name it by --config" in ran.stderr
    assert f"{PROJECT}/enrich.toml" in ran.stdout
    assert f"Ledger: {tmp_path}/made/ledger.sqlite" in ran.stdout
    code = "from enrich.settings import Settings as S; print(S().push.ledger, S().cache)"
    for folder in (tmp_path, PROJECT):
        shown = subprocess.run(
            [sys.executable, "-c", code],
            cwd=folder,
            env=clean_environment(),
            capture_output=True,
            text=True,
        )
        made = PROJECT / "output/enrich"
        assert shown.stdout.split() == [f"{made}/ledger.sqlite", f"{made}/lookups.sqlite"]


def test_the_version_is_that_of_the_package(tmp_path):
    ran = cli("--version", cwd=tmp_path)
    version = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"]
    assert (ran.returncode, ran.stdout) == (0, f"network-beaconing {version}\n")


def test_files_that_say_what_is_hunted_are_for_their_owner_only(tmp_path, sources):
    root = write_export(tmp_path / "export", a_finding(1))
    os.chmod(root, 0o755)
    ran = cli(
        "run",
        root,
        "--config",
        sources,
        "--output",
        tmp_path / "made/report.html",
        cwd=tmp_path,
        ENRICH_REVERSE_DNS_ENABLED="true",
        ENRICH_REVERSE_DNS_NAMESERVERS="127.0.0.1",
        ENRICH_REVERSE_DNS_PORT="9",
        ENRICH_REVERSE_DNS_TIMEOUT_SECONDS="0.05",
        ENRICH_PUSH_ENDPOINT="http://127.0.0.1:9",
        ENRICH_PUSH_RULE_ID="dcr-1",
        ENRICH_PUSH_MOST_ATTEMPTS="1",
    )
    assert ran.returncode == 3, ran.stderr
    made = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "made").iterdir()}
    assert {"ledger.sqlite", "lookups.sqlite", "report.html"} <= made.keys()
    assert set(made.values()) == {0o600}
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o700
    assert (root / ENRICHED).stat().st_mode & 0o777 == 0o600


# --- What a SOC asks --------------------------------------------------------------------------


@pytest.fixture
def four(tmp_path):
    """An export of four findings of one run, and that run's row."""
    return write_export(
        tmp_path / "export",
        a_finding(1, severity="critical", source_host_name="pc-17", destination_name="c2.example"),
        a_finding(2, severity="high", status="continuing", destination_ip="198.51.100.9"),
        a_finding(3, severity="low", denied_event_count=1440),
        a_finding(4, severity="medium", source_user_name='=HYPERLINK("http://x")', suppressed=True),
        run=a_run(finding_count=4, suppressed_count=1),
    )


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, "1234"),
        ({"severity": "high"}, "12"),
        ({"severity": "low", "limit": 3}, "123"),
        ({"only_new": True}, "134"),
        ({"source": "PC-17"}, "1"),
        ({"source": "10.0.0.0/30"}, "123"),
        ({"source": "10.0.0.2"}, "2"),
        ({"destination": "198.51.100.0/24"}, "2"),
        ({"destination": "c2"}, "1"),
        ({"only_new": True, "severity": "critical", "destination": "198.51.100.9"}, ""),
    ],
)
def test_findings_are_chosen(four, arguments, expected):
    chosen = listing.chosen(read_findings(str(four)), **arguments)
    assert "".join(finding["beacon_id"][-1] for finding in chosen) == expected


def test_show_chooses_and_prints_json(four, tmp_path):
    def shown(*options):
        ran = cli("show", four, "--json", *options, cwd=tmp_path)
        assert ran.returncode == 0, ran.stderr
        return "".join(json.loads(line)["beacon_id"][-1] for line in ran.stdout.splitlines())

    assert shown("--severity", "low", "--new", "--source", "10.0.0.0/8", "--limit", "2") == "13"
    assert shown("--destination", "198.51.100.9") == "2"


def test_show_is_a_line_each_with_what_decides(four, tmp_path):
    ran = cli("show", four, cwd=tmp_path)
    lines = ran.stdout.splitlines()[-5:]
    assert lines[0].split()[:4] == ["SEVERITY", "STATUS", "ID", "SOURCE"]
    for word in ("critical", "new", "0.0.1 (pc-17)", "203.0.113.7:443", "60.5 s − 2 %", "1440"):
        assert word in lines[1]
    assert "not checked" in lines[1] and "c2.example" in lines[1] and "beats every" in lines[1]
    assert "all denied" in lines[3] and "suppressed" in lines[4]
    none = cli("show", four, "--source", "nobody", cwd=tmp_path)
    assert "None of 4 findings is such." in none.stdout


def test_csv_has_every_column_and_no_formula(four, tmp_path):
    ran = cli("show", four, "--csv", cwd=tmp_path)
    rows = list(csv.DictReader(io.StringIO(ran.stdout)))
    assert [row["severity"] for row in rows] == ["critical", "high", "low", "medium"]
    assert rows[3]["source_user_name"] == '\'=HYPERLINK("http://x")'
    assert rows[0].keys() == a_finding(1).keys() | LOOKUP_COLUMNS.keys()
    assert rows[0]["reasons"] == "beats every 60.5 s − 2 % for 24 h; one internal source reaches it"
    assert "Settings: " in ran.stderr


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "\x1b[2J", "a\nb", "\u202e", "\ud800"]
)
def test_hostile_cells_are_no_formulas_and_move_no_cursor(text):
    finding = a_finding(1, protocol=text, reasons=[text])
    as_csv, as_json = io.StringIO(), io.StringIO()
    listing.write_csv([finding], as_csv)
    (row,) = csv.DictReader(io.StringIO(as_csv.getvalue()))
    for cell in (row["protocol"], row["reasons"]):
        assert not cell.startswith(("=", "+", "-", "@")) and cell.isprintable()
    listing.write_json([finding], as_json)
    shown = as_json.getvalue()
    assert json.loads(shown)["protocol"] == text and shown.strip().isprintable()
    (line,) = list(listing.lines_of([finding]))[1:]
    assert line.isprintable() and all(map(str.isprintable, listing.explained(finding)))


def test_explain_says_all_of_one(four, tmp_path):
    ran = cli("explain", f"{1:032x}", four, cwd=tmp_path)
    assert ran.returncode == 0
    for words in ("beacons to 203.0.113.7:443 tcp", "critical", "Known bad: not checked", "pc-17"):
        assert words in ran.stdout
    assert "one internal source reaches it" in ran.stdout and "beacon_score" in ran.stdout
    several = cli("explain", "0000", four, cwd=tmp_path)
    assert several.returncode == 1 and "4 findings have an id" in several.stderr
    none = cli("explain", "zz", four, cwd=tmp_path)
    assert none.returncode == 1 and "no finding has an id that begins with zz" in none.stderr


def test_diff_says_what_is_new_gone_and_changed(four, tmp_path):
    assert "nothing of a run before" in cli("diff", four, cwd=tmp_path).stderr
    assert cli("lookup", four, cwd=tmp_path).returncode == 0
    feed = tmp_path / "feed.csv"
    feed.write_text("198.51.100.9,Cobalt Strike\n")
    today = {"run_id": "run-2"}
    write_export(
        four,
        a_finding(1, severity="critical", **today),
        a_finding(2, severity="high", status="continuing", destination_ip="198.51.100.9", **today),
        a_finding(3, severity="low", status="changed", denied_event_count=1440, **today),
        a_finding(5, severity="medium", **today),
        run=a_run(finding_count=4, run_id="run-2"),
    )
    assert cli("lookup", four, cwd=tmp_path, ENRICH_FEED_FILE=str(feed)).returncode == 0
    ran = cli("diff", four, cwd=tmp_path)
    text = ran.stdout
    assert "high → critical, now known bad (feed.csv: Cobalt Strike): critical 00000000" in text
    assert "changed: every 60.5 s − 2 % → 60.5 s − 2 %: low" in text
    assert "new: medium" in text and "gone: medium" in text and "Before: the run run-1" in text
    assert "10.0.0.1 to" not in text, "what is as it was is not said"


def test_status_says_what_became_of_the_lines(tmp_path):
    root = write_export(tmp_path / "export", run=a_run())
    ran = cli("status", root, cwd=tmp_path)
    assert ran.returncode == 0
    assert "Lines of the day: 1000 (900 egress, 99 internal)" in ran.stdout
    assert "Duration: 300 s" in ran.stdout and "Findings: 0" in ran.stdout
    assert "Day: 2026-09-30, 0 findings of Fortinet by the run run-1" in ran.stdout
    assert "was there none since?" in ran.stderr


def test_a_day_with_many_unreadable_lines_is_partial(tmp_path):
    root = write_export(tmp_path / "export", run=a_run(rejected_line_count=200))
    ran = cli("run", root, cwd=tmp_path)
    assert ran.returncode == 3 and "20% of the lines of 2026-09-30" in ran.stderr


def test_hostile_text_of_a_run_is_shown_and_not_obeyed(tmp_path):
    run = a_run(device_vendors=["\x1b[2J"], run_id="\x1b]0;x\x07")
    run["fates"][0]["fate"] = "\x1b[31m"
    root = write_export(tmp_path / "export", run=run)
    ran = cli("status", root, cwd=tmp_path)
    assert ran.returncode == 0 and not set(ran.stdout + ran.stderr) & set("\x1b\x07")


# --- Size and speed ---------------------------------------------------------------------------

# A process starts with the peak memory of the one that starts it, so a small one stands between.
BETWEEN = """
import json, os, subprocess, sys
process = subprocess.Popen([sys.executable, *sys.argv[2:]], stderr=subprocess.STDOUT)
_, status, usage = os.wait4(process.pid, 0)
used = usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
with open(sys.argv[1], "w") as file:
    json.dump([os.waitstatus_to_exitcode(status), *used], file)
"""


def measured(
    arguments: list[object], folder: Path, environment: dict[str, str]
) -> tuple[int, str, float, float]:
    """Run Python; return exit code, what it printed, seconds of processor time, peak megabytes."""
    file = folder / "measured.json"
    between = [sys.executable, "-c", BETWEEN, file, *arguments]
    ran = subprocess.run(between, cwd=folder, env=environment, capture_output=True, text=True)
    code, seconds, megabytes = json.loads(file.read_text())
    print(f"{seconds:.1f} s, {megabytes:.0f} MB")
    return code, ran.stdout, seconds, megabytes


@pytest.mark.parametrize("command", ["show", "report"])
def test_ten_thousand_findings_with_full_histograms_fit_into_400_mb(tmp_path, command):
    bars = [{"time_delta": n, "events": 1000 + n} for n in range(100)]
    findings = (a_finding(n, interval_histogram=bars) for n in range(10_000))
    root = write_export(tmp_path / "export", *findings)
    environment = clean_environment(**of_this_test(tmp_path))
    code, _, _, megabytes = measured(["-m", "enrich", command, root], tmp_path, environment)
    assert code == 0 and megabytes < 400


def test_ten_thousand_findings_are_enriched_and_drawn_in_30_s_and_400_mb(tmp_path, sources):
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
    # Processor time: what runs beside the test must not decide.
    code, text, seconds, megabytes = measured([script], tmp_path, clean_environment())
    assert code == 0, text[-2000:]
    assert "{'location': 2000, 'asn': 2000, 'feed': 2000}" in text
    assert seconds < 30 and megabytes < 400
    rows = (root / ENRICHED).read_text().splitlines()
    assert len(rows) == 10_000 and LOOKUP_COLUMNS.keys() <= json.loads(rows[0]).keys()
