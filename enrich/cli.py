"""The command line: `network-beaconing`, the same as `python -m enrich`.

The work is done in the other modules.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from enrich import settings as settings_file
from enrich.contract import is_looked_up
from enrich.export import read_enriched, read_findings, vendors_of, write_enriched
from enrich.lookups.addresses import public_addresses
from enrich.lookups.ask import Outcome
from enrich.lookups.cache import Cache
from enrich.lookups.kind import Lookup, Unavailable
from enrich.lookups.registry import KINDS, make_all
from enrich.lookups.run import enrich
from enrich.push import run as pushing
from enrich.settings import Settings
from enrich.storage import write_text
from enrich.words import UserError, findings_table, visible

PARTIAL = 3
MOST_ROWS = 25  # of the table that `run` prints
WIDTH_OF_A_LOG = 160  # characters: a file has no width, and narrow columns read badly

app = typer.Typer(
    help="From the findings of a run to an analyst: look up the destinations, draw a report, push "
    "to Microsoft Sentinel. Without settings only `report` does something; enrich.example.toml "
    "says what there is to set. Exit codes: 0 all done, 1 nothing done, 2 wrong use, 3 done in "
    "part (some lookups or rows failed).",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

ExportRoot = Annotated[
    str | None,
    typer.Argument(
        help="folder or abfss:// URL that the var export_root names (default: the setting)"
    ),
]
ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", help="TOML file with the settings (default: enrich.toml, if there)"),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="say what would be done; ask, write and send nothing")
]
ReportFile = Annotated[
    str | None,
    typer.Option("--output", help="HTML file to write (default: report.html in EXPORT_ROOT)"),
]


# --- Commands -----------------------------------------------------------------------------------


@app.command()
def run(
    export_root: ExportRoot = None,
    config_file: ConfigFile = None,
    output: ReportFile = None,
    dry_run: DryRun = False,
) -> None:
    """Do all steps: check the export, look up, report, push (if push.endpoint is set)."""
    settings, findings = start(config_file, export_root, before_reading=check_push)
    enriched, code = do_lookup(settings, findings, dry_run)
    show_table(enriched[:MOST_ROWS])
    if len(enriched) > MOST_ROWS:
        say(f"… and {len(enriched) - MOST_ROWS} more: {program()} show")
    do_report(settings, enriched, output, dry_run)
    if not settings.push.endpoint:
        say("Push: not configured (push.endpoint); nothing was sent")
        raise typer.Exit(code)
    try:
        failed = do_push(settings, enriched, dry_run)
    except UserError as error:
        complain(error)
        failed = 1
    # Even if the whole push failed, lookups and report are done: the run is partial.
    raise typer.Exit(PARTIAL if failed else code)


@app.command()
def lookup(
    export_root: ExportRoot = None, config_file: ConfigFile = None, dry_run: DryRun = False
) -> None:
    """Look up the destinations and write enriched.jsonl beside the export."""
    settings, findings = start(config_file, export_root)
    raise typer.Exit(do_lookup(settings, findings, dry_run)[1])


@app.command()
def report(
    export_root: ExportRoot = None,
    config_file: ConfigFile = None,
    output: ReportFile = None,
    dry_run: DryRun = False,
) -> None:
    """Draw the report, one HTML file that opens offline, with what `lookup` found."""
    settings, findings = start(config_file, export_root)
    do_report(settings, read_enriched(settings.export_root, findings), output, dry_run)


@app.command()
def push(
    export_root: ExportRoot = None, config_file: ConfigFile = None, dry_run: DryRun = False
) -> None:
    """Send the findings, and what waits in the outbox, to the table in Microsoft Sentinel."""
    settings, findings = start(config_file, export_root, before_reading=need_endpoint)
    enriched = read_enriched(settings.export_root, findings)
    raise typer.Exit(do_push(settings, enriched, dry_run))


@app.command()
def status(export_root: ExportRoot = None, config_file: ConfigFile = None) -> None:
    """Say what the export holds, whether it was looked up, and what was pushed."""
    settings, findings = start(config_file, export_root)
    if findings:
        first = findings[0]
        say(
            f"Export: {len(findings)} findings of {visible(' and '.join(vendors_of(findings)))} on "
            f"{first['end_date']}, run {visible(first['run_id'])}"
        )
        done = is_looked_up(read_enriched(settings.export_root, findings))
        say(f"Lookups: {'done' if done else 'not done for this run'}")
    else:
        say("Export: no findings")
    for destination in pushing.status(settings.push):
        say(f"Pushed to {destination}")


@app.command()
def show(export_root: ExportRoot = None, config_file: ConfigFile = None) -> None:
    """Print the findings as a table: which connections beacon, and why."""
    settings, findings = start(config_file, export_root)
    show_table(read_enriched(settings.export_root, findings))


def main() -> None:
    """Run the command line; print a user's mistake as a sentence, without a stack trace."""
    try:
        app(prog_name=program())
    except UserError as error:
        complain(error)
        sys.exit(1)


