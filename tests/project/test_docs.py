"""What the README, the pages and the overview name exists. No Spark.

Names are looked for in code style: `like_this`, and in blocks of shell commands.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from enrich.cli import app
from enrich.contract import LOOKUP_COLUMNS

PROJECT = Path(__file__).parents[2]
PAGES = [
    PROJECT / name
    for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "models/overview.md")
]
# The benchmark's page is generated, and names what there was when it was measured.
PAGES += sorted(p for p in (PROJECT / "docs").rglob("*.md") if p.name != "benchmark.md")
IDS = [str(page.relative_to(PROJECT)) for page in PAGES]

# Files and folders that commands make, or people.
MADE = {
    ".venv",
    "output",
    "target",
    "profiles.yml",
    "enrich.toml",
    "my.toml",
    "job.yml",
    "enriched.jsonl",
    "network_beaconing_runs",
}
# Words of Spark, dbt and Azure, and values of vars.
FOREIGN = {"dbt", "dbt_utils", "error", "from_json", "server_side_parameters", "try_cast"}
FOREIGN |= {"unit_test", "vacuum", "warn", "environment", "identity", "ip_whois", "env_var"}
FOREIGN |= {"dispatch"}
FOREIGN |= {"auto", "delta", "parquet", "yesterday"}


def read_yaml(path: Path) -> dict:
    return yaml.safe_load(path.read_text())


def entries(kind: str) -> list[dict]:
    files = [*(PROJECT / "models").rglob("*.yml"), *(PROJECT / "seeds").rglob("*.yml")]
    return [entry for file in files for entry in read_yaml(file).get(kind, [])]


VARS = set(read_yaml(PROJECT / "dbt_project.yml")["vars"])
MODELS = {path.stem: path for path in (PROJECT / "models").rglob("*.sql")}
SEEDS = {path.stem for path in (PROJECT / "seeds").rglob("*.csv")}
SOURCES = {s["name"]: {table["name"] for table in s["tables"]} for s in entries("sources")}
COLUMNS = {
    entry["name"]: {column["name"] for column in entry.get("columns", [])}
    for entry in [
        *entries("models"),
        *entries("seeds"),
        *(t for s in entries("sources") for t in s["tables"]),
    ]
}
MACROS = set(
    re.findall(
        r"{%-? (?:macro|test) (\w+)",
        "".join(
            path.read_text()
            for folder in ("macros", "tests/data")
            for path in (PROJECT / folder).rglob("*.sql")
        ),
    )
)
SELECTORS = {entry["name"] for entry in read_yaml(PROJECT / "selectors.yml")["selectors"]}
TARGETS = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
TARGETS_OF_DBT = set(read_yaml(PROJECT / "profiles.yml.example")["network_beaconing"]["outputs"])
COMMANDS = {command.name or command.callback.__name__ for command in app.registered_commands}
# Settings of enrich by section; what is before the first has none.
SETTINGS = {
    section: set(re.findall(r"^(\w+) = ", text, re.MULTILINE))
    for section, text in re.findall(
        r"^\[(\w*)\](.*?)(?=^\[|\Z)",
        "[]\n" + (PROJECT / "enrich.example.toml").read_text(),
        re.MULTILINE | re.DOTALL,
    )
}

NAMES = VARS | set(MODELS) | SEEDS | MACROS | SELECTORS | COMMANDS | TARGETS_OF_DBT | FOREIGN
NAMES |= set(LOOKUP_COLUMNS)
NAMES = NAMES.union(SOURCES, *SOURCES.values(), *COLUMNS.values(), *SETTINGS.values())


def blocks(page: Path) -> list[str]:
    """Blocks of shell commands."""
    return re.findall(r"^```sh\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


def spans(page: Path) -> list[str]:
    """Texts in code style within sentences."""
    prose = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    return [text for _, text in re.findall(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", prose)]


def code(page: Path) -> list[str]:
    return blocks(page) + spans(page)


def found(page: Path, pattern: str) -> list[str]:
    return [name for text in code(page) for name in re.findall(pattern, text)]


def names(page: Path) -> set[str]:
    """Names of vars, models, columns and the like; the changelog has names of the past."""
    if page.name == "CHANGELOG.md":
        return set()
    plain = {text for text in spans(page) if re.fullmatch(r"[a-z][a-z0-9_]*[a-z0-9]", text)}
    operations = found(page, r"run-operation (?:network_beaconing\.)?(\w+)")
    return plain | set(found(page, r"--select \+?(\w+)")) | set(operations)


def vars_given(page: Path) -> set[str]:
    """Vars with a value: in --vars '{…}', by echo, or as `name: value`."""
    given = set(found(page, r"^(\w+): ")) | set(found(page, r"echo '(\w+): "))
    for text in re.findall(r"--vars ['\"]\{(.*?)\}['\"]", page.read_text()):
        given |= set(re.findall(r"(?:^|, )(\w+): ", text))
    return given - {"findings", "dry_run"}  # arguments of drop_old_days


def dotted(page: Path) -> set[tuple[str, str]]:
    """Settings of enrich, tables of a source, columns of a model: `where.what`."""
    pairs = {tuple(text.split(".")) for text in spans(page) if re.fullmatch(r"\w+\.\w+", text)}
    pairs |= {tuple(name.split(".")) for name in found(page, r"^(\w+\.\w+) = ")}
    return {pair for pair in pairs if pair[0] in {*SETTINGS, *SOURCES, *COLUMNS}}


def paths(page: Path) -> set[str]:
    """Paths from the project's folder; with stars they are patterns."""
    rooted = r"(?<![\w/.:@=~*<-])(?:\.?[A-Za-z_][\w.-]*/)+[\w.*-]*"
    with_end = r"(?<![\w/.:@=~*<-])[\w-]+\.(?:md|yml|toml|sql|py|sh|in|txt|bicep|jsonl?)(?![\w.])"
    named = {
        name for name in found(page, rf"{rooted}|{with_end}") if name.split("/")[0] not in MADE
    }
    if page.name == "CHANGELOG.md":  # what has moved was there
        moved = page.read_text().partition("### Moved")[2].partition("\n## ")[0]
        named -= {
            name
            for row in moved.splitlines()
            for name in re.findall(r"`(.+?)`", row.split(" | ")[0])
        }
    return named


