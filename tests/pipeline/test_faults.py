"""What users and attackers do wrong: the run says it in a few lines, or goes on without it."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import json
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.dbt_in_process import ENGINE, PROJECT, SPARK_4, Dbt, Result, copy_project
from tests.support.export_tree import at, lay_out
from tests.support.local_tables import DBT, LocalDbt
from tests.support.spark_cluster import ENVIRONMENT

DAY = dt.date(2026, 3, 10)
LOCAL = pytest.mark.skipif(ENGINE != "local", reason="of target local alone")
ONE_DAY = {"score_window_days": 1, "slow_window_days": 1}
NO_TESTS = ("--exclude-resource-type", "test", "unit_test")
HOSTILE = [
    *("O'Neill", "ends in \\", "a\\n\\tb", "two\nlines", "${env:HOME} ${spark.master}", "%s %d"),
    *("{{ 1 / 0 }}", '"quoted"', "\u202e\u2028é", "\x1b[31m", "'); drop table x; --", "\\u0041"),
]
NO_EXPRESSIONS = [
    *(
        " port=([0-9]+",
        " port=[0-9+)",
        " port=([9-0])",
        " port=(*)",
        " port=[0-9]+",
        " port)=([0-9])",
    ),
    *(
        " port=(?<p>[0-9]+)",
        " (?i port=([0-9]+)",
        "+port=([0-9])",
        " port=([0-9]++)",
        " p{a}=([0-9])",
    ),
]
NO_NAMES = ["sent(bytes", "(sent)bytes", "sent|*bytes", "sent[bytes"]


def row(second: float, day: dt.date = DAY, **columns: Any) -> dict[str, Any]:
    ends = {"SourceIP": "10.0.0.1", "DestinationIP": "198.51.100.1", "DestinationPort": 443}
    return {"TimeGenerated": at(day, second), "DeviceVendor": "Fortinet", **ends, **columns}


def few_lines(said: str) -> str:
    """The messages of a run, if a person can read them; dbt prints each error twice."""
    steps = r"\d+ of \d+ |Running with|Registered|Found|Using|Concurrency|Finished|Done|$"
    said = "\n".join(line for line in said.splitlines() if not re.match(steps, line))
    for sign in ("Traceback", "Error {", "\tat ", "java.lang"):
        assert sign not in said, said
    assert len(said.splitlines()) <= 20, said
    return said


# --- Seeds ----------------------------------------------------------------------------------------


def seed_text(header: list[str], rows: list[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([header, *rows])
    return text.getvalue()


@pytest.fixture(scope="module")
def edited(dbt: Dbt, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project, whose seeds people have edited."""
    project = copy_project(tmp_path_factory.mktemp("edited"))
    networks = project / "seeds/organisation/internal_networks.csv"
    rows = [["198.51.100.0/24", text, "x"] for text in HOSTILE]
    bad = ["office", "192.0.2.0/33", "", "192.0.2.1'/32", "\x1b[31m"]
    rows += [[text, "bad", "x"] for text in bad] + [["203.0.113.0/24", "", "x"]]
    # Excel writes a BOM, and people add columns.
    networks.write_text("\ufeff" + seed_text(["network", "description", "note"], rows), "utf-8")

    services = project / "seeds/services/known_services.csv"
    with services.open(newline="") as file:
        header, *rows = csv.reader(file)
    by_name = dict(zip(header, rows[0]))
    for service, change in {
        "O'Neill's": {},
        "any TCP": {"protocol": "tcp", "destination_ports": "443"},
        "bad port": {"destination_ports": "123 ntp"},
        "bad network": {"destination_networks": "192.0.2.0/99"},
        "bad kind": {"kind": "whatever"},
    }.items():
        changed = by_name | {"service": service} | change
        rows.append([changed[name] for name in header])
    services.write_text(seed_text(header, rows))

    facts = project / "seeds/vendors/vendor_facts.csv"
    with facts.open("a", newline="") as file:
        csv.writer(file).writerows(
            [
                # The longest are named.
                ["*", "denied", "DeviceAction", "won't be seen by anybody", "-", "somebody"],
                ["*", "denied", "DeviceAction", "back\\slash", "-", "somebody"],
                ["*", "denied", "DeviceAction", "${env:HOME}", "-", "somebody"],
                ["*", "denied", "DeviceAction", "", "-", "somebody"],
                ["*", "hidden", "DeviceAction", "none", "-", "somebody"],
                *(
                    ["*", "source_port", "Message", text, "-", "somebody"]
                    for text in NO_EXPRESSIONS
                ),
                *(
                    ["*", "sent_bytes", "AdditionalExtensions", name, "-", "somebody"]
                    for name in NO_NAMES
                ),
            ]
        )
    kept = dbt.project
    dbt.wipe()
    dbt.project = project
    yield project
    dbt.project = kept
    dbt.wipe()


