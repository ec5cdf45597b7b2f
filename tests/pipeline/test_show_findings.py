"""The table of findings: nothing lost, nothing of the logs obeyed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "bench" / "show_findings.py"


def show(export_root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SCRIPT, export_root], capture_output=True, text=True, encoding="utf-8"
    )


def export(root: Path, *findings: dict) -> Path:
    folder = root / "network_beaconing_anomalies"
    folder.mkdir(exist_ok=True)
    lines = "".join(json.dumps(finding) + "\n" for finding in findings)
    (folder / "part-00000.json").write_text(lines, encoding="utf-8")
    return root


FINDING = {
    "severity": "high",
    "status": "new",
    "suppressed": False,
    "beacon_score": 0.954,
    "source_ip": "10.1.2.3",
    "destination_ip": "192.0.2.7",
    "destination_port": 443,
    "protocol": "TCP",
    "percent_beacon": 99.25,
    "time_delta": 60,
    "event_count": 1440,
    "reasons": ["first reason", "second reason"],
}


def test_every_column_of_a_finding_is_shown(tmp_path):
    shown = show(export(tmp_path, FINDING))
    assert shown.returncode == 0
    for expected in ("high", "new", "10.1.2.3", "192.0.2.7:443 TCP", "0.95", "99.2", "1440"):
        assert expected in shown.stdout
    assert "second reason" in shown.stdout


def test_severity_then_score_then_percentage_decide_and_suppressed_rows_come_last(tmp_path):
    rows = [
        FINDING | {"source_ip": "10.0.0.6", "severity": "critical", "suppressed": True},
        FINDING | {"source_ip": "10.0.0.5", "severity": "low", "beacon_score": None},
        FINDING | {"source_ip": "10.0.0.4", "percent_beacon": None},
        FINDING | {"source_ip": "10.0.0.3", "percent_beacon": 80.0},
        FINDING | {"source_ip": "10.0.0.2", "beacon_score": 0.99},
        FINDING | {"source_ip": "10.0.0.1", "severity": "critical", "beacon_score": 0.9},
    ]
    shown = show(export(tmp_path, *rows)).stdout
    places = [shown.index(f"10.0.0.{n}") for n in (1, 2, 3, 4, 5, 6)]
    assert places == sorted(places)
    assert "suppressed" in shown


def test_ipv6_has_brackets_and_a_missing_port_no_colon(tmp_path):
    rows = [
        FINDING | {"destination_ip": "2001:db8::7"},
        FINDING | {"destination_ip": "198.51.100.9", "destination_port": None},
    ]
    shown = show(export(tmp_path, *rows)).stdout
    assert "[2001:db8::7]:443" in shown
    assert "198.51.100.9" in shown and "198.51.100.9:" not in shown


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
    shown = show(export(tmp_path, FINDING | {"protocol": hostile, "reasons": [hostile]}))
    assert shown.returncode == 0
    assert not set(shown.stdout) & set("\x1b\x07\x9b\r\u202e")
    assert len(shown.stdout) < 10_000
    if "markup" in hostile:
        assert "[bold" in shown.stdout


def test_an_empty_export_is_a_result(tmp_path):
    shown = show(export(tmp_path))
    assert shown.returncode == 0
    assert "No connection beacons" in shown.stdout


def test_a_missing_export_and_a_broken_line_are_told_with_the_cure(tmp_path):
    missing = show(tmp_path / "nowhere")
    assert missing.returncode == 1
    assert "nowhere" in missing.stderr and "make demo" in missing.stderr
    root = export(tmp_path, FINDING)
    file = root / "network_beaconing_anomalies" / "part-00000.json"
    file.write_text(file.read_text() + '{"source_ip": "10.', encoding="utf-8")
    broken = show(root)
    assert broken.returncode == 1
    assert "line 2" in broken.stderr and "Traceback" not in missing.stderr + broken.stderr
