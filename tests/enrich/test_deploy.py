"""What goes to Azure agrees with the contract; KQL is analysed by Microsoft's language service."""

import csv
import importlib.util
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from enrich import suppressions
from enrich.contract import LOOKUP_COLUMNS, all_columns, contract, run_columns
from enrich.push.columns import TYPES, table_columns
from enrich.push.settings import PushSettings
from enrich.severity import SEVERITIES

PROJECT = Path(__file__).parents[2]
DEPLOY = PROJECT / "deploy/sentinel"
BICEP = (DEPLOY / "main.bicep").read_text(encoding="utf-8")
FUNCTION = (DEPLOY / "network_beaconing.kql").read_text(encoding="utf-8")
RULE = yaml.safe_load((DEPLOY / "analytics_rule.yaml").read_text(encoding="utf-8"))
NO_RUN = yaml.safe_load((DEPLOY / "no_run_rule.yaml").read_text(encoding="utf-8"))
FEW_LINES = yaml.safe_load((DEPLOY / "few_lines_rule.yaml").read_text(encoding="utf-8"))
RULES = [RULE, NO_RUN, FEW_LINES]
BENIGN = (DEPLOY / "benign_incidents.kql").read_text(encoding="utf-8")
DEFENDER = PROJECT / "deploy/defender"
DETECTION = (DEFENDER / "custom_detection.kql").read_text(encoding="utf-8")
DETECTION_BICEP = (DEFENDER / "custom_detection.bicep").read_text(encoding="utf-8")
WORKBOOK = json.loads((DEPLOY / "workbook.json").read_text(encoding="utf-8"))
VIEWS = {item["name"]: item["content"]["query"] for item in WORKBOOK["items"] if item["type"] == 3}
HUNT = yaml.safe_load((DEPLOY / "hunting_query.yaml").read_text(encoding="utf-8"))
COLUMNS = json.loads((DEPLOY / "columns.json").read_text(encoding="utf-8"))
RUNS_COLUMNS = json.loads((DEPLOY / "runs_columns.json").read_text(encoding="utf-8"))
# Of the many columns of Sentinel's own table, those that a query reads.
SECURITY_ALERT = [
    {"name": "TimeGenerated", "type": "datetime"},
    {"name": "ExtendedProperties", "type": "string"},
    {"name": "SystemAlertId", "type": "string"},
]
SECURITY_INCIDENT = [
    {"name": "TimeGenerated", "type": "datetime"},
    {"name": "IncidentNumber", "type": "int"},
    {"name": "Title", "type": "string"},
    {"name": "Status", "type": "string"},
    {"name": "Classification", "type": "string"},
    {"name": "ClassificationComment", "type": "string"},
    {"name": "Owner", "type": "dynamic"},
    {"name": "AlertIds", "type": "dynamic"},
]
OF_SENTINEL = {column["name"] for column in [*SECURITY_ALERT, *SECURITY_INCIDENT]}


def test_the_deployed_columns_are_those_of_the_contract_and_the_lookups():
    cure = "run: python -m enrich.push.columns > deploy/sentinel/columns.json"
    assert table_columns(all_columns()) == COLUMNS, cure
    assert len(COLUMNS) == 1 + len(contract()) + len(LOOKUP_COLUMNS)
    cure = "run: python -m enrich.push.columns runs > deploy/sentinel/runs_columns.json"
    assert table_columns(run_columns()) == RUNS_COLUMNS, cure


@pytest.mark.parametrize("columns", [COLUMNS, RUNS_COLUMNS], ids=["findings", "runs"])
def test_log_analytics_takes_the_columns(columns):
    names = [column["name"] for column in columns]
    reserved = {"id", "_resourceid", "_subscriptionid", "tenantid", "type", "uniqueid", "title"}
    assert len(set(map(str.lower, names))) == len(names) <= 500
    for name in names:
        assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,44}", name) and name.lower() not in reserved
    assert {column["type"] for column in columns} <= {
        "string", "boolean", "int", "long", "real", "datetime", "dynamic",
    }  # fmt: skip


