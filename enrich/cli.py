"""The command line: `python -m enrich`. Thin: what it does is in the other modules."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from enrich import settings as config
from enrich.contract import is_looked_up
from enrich.export import read_enriched, read_findings, vendors_of, write_enriched
from enrich.lookups.ask import Cache, Lookup, Outcome, Unavailable, enrich, public_addresses
from enrich.push import sender as push
from enrich.push.ledger import LedgerError
from enrich.storage import write_text
from enrich.words import UserError, findings_table, visible

PARTIAL = 3
MOST_ROWS = 25  # of the table that `run` prints

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


def say(text: object = "") -> None:
    """Print for people; text of the logs has been made harmless before."""
    typer.echo(str(text))


def settings_of(file: Path | None, export_root: str | None) -> config.Settings:
    """Read the settings; the command line's export_root goes before the file's."""
    settings = config.load(file)
    if export_root:
        settings.export_root = export_root
    return settings


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """Show progress on standard error while it is a terminal."""
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


def make_lookups(settings: config.Settings) -> list[Lookup]:
    """Make every lookup of the settings; those that are off say so in their status column."""
    from enrich.lookups import location as local
    from enrich.lookups.ask import off

    place = settings.location
    lookups = [
        local.location(place.database, place.max_age_days, place.download),
        local.asn(settings.asn.database, settings.asn.max_age_days),
        local.feed(settings.feed.file),
    ]
    whois, ti, names = settings.whois, settings.ti, settings.reverse_dns
    if whois.enabled or ti.enabled or names.enabled:
        from enrich.lookups import threat_intelligence as remote
    if whois.enabled:
        lookups.append(remote.whois(whois.timeout_seconds, whois.per_second, whois.lifetime_days))
    else:
        lookups.append(off("whois", (), "off"))
    if ti.enabled:
        lookups += remote.threat_intelligence(
            ti.providers, ti.timeout_seconds, ti.per_second, ti.lifetime_days, ti.batch
        )
    else:
        lookups.append(off("ti", (), "off"))
    if names.enabled:
        lookups.append(
            remote.reverse_dns(
                names.nameservers,
                names.port,
                names.timeout_seconds,
                names.per_second,
                names.lifetime_days,
            )
        )
    else:
        lookups.append(off("reverse_dns", (), "off"))
    return lookups


def do_lookup(
    settings: config.Settings, findings: list[dict[str, Any]], dry_run: bool
) -> tuple[list[dict[str, Any]], list[Outcome]]:
    """Look up the destinations and write the enriched findings.

    Parameters
    ----------
    settings
        Which lookups, and where to write.
    findings
        Of the export.
    dry_run
        Only say what would be asked.

    Returns
    -------
    tuple of list and list
        The enriched findings, and an outcome a lookup.
    """
    addresses = public_addresses(findings)
    say(f"Lookups: {len(addresses)} public destinations of {len(findings)} findings")
    if dry_run:
        for name, table in (("whois", settings.whois), ("ti", settings.ti)):
            if table.enabled:
                say(f"  {name} would be asked over the network")
        if settings.reverse_dns.enabled:
            say("  reverse_dns would ask the name servers of whoever holds the addresses")
        for name, path in (
            ("location", settings.location.database),
            ("asn", settings.asn.database),
            ("feed", settings.feed.file),
        ):
            if path:
                say(f"  {name} would be read from {path}")
        return findings, []
    lookups = make_lookups(settings)
    try:
        cache = Cache(settings.cache if any(lookup.remote for lookup in lookups) else None)
    except Unavailable as error:
        say(f"  {error} Going on without it.")
        cache = Cache(None)
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
        if outcome.reason == "off":
            continue
        counts = ", ".join(f"{count} {status}" for status, count in sorted(outcome.counts.items()))
        say(f"  {outcome.name}: {counts or 'nothing to ask'}" + because(outcome.reason))
    say(f"Enriched findings: {write_enriched(settings.export_root, enriched)}")
    return enriched, outcomes


def because(reason: str) -> str:
    """Write a reason behind a figure; nothing where there is none."""
    return f" ({visible(reason)})" if reason else ""


def do_report(
    settings: config.Settings,
    findings: list[dict[str, Any]],
    output: str | None,
    dry_run: bool,
) -> None:
    """Draw the report and write it."""
    from enrich.report.render import render

    url = output or settings.report_url
    if dry_run:
        say(f"Report: would be written to {url}")
        return
    write_text(url, render(findings))
    say(f"Report: {url}")


def do_push(settings: config.Settings, findings: list[dict[str, Any]], dry_run: bool) -> int:
    """Push the findings, and return the exit code."""
    settings.push.dry_run = dry_run
    with progress_bar() as bar:
        task = bar.add_task("push", total=len(findings))
        result = push.push(
            findings,
            settings.push,
            lambda done, total: bar.update(task, completed=done, total=total),
        )
    say(f"Push: {result}")
    return result.exit_code


def exit_code_of(outcomes: list[Outcome]) -> int:
    """Return 3 if a lookup that the user asked for failed or could not be asked, else 0."""
    return PARTIAL if any(outcome.partial for outcome in outcomes) else 0


@app.command()
def run(
    export_root: ExportRoot = None,
    config_file: ConfigFile = None,
    output: ReportFile = None,
    dry_run: DryRun = False,
) -> None:
    """Do all steps: check the export, look up, report, push (if push.endpoint is set)."""
    settings = settings_of(config_file, export_root)
    if settings.push.endpoint:
        settings.push.check()
    findings = read_findings(settings.export_root)
    enriched, outcomes = do_lookup(settings, findings, dry_run)
    show_table(enriched[:MOST_ROWS])
    if len(enriched) > MOST_ROWS:
        say(f"… and {len(enriched) - MOST_ROWS} more: python -m enrich show")
    do_report(settings, enriched, output, dry_run)
    code = exit_code_of(outcomes)
    if settings.push.endpoint:
        try:
            failed = do_push(settings, enriched, dry_run)
        except (UserError, push.PushError, LedgerError) as error:
            typer.echo(f"error: {error}", err=True)
            failed = 1
        # A push that failed altogether has still left lookups and report done.
        code = PARTIAL if failed else code
    else:
        say("Push: not configured (push.endpoint); nothing was sent")
    raise typer.Exit(code)


@app.command()
def lookup(
    export_root: ExportRoot = None, config_file: ConfigFile = None, dry_run: DryRun = False
) -> None:
    """Look up the destinations and write enriched.jsonl beside the export."""
    settings = settings_of(config_file, export_root)
    findings = read_findings(settings.export_root)
    raise typer.Exit(exit_code_of(do_lookup(settings, findings, dry_run)[1]))


@app.command()
def report(
    export_root: ExportRoot = None,
    config_file: ConfigFile = None,
    output: ReportFile = None,
    dry_run: DryRun = False,
) -> None:
    """Draw the report, one HTML file that opens offline, with what `lookup` found."""
    settings = settings_of(config_file, export_root)
    findings = read_findings(settings.export_root)
    do_report(settings, read_enriched(settings.export_root, findings), output, dry_run)


@app.command(name="push")
def push_command(
    export_root: ExportRoot = None, config_file: ConfigFile = None, dry_run: DryRun = False
) -> None:
    """Send the findings, and what waits in the outbox, to the table in Microsoft Sentinel."""
    settings = settings_of(config_file, export_root)
    if not settings.push.endpoint:
        raise UserError(
            "push.endpoint is not set. Deploy deploy/sentinel/main.bicep and put its outputs into "
            "enrich.toml, or into ENRICH_PUSH_ENDPOINT and ENRICH_PUSH_RULE_ID."
        )
    findings = read_findings(settings.export_root)
    enriched = read_enriched(settings.export_root, findings)
    raise typer.Exit(do_push(settings, enriched, dry_run))


@app.command()
def status(export_root: ExportRoot = None, config_file: ConfigFile = None) -> None:
    """Say what the export holds, whether it was looked up, and what was pushed."""
    settings = settings_of(config_file, export_root)
    findings = read_findings(settings.export_root)
    if findings:
        first = findings[0]
        say(
            f"Export: {len(findings)} findings of {visible(' and '.join(vendors_of(findings)))} on "
            f"{first['end_date']}, run {visible(first['run_id'])}"
        )
        enriched = is_looked_up(read_enriched(settings.export_root, findings))
        say(f"Lookups: {'done' if enriched else 'not done for this run'}")
    else:
        say("Export: no findings")
    for destination in push.status(settings.push):
        say(f"Pushed to {destination}")


@app.command()
def show(export_root: ExportRoot = None, config_file: ConfigFile = None) -> None:
    """Print the findings as a table: which connections beacon, and why."""
    settings = settings_of(config_file, export_root)
    findings = read_findings(settings.export_root)
    show_table(read_enriched(settings.export_root, findings))


def show_table(findings: list[dict[str, Any]]) -> None:
    """Print findings as a table."""
    # Off a terminal there is no width to keep to, and narrow columns are hard to read in a log.
    console = Console(width=None if sys.stdout.isatty() else 160)
    if findings:
        console.print(findings_table(findings))
    else:
        console.print("No connection beacons at these thresholds: the export is there, and empty.")


def main() -> None:
    """Run the command line; a user's mistake is told in a sentence, without a stack trace."""
    try:
        app(prog_name="python -m enrich")
    except (UserError, push.PushError, LedgerError) as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(1)