@pytest.fixture(scope="module")
def loaded(dbt: Dbt, edited: Path) -> Result:
    return dbt("seed")


def test_any_text_in_a_seed_is_loaded_as_it_stands(dbt: Dbt, loaded: Result):
    assert loaded.success, loaded.messages
    rows = dbt.rows("select * from beaconing.internal_networks")
    assert set(rows[0]) == {"network", "description"}
    texts = [r["description"] for r in rows if r["network"] == "198.51.100.0/24"]
    assert sorted(texts) == sorted(HOSTILE)
    assert [r for r in rows if r["network"] == "203.0.113.0/24"][0]["description"] is None
    said = few_lines(loaded.messages)
    assert "nothing reads the column(s) note of seeds/organisation/internal_networks.csv" in said


def test_what_is_wrong_in_a_seed_is_named_and_the_night_goes_on(
    dbt: Dbt, loaded: Result, tmp_path: Path
):
    lay_out(tmp_path / "raw", DAY, [row(1), row(2, DestinationIP="192.0.2.7")])
    names = ("stg_internal_networks", "stg_known_services", "+connection_days", "+row_fates")
    names += ("stg_common_security_log_rejects",)
    used = {"raw_root": str(tmp_path / "raw"), "end_date": str(DAY), "lookback_days": 1}
    built = dbt("build", "--select", *names, "--exclude-resource-type", "unit_test", vars=used)
    assert built.success, built.messages
    assert "\x1b" not in built.messages
    said = [line for line in built.messages.splitlines() if "row(s) are not used" in line]
    (networks,) = [line for line in said if "seed internal_networks: 5 row(s)" in line]
    assert "192.0.2.0/24" in networks, networks
    (services,) = [line for line in said if "seed known_services: 3 row(s)" in line]
    for name in ("any TCP", "bad port", "bad network"):
        assert f'"{name}"' in services
    count = 4 + len(NO_EXPRESSIONS) + len(NO_NAMES)
    (facts,) = [line for line in said if f"seed vendor_facts: {count} row(s)" in line]
    assert "won't" in facts
    assert max(NO_EXPRESSIONS, key=len) in facts
    # What is right is used: one destination is internal now, the other is not.
    assert dbt.rows("select destination_ip from beaconing.connection_days") == [
        {"destination_ip": "192.0.2.7"}
    ]
    used_services = dbt.rows("select distinct service from beaconing.stg_known_services")
    assert {"O'Neill's", "bad kind"} <= {r["service"] for r in used_services}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("network\n192.0.2.0/24\n", ["no column description", "give it network,description"]),
        ("Network,description\n", ["no column network", "Its first line is Network,description"]),
        ("network,description\na,b,c\n", ["row 1 of", "has more than 2 cells", "a,b,c"]),
    ],
)
def test_a_seed_without_a_column_says_so_and_keeps_the_old_table(
    dbt: Dbt, edited: Path, loaded: Result, content: str, words: list[str]
):
    before = dbt.rows("select * from beaconing.internal_networks")
    file = edited / "seeds/organisation/internal_networks.csv"
    kept = file.read_bytes()
    file.write_text(content)
    try:
        result = dbt("seed", "--select", "internal_networks")
    finally:
        file.write_bytes(kept)
    assert not result.success
    said = few_lines(result.messages)
    for word in [*words, "internal_networks"]:
        assert word in said
    assert dbt.rows("select * from beaconing.internal_networks") == before


# --- Log files ------------------------------------------------------------------------------------