def test_every_type_of_the_contract_has_one_of_the_table():
    for data_type in (contract() | LOOKUP_COLUMNS | run_columns()).values():
        assert data_type in TYPES or data_type.startswith("array<"), data_type


def words_of(kql):
    """Return the words of KQL that begin like a column, without comments and texts."""
    kql = re.sub(r"//[^\n]*|\"[^\"]*\"", " ", kql)
    return set(re.findall(r"\b[A-Z]\w*", kql)), set(re.findall(r"\b([A-Z]\w*) *=[^=~]", kql))


@pytest.mark.parametrize(
    "kql",
    [FUNCTION, RULE["query"], HUNT["query"], DETECTION, BENIGN, *VIEWS.values()],
    ids=["function", "rule", "hunt", "detection", "benign", *VIEWS],
)
def test_kql_names_only_columns_that_exist(kql):
    used, made = words_of(kql)
    function, by_function = words_of(FUNCTION)
    joined = {name + "1" for name in ("EndDate", "DeviceVendor", "RunId")}
    known = {column["name"] for column in COLUMNS} | made | by_function | joined
    known |= {"NetworkBeaconing", "SecurityAlert", "SecurityIncident", "Grade", "BeaconId"}
    known |= OF_SENTINEL | {column["name"] for column in RUNS_COLUMNS}
    assert used - known == set()
    assert used & known, "the test reads something"