def modules(page: Path) -> set[str]:
    return set(found(page, r"python -m ([\w.]+)"))


def makes(page: Path) -> set[str]:
    return set(found(page, r"\bmake ([a-z][a-z-]*)"))


def selectors(page: Path) -> set[str]:
    return set(found(page, r"--selector (\w+)"))


def commands(page: Path) -> set[str]:
    return set(found(page, r"python -m enrich ([a-z]\w*)"))


def links(page: Path) -> set[str]:
    found = re.findall(r"\]\(([^)\s]+)\)", page.read_text())
    return {link for link in found if not link.startswith("https://")}


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.fixture(params=PAGES, ids=IDS)
def page(request: pytest.FixtureRequest) -> Path:
    return request.param


def test_every_name_in_code_style_exists(page: Path):
    assert names(page) - NAMES == set()


def test_every_var_that_is_given_exists(page: Path):
    assert vars_given(page) - VARS == set()


def test_every_setting_column_and_source_exists(page: Path):
    if page.name == "CHANGELOG.md":
        pytest.skip("names what there was")
    has = {**COLUMNS, **SOURCES, **SETTINGS}
    assert {(where, what) for where, what in dotted(page) if what not in has[where]} == set()


def test_every_path_exists(page: Path):
    assert {name for name in paths(page) if not any(PROJECT.glob(name.rstrip("/")))} == set()


def test_every_link_leads_somewhere(page: Path):
    broken = set()
    for link in links(page):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.add(link)
    assert broken == set()


def test_every_python_module_exists(page: Path):
    def exists(module: str) -> bool:
        place = PROJECT.joinpath(*module.split("."))
        return place.with_suffix(".py").exists() or (place / "__main__.py").exists()

    assert {module for module in modules(page) if not exists(module)} == set()


def test_every_command_of_make_dbt_and_enrich_exists(page: Path):
    assert makes(page) - TARGETS == set()
    assert selectors(page) - SELECTORS == set()
    assert commands(page) - COMMANDS == set()


@pytest.mark.parametrize(
    "look", [names, vars_given, dotted, paths, links, modules, makes, selectors, commands]
)
def test_the_pages_name_what_is_looked_for(look):
    """Otherwise the tests above could not fail."""
    assert set().union(*map(look, PAGES))


def test_the_page_on_running_names_every_var_and_every_seed():
    assert set(spans(PROJECT / "docs/running.md")) >= VARS | SEEDS


def test_the_overview_names_every_model_in_its_layer():
    rows = re.findall(
        r"^\| (\w+) \| .+ \| (`.+) \|$", (PROJECT / "models/overview.md").read_text(), re.MULTILINE
    )
    layers = {path.parent.name for path in MODELS.values()}
    named = {layer: set(re.findall(r"`(\w+)`", text)) for layer, text in rows if layer in layers}
    there = {layer: {n for n, p in MODELS.items() if p.parent.name == layer} for layer in layers}
    assert named == there


def test_every_record_of_a_decision_is_listed():
    folder = PROJECT / "docs/decisions"
    assert links(folder / "README.md") == {p.name for p in folder.glob("*.md")} - {"README.md"}