# --- Steps --------------------------------------------------------------------------------------


def start(
    config_file: Path | None,
    export_root: str | None,
    before_reading: Callable[[Settings], None] = lambda settings: None,
) -> tuple[Settings, list[dict[str, Any]]]:
    """Read settings and findings; export_root of the command line overrides the setting."""
    settings = settings_file.load(config_file)
    if export_root:
        settings.export_root = export_root
    before_reading(settings)
    return settings, read_findings(settings.export_root)


def check_push(settings: Settings) -> None:
    """Check the push settings if a push is configured."""
    if settings.push.endpoint:
        settings.push.check()


def need_endpoint(settings: Settings) -> None:
    """Refuse a push without an endpoint."""
    if not settings.push.endpoint:
        raise UserError(
            "push.endpoint is not set. Deploy deploy/sentinel/main.bicep and put its outputs into "
            "enrich.toml, or into ENRICH_PUSH_ENDPOINT and ENRICH_PUSH_RULE_ID."
        )


def do_lookup(
    settings: Settings, findings: list[dict[str, Any]], dry_run: bool
) -> tuple[list[dict[str, Any]], int]:
    """Look up the destinations, write the enriched findings, return them and the exit code."""
    addresses = public_addresses(findings)
    say(f"Lookups: {len(addresses)} public destinations of {len(findings)} findings")
    if dry_run:
        for kind in KINDS:
            if intention := getattr(settings, kind.name).intention():
                say(f"  {kind.name} {intention}")
        return findings, 0
    lookups = make_all(settings)
    cache = open_cache(settings, lookups)
    with progress_bar() as bar:
        tasks = {lookup.name: bar.add_task(lookup.name, total=len(addresses)) for lookup in lookups}
        enriched, outcomes = enrich(
            findings,
            lookups,
            cache,
            lambda name, done, total: bar.update(tasks[name], completed=done, total=total),
        )
    cache.close()
    for outcome in outcomes:
        say_outcome(outcome)
    say(f"Enriched findings: {write_enriched(settings.export_root, enriched)}")
    return enriched, PARTIAL if any(outcome.partial for outcome in outcomes) else 0


def open_cache(settings: Settings, lookups: list[Lookup]) -> Cache:
    """Open the cache for remote lookups; keep answers in memory if the file cannot be used."""
    try:
        return Cache(settings.cache if any(lookup.remote for lookup in lookups) else None)
    except Unavailable as error:
        say(f"  {error} Going on without it.")
        return Cache(None)


def do_report(
    settings: Settings, findings: list[dict[str, Any]], output: str | None, dry_run: bool
) -> None:
    """Draw the report and write it."""
    from enrich.report.render import render

    url = output or settings.report_url
    if dry_run:
        say(f"Report: would be written to {url}")
        return
    write_text(url, render(findings, settings.report_links))
    say(f"Report: {url}")


def do_push(settings: Settings, findings: list[dict[str, Any]], dry_run: bool) -> int:
    """Push the findings, and return the exit code."""
    with progress_bar() as bar:
        task = bar.add_task("push", total=len(findings))
        result = pushing.push(
            findings,
            settings.push,
            lambda done, total: bar.update(task, completed=done, total=total),
            dry_run,
        )
    say(f"Push: {result}")
    return result.exit_code


# --- Output -------------------------------------------------------------------------------------


def program() -> str:
    """Return the command by which the program was called."""
    called = Path(sys.argv[0])
    return "python -m enrich" if called.suffix == ".py" else called.name


def say(text: object) -> None:
    """Print to standard output; the caller has escaped any text from the logs."""
    typer.echo(str(text))


def complain(error: UserError) -> None:
    """Print an error that the user can fix."""
    typer.echo(f"error: {error}", err=True)


def say_outcome(outcome: Outcome) -> None:
    """Print how a lookup went; nothing if it is off."""
    if outcome.reason != "off":
        counts = ", ".join(f"{count} {status}" for status, count in sorted(outcome.counts.items()))
        reason = f" ({visible(outcome.reason)})" if outcome.reason else ""
        say(f"  {outcome.name}: {counts or 'nothing to ask'}{reason}")


def show_table(findings: list[dict[str, Any]]) -> None:
    """Print findings as a table."""
    console = Console(width=None if sys.stdout.isatty() else WIDTH_OF_A_LOG)
    if findings:
        console.print(findings_table(findings))
    else:
        console.print("No connection beacons at these thresholds: the export is there, and empty.")


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """Show progress on standard error if it is a terminal."""
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    ) as progress:
        yield progress