def test_kql_means_something_to_microsofts_language_service():
    if not shutil.which("node"):
        pytest.skip("node is not installed; it runs Microsoft's KQL language service")
    if not (
        (PROJECT / "node_modules/@kusto/language-service-next").is_dir()
        or "NODE_PATH" in os.environ
    ):
        pytest.skip("npm install --no-save @kusto/language-service-next, then KQL is analysed")
    queries = {document["name"]: document["query"] for document in [*RULES, HUNT]}
    queries |= VIEWS | {"custom detection": DETECTION, "benign incidents": BENIGN}
    settings = PushSettings()
    tables = {
        settings.table: COLUMNS,
        settings.runs_table: RUNS_COLUMNS,
        "SecurityAlert": SECURITY_ALERT,
        "SecurityIncident": SECURITY_INCIDENT,
    }
    broken = "NetworkBeaconing | where NoSuchColumn == 1"

    def complaints(**more):
        done = subprocess.run(
            ["node", Path(__file__).parent / "check_kql.js"],
            input=json.dumps(
                {"tables": tables, "function": FUNCTION, "queries": queries | more}
            ),
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout.splitlines()

    assert complaints() == []
    (complaint,) = complaints(broken=broken)
    assert "NoSuchColumn" in complaint, "and it would say so"


def test_the_alerts_of_one_destination_are_one_incident():
    grouping = RULE["incidentConfiguration"]["groupingConfiguration"]
    assert grouping["enabled"] and grouping["matchingMethod"] == "Selected"
    assert grouping["groupByCustomDetails"] == ["IncidentKey"]
    assert RULE["eventGroupingSettings"] == {"aggregationKind": "AlertPerResult"}


@pytest.mark.parametrize("rule", RULES, ids=[rule["name"] for rule in RULES])
def test_what_an_alert_shows_is_in_its_rows(rule):
    projected, _ = words_of(rule["query"].rpartition("| project")[2])
    override = rule["alertDetailsOverride"]
    shown = set(rule["customDetails"].values()) | {
        mapping["columnName"] for entity in rule["entityMappings"] or []
        for mapping in entity["fieldMappings"]
    }  # fmt: skip
    shown |= set(re.findall(r"{{(\w+)}}", json.dumps(override)))
    shown |= {override.get("alertSeverityColumnName", "Title")}
    shown |= {dynamic["value"] for dynamic in override.get("alertDynamicProperties", [])}
    assert shown <= projected
    grouping = rule["incidentConfiguration"]["groupingConfiguration"]
    assert set(grouping["groupByCustomDetails"]) <= rule["customDetails"].keys()


@pytest.mark.parametrize("kql", [RULE["query"], DETECTION], ids=["rule", "detection"])
def test_an_alert_says_what_raised_its_severity(kql):
    title, why = (re.search(rf"\b{name} = (.*)", kql)[1] for name in ("Title", "Why"))
    assert "Raised" in title and "Raised" in why
    assert "RaisedBy" in words_of(kql)[0]


def test_what_the_query_reads_of_earlier_alerts_is_in_every_alert():
    remembered = set(re.findall(r"Details\.(\w+)", RULE["query"]))
    assert remembered == {"BeaconId", "Grade", "KnownBad"} and remembered <= set(
        RULE["customDetails"]
    )


def test_rule_and_hunt_are_of_the_kind_that_sentinel_knows():
    for document in (RULE, HUNT):
        assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", document["id"])
        assert document["tactics"] == ["CommandAndControl"]
        # Another technique, non-standard port, only where a row has such a port.
        assert document["relevantTechniques"] == ["T1071"]
        assert not {"'", '"'} & {document["description"][0], document["description"].strip()[-1]}
    entities = [entity["entityType"] for entity in RULE["entityMappings"]]
    assert entities == ["IP", "IP", "Host", "Account", "DNS"]
    assert (RULE["queryFrequency"], RULE["queryPeriod"]) == ("1h", "14d"), "14 days need 1 hour"
    assert "let alerts_for = 14d;" in RULE["query"], "the rule sees no more than queryPeriod"
    assert len(RULE["query"]) < 10_000 and len(RULE["customDetails"]) <= 20, "Sentinel's limits"


def test_the_rules_about_runs_alert_once_a_day():
    for rule in (NO_RUN, FEW_LINES):
        assert (rule["suppressionEnabled"], rule["suppressionDuration"]) == (True, "24h")
        assert PushSettings().runs_table in rule["query"]
    assert "let longest = 26h" in NO_RUN["query"]
    assert len({rule["id"] for rule in [*RULES, HUNT]}) == 4


def test_bicep_names_what_the_push_uses():
    table, runs_table = PushSettings().table, PushSettings().runs_table
    assert f"param tableName string = '{table}'" in BICEP
    assert f"param runsTableName string = '{runs_table}'" in BICEP
    assert f"var defaultRunsTable = '{runs_table}'" in BICEP
    for name in ("tableName", "runsTableName"):
        assert f"'Custom-${{{name}}}'" in BICEP and f"name: {name}," in BICEP
    assert "3913510d-42f4-4e42-8a64-420c390055eb" in BICEP, "Monitoring Metrics Publisher"
    for output in ("logsIngestionEndpoint", "ruleId"):
        assert f"output {output} " in BICEP
    for file in re.findall(r"load\w+Content\('([^']+)'\)", BICEP):
        assert (DEPLOY / file).is_file()
    for name, property_ in re.findall(r"\b(alert|hunt)\.(\w+)", BICEP):
        for document in RULES if name == "alert" else [HUNT]:
            assert property_ in document
    assert table in FUNCTION
    # Bicep replaces this text by its parameter.
    least = 'let least_severity = "low"'
    assert least in RULE["query"] and f"'{least}'" in BICEP
    assert "var defaultTable = '" + table + "'" in BICEP


# --- Workbook, watchlist, custom detection ------------------------------------------------------


def test_the_workbook_shows_findings_runs_and_what_was_not_looked_at():
    assert WORKBOOK["version"] == "Notebook/1.0" and len(VIEWS) == 5
    (time,) = [
        parameter["name"]
        for item in WORKBOOK["items"] if item["type"] == 9
        for parameter in item["content"]["parameters"]
    ]  # fmt: skip
    for item in WORKBOOK["items"]:
        if item["type"] == 3:
            assert item["content"]["timeContextFromParameter"] == time
    not_looked_at = next(query for name, query in VIEWS.items() if name.startswith("Not looked"))
    assert "leftanti" in not_looked_at and 'Status == "Closed"' in not_looked_at
    assert PushSettings().runs_table in VIEWS["Runs"], "Bicep replaces it by its parameter"


def test_the_watchlist_has_the_columns_of_the_seed():
    rows = csv.DictReader((DEPLOY / "watchlist.csv").read_text(encoding="utf-8").splitlines())
    assert tuple(rows.fieldnames) == suppressions.COLUMNS
    for row in rows:
        assert suppressions.problems(row) == []
    assert "itemsSearchKey: 'destination_network'" in BICEP


def test_the_custom_detection_maps_what_its_query_returns():
    projected, _ = words_of(DETECTION.rpartition("| project")[2])
    named = set(re.findall(r"Column: '(\w+)'", DETECTION_BICEP))
    named |= set(re.findall(r"{{(\w+)}}", DETECTION_BICEP))
    details = DETECTION_BICEP.partition("customDetails: {")[2].partition("}")[0]
    named |= set(re.findall(r": '(\w+)'", details))
    assert named <= projected and {"TimeGenerated", "Timestamp", "ReportId"} <= projected
    rule = {mapping["entityType"] for mapping in RULE["entityMappings"]}
    kinds = re.findall(r"^        (\w+): \[", DETECTION_BICEP, flags=re.M)
    assert {"ips": "IP", "hosts": "Host", "accounts": "Account", "dns": "DNS"}.keys() == set(kinds)
    assert len(rule) == len(kinds), "the entities of the analytics rule"


def test_each_severity_has_one_custom_detection():
    lists = re.findall(r"of: 'let severities = dynamic\((.*)\)'", DETECTION_BICEP)
    chosen = [severity for text in lists for severity in json.loads(text)]
    assert sorted(chosen) == sorted(SEVERITIES)
    all_of_them = re.search(r"var allSeverities = '(.*)'", DETECTION_BICEP)[1]
    assert all_of_them in DETECTION, "Bicep replaces this text"
    for number in ("usual_ports = dynamic", "grades = dynamic"):
        line = next(line for line in DETECTION.splitlines() if number in line)
        assert line.strip() in RULE["query"], "as in the analytics rule"
    extension = json.loads((DEFENDER / "bicepconfig.json").read_text())["extensions"]
    assert f"extension {next(iter(extension))}" in DETECTION_BICEP


# --- The solution -------------------------------------------------------------------------------


def test_the_solution_has_all_that_is_deployed_in_the_layout_of_azures_repository(tmp_path):
    spec = importlib.util.spec_from_file_location("solution", DEPLOY / "solution.py")
    solution = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(solution)
    folder = solution.lay_out(tmp_path)
    assert folder == tmp_path / "Solutions/Network Beaconing"
    data = json.loads((folder / "Data/Solution_NetworkBeaconing.json").read_text())
    listed = {file for files in data.values() if isinstance(files, list) for file in files}
    written = {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}
    assert written - listed == {
        "Data/Solution_NetworkBeaconing.json", data["Metadata"], "ReleaseNotes.md"
    }  # fmt: skip
    assert listed < written
    # Whatever main.bicep loads is there, apart from the tables' columns.
    content = "".join((folder / file).read_text(encoding="utf-8") for file in listed)
    for file in re.findall(r"load(?:Text|Yaml)Content\('([^']+)'\)", BICEP):
        in_it = (DEPLOY / file).read_text(encoding="utf-8")
        assert in_it in content or json.dumps(in_it) in content or file.endswith(".kql"), file
    (parser,) = [folder / file for file in data["Parsers"]]
    assert yaml.safe_load(parser.read_text(encoding="utf-8"))["FunctionQuery"] == FUNCTION
    (watchlist,) = json.loads((folder / data["Watchlists"][0]).read_text())["resources"]
    for name in ("displayName", "description", "itemsSearchKey", "contentType"):
        assert f"{name}: '{watchlist['properties'][name]}'" in BICEP
    assert f"| {data['Version']} |" in (folder / "ReleaseNotes.md").read_text()