@LOCAL
def test_files_that_cannot_be_read_are_named_and_the_others_are_read(dbt: Dbt, tmp_path: Path):
    root = tmp_path / "raw"
    day = root / f"y={DAY:%Y}/m={DAY:%m}/d={DAY:%d}"
    lay_out(root, DAY, [row(second) for second in range(10)])
    packed = "".join(json.dumps(row(second)) + "\n" for second in range(20, 30)).encode()
    (day / "whole.json.gz").write_bytes(gzip.compress(packed))
    (day / "cut.json.gz").write_bytes(gzip.compress(packed)[:-20])
    (day / "none.json.gz").write_bytes(packed)
    (day / "o'neill\u202e${env:HOME}.json.gz").write_bytes(b"x")
    (day / "empty.json").write_bytes(b"")
    (day / "binary.json").write_bytes(bytes(range(256)) * 3 + b"\n\xff\n")
    (day / "bytes.json").write_bytes(json.dumps(row(40)).encode() + b"\n" + b'{"a": "\xff"}\n')
    (day / "long.json").write_bytes(b'{"a": "' + b"x" * 100_000_000 + b'"}\n')
    (day / "folder.json").mkdir()
    (day / "folder.json/inside.json").write_text(json.dumps(row(50)) + "\n")
    outside = tmp_path / "secret.json"
    outside.write_text("a secret\n")
    (day / "out.json").symlink_to(outside)
    (day / "loop").symlink_to(day)
    (day / os.fsdecode(b"\xff.json")).write_text(json.dumps(row(60)) + "\n")
    (day / "\x1b[31m.json").write_text(json.dumps(row(60)) + "\n")
    used = {"raw_root": str(root), "end_date": str(DAY), "lookback_days": 1}
    names = ("+stg_common_security_log", "stg_common_security_log_rejects")
    names += (
        "every_line_is_staged_or_rejected",
        "--exclude",
        "test_type:generic test_type:unit every_line_has_a_fate",
    )
    dbt.wipe()
    result = dbt("build", "--select", *names, vars=used)
    assert result.success, result.messages
    assert "\x1b" not in result.messages and "\u202e" not in result.messages
    said = [line for line in result.messages.splitlines() if "left out" in line]
    for words in ("out.json: a link that leads out", "loop: a link that leads back", "UTF-8"):
        assert words in said[0]
    assert "4 file(s)" in said[1] and "cut.json.gz: no whole gzip file" in said[1]
    staged = dbt.rows("select count(*) as n from beaconing.stg_common_security_log")
    assert staged == [{"n": 10 + 10 + 1 + 1}]
    rejected = [
        r["line"] for r in dbt.rows("select * from beaconing.stg_common_security_log_rejects")
    ]
    unread = [line for line in rejected if line.startswith("unreadable file ")]
    assert len(unread) == 4 and not any("secret" in line for line in rejected)
    assert any("long.json: it has a line of more than 32 MB" in line for line in unread)
    assert any("o'neill\u202e${env:HOME}.json.gz: no whole" in line for line in unread)
    listed = dbt.rows("select path from beaconing.log_files")
    assert all(r["path"].startswith(str(root).lstrip("/")) for r in listed)

    # Mended files are read, and only their days.
    for path in day.iterdir():
        if path.is_symlink() or path.name.startswith(
            (os.fsdecode(b"\xff"), "\x1b", "long", "none", "o'")
        ):
            path.unlink()
    (day / "cut.json.gz").write_bytes(gzip.compress(packed.replace(b"10.0.0.1", b"10.0.0.2")))
    result = dbt("build", "--select", *names, vars=used)
    assert result.success and "left out" not in result.messages, result.messages
    staged = dbt.rows("select count(*) as n from beaconing.stg_common_security_log")
    assert staged == [{"n": 10 + 10 + 10 + 1 + 1}]


@pytest.mark.skipif(ENGINE == "local", reason="target local reads the other files")
def test_a_link_in_a_circle_is_refused(dbt: Dbt, tmp_path: Path):
    lay_out(tmp_path / "raw", DAY, [row(1)])
    day = tmp_path / f"raw/y={DAY:%Y}/m={DAY:%m}/d={DAY:%d}"
    (day / "loop").symlink_to(day)
    used = {"raw_root": str(tmp_path / "raw"), "end_date": str(DAY), "lookback_days": 1}
    result = dbt("run", "--select", "log_files", vars=used)
    assert not result.success
    said = few_lines(result.messages)
    assert "leads back to a folder above it" in said and "Remove the link" in said


@pytest.mark.skipif(ENGINE == "local", reason="target local leaves such files out, and goes on")
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("cut.json.gz", gzip.compress(random.Random(1).randbytes(5000).hex().encode())[:-2000]),
        ("none.json.gz", b'{"a": 1}\n'),
    ],
)
def test_a_file_that_spark_cannot_read_is_named_in_few_lines(
    dbt: Dbt, tmp_path: Path, name: str, content: bytes
):
    lay_out(tmp_path / "raw", DAY, [row(1)])
    (tmp_path / f"raw/y={DAY:%Y}/m={DAY:%m}/d={DAY:%d}" / name).write_bytes(content)
    used = {"raw_root": str(tmp_path / "raw"), "end_date": str(DAY), "lookback_days": 0}
    dbt.wipe()
    selected = ("--select", "+stg_common_security_log_lines", *NO_TESTS)
    result = dbt("build", *selected, vars=used | ONE_DAY)
    assert not result.success
    said = few_lines(result.messages)
    assert name in said and "Mend or remove that file" in said


# --- Locations ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "place", ["{raw}", "{raw}/..", "{raw}/y=2026", "{tables}", "{tables}/beaconing"]
)
def test_an_export_that_would_replace_logs_or_tables_is_refused(
    dbt: Dbt, tmp_path: Path, place: str
):
    root = tmp_path / "network_beaconing_anomalies"
    lay_out(root, DAY, [row(1)])
    tables = dbt.folder / ("tables" if ENGINE == "local" else "warehouse")
    if place == "{tables}" and ENGINE != "local":
        pytest.skip("beside the schemas, a folder is nobody's")
    place = place.format(raw=root, tables=tables)
    if ENGINE != "local":
        place = place.replace("/beaconing", "/beaconing.db")
    used = {"raw_root": str(root), "export_root": place, "end_date": str(DAY)}
    result = dbt("build", vars=used)
    assert not result.success and result.models == []
    said = few_lines(result.messages)
    assert "'export_root' is" in said and "give a folder of its own" in said


@LOCAL
def test_an_export_is_not_written_into_tables_through_a_link(dbt: Dbt, tmp_path: Path):
    (tmp_path / "link").symlink_to(dbt.folder / "tables")
    lay_out(tmp_path / "raw", DAY, [row(1)])
    used = {"raw_root": str(tmp_path / "raw"), "export_root": str(tmp_path / "link")}
    result = dbt("build", vars=used | {"end_date": str(DAY)})
    assert not result.success and "give a folder of its own" in few_lines(result.messages)


@pytest.mark.skipif(ENGINE == "local", reason="the test below is its own")
@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("x://y/z", ['No FileSystem for scheme "x"', "mend the URL"]),
        ("abfss://c@account.dfs.core.windows.net/logs", ["no jar for Azure", "docs/azure.md"]),
    ],
)
def test_storage_that_spark_does_not_know_is_said_in_few_lines(dbt: Dbt, url: str, words: list):
    if SPARK_4 and url.startswith("abfss"):
        pytest.skip("its jar is there")
    result = dbt("run", "--select", "log_files", vars={"raw_root": url, "end_date": str(DAY)})
    assert not result.success
    said = few_lines(result.messages)
    for word in [f"Asked for: {url}/y={DAY:%Y}", *words]:
        assert word in said


@LOCAL
def test_storage_of_an_unknown_kind_is_said_in_few_lines(dbt: Dbt):
    used = {"raw_root": "x://y/z", "end_date": str(DAY)}
    result = dbt("run", "--select", "log_files", vars=used)
    assert not result.success
    assert 'Unable to recognise URL "x://y/z' in few_lines(result.messages)


# --- Where tables are -----------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 60 MB; only root may make one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=60m", "tmpfs", str(disk)])
    if mounted.returncode:
        pytest.skip("may not mount a small disk here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@LOCAL
def test_a_full_or_read_only_disk_ends_the_command_and_then_all_is_well(
    small_disk: Path, tmp_path: Path
):
    place = {"BEACONING_OUTPUT": str(small_disk / "output")}
    dbt = LocalDbt(tmp_path, {}, environment=place)
    left = shutil.disk_usage(small_disk).free
    (small_disk / "fill").write_bytes(bytes(max(0, left - 30_000)))
    process = dbt.start("seed")
    printed, _ = process.communicate(timeout=180)
    assert process.returncode in (1, 2), printed
    assert "No space left on device" in printed
    assert not re.search(r"Traceback|panicked|Error \{", printed)
    (small_disk / "fill").unlink()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    process = dbt.start("seed")
    printed, _ = process.communicate(timeout=180)
    assert process.returncode == 2, printed
    assert f"the tables in {small_disk}/output/tables cannot be written: Read-only" in printed
    assert "Traceback" not in printed
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    dbt("seed")


@LOCAL
def test_tables_are_beside_the_profile_wherever_a_command_is_started(tmp_path: Path):
    profile = (PROJECT / "profiles.yml.example").read_bytes()
    (tmp_path / "profiles.yml").write_bytes(profile)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    command = [DBT, "--quiet", "seed", "--select", "protocols", "--project-dir", PROJECT]
    command += ["--target-path", tmp_path / "target", "--log-path", tmp_path / "logs"]
    environment = {n: v for n, v in ENVIRONMENT.items() if n != "PWD"} | {"PWD": "/stale"}
    ran = subprocess.run(
        [*command, "--profiles-dir", ".."], cwd=elsewhere, env=environment, capture_output=True
    )
    assert ran.returncode == 0, ran.stdout
    assert (tmp_path / "output/tables/beaconing/protocols/_delta_log").is_dir()
    assert not any(elsewhere.iterdir())


# --- Secrets --------------------------------------------------------------------------------------

CANARY = "canary-5b1f0c"
LOOK_FOR_CANARY = """
import json, os, sys
from pathlib import Path
from pyspark.sql import SparkSession
builder = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
builder = builder.config("spark.driver.bindAddress", "127.0.0.1")
builder = builder.config("spark.driver.host", "127.0.0.1")
for name, value in json.loads(sys.argv[1]).items():
    builder = builder.config(name, value)
spark = builder.getOrCreate()
hadoop = spark._jsparkSession.sessionState().newHadoopConf()
seen = [hadoop.get(name.removeprefix("spark.hadoop.")) for name in json.loads(sys.argv[1])]
lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline")]
java = [line for line in lines if b"SparkSubmit" in line and b"fs.azure" in line]
print(json.dumps({"seen": seen, "java": len(java), "said": os.environ["CANARY"] in str(java)}))
"""


def azure_blocks() -> dict[str, dict[str, str]]:
    """The blocks of docs/azure.md, by their titles."""
    text = (PROJECT / "docs/azure.md").read_text()
    (blocks,) = re.findall(r"```yaml\n(# Managed identity.*?)```", text, re.DOTALL)
    titles = re.findall(r"^# (.*)\n((?:spark.*\n)+)", blocks, re.MULTILINE)
    return {title: yaml.safe_load(block) for title, block in titles}


def test_no_secret_of_the_page_on_azure_goes_through_dbt():
    blocks = azure_blocks()
    assert len(blocks) == 3
    secrets = {
        name: value
        for block in blocks.values()
        for name, value in block.items()
        if re.search(r"[.](key|secret)[.]", name)
    }
    assert len(secrets) == 2
    assert all(re.fullmatch(r"[$][{]env[.]\w+[}]", value) for value in secrets.values())


@pytest.mark.skipif(ENGINE != "spark", reason="of Spark alone")
def test_a_secret_reaches_spark_and_not_its_command_line(dbt: Dbt):
    block = azure_blocks()["Account key"]
    environment = {n: v for n, v in os.environ.items() if not n.startswith(("PYSPARK", "SPARK_"))}
    looked = subprocess.run(
        [sys.executable, "-c", LOOK_FOR_CANARY, json.dumps(block)],
        env=environment | {"ADLS_KEY": CANARY, "CANARY": CANARY},
        capture_output=True,
        text=True,
    )
    assert looked.returncode == 0, looked.stderr[-2000:]
    found = json.loads(looked.stdout.splitlines()[-1])
    assert CANARY in found["seen"], "Hadoop puts it in"
    assert found["java"] and not found["said"]
