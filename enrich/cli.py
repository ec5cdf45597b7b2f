"""The command line: `network-beaconing`, the same as `python -m enrich`.

The work is done in the other modules.
"""

from __future__ import annotations

import datetime as dt
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from enrich import listing, suppressions
from enrich import settings as settings_file
from enrich.contract import is_looked_up
from enrich.export import (
    MOST_REJECTED,
    Export,
    Unpacked,
    age_in_words,
    rank,
    read_before,
    read_enriched,
    read_export,
    said_of,
    unpacked,
    write_enriched,
)
from enrich.lookups.addresses import public_addresses
from enrich.lookups.ask import Outcome
from enrich.lookups.cache import Cache
from enrich.lookups.kind import Lookup, Unavailable
from enrich.lookups.registry import KINDS, make_all
from enrich.lookups.run import enrich
from enrich.push import run as pushing
from enrich.settings import Settings
from enrich.severity import known_bad
from enrich.sources import Sources
from enrich.storage import write_text
from enrich.words import SettingsError, UserError, visible

PARTIAL = 3
WRONG_USE = 2
MOST_ROWS = 25  # of the findings that `run` prints
WIDTH_OF_HELP = 100

app = typer.Typer(
    help="From the findings of a run to an analyst: look up the destinations, draw a report, push "
    "to Microsoft Sentinel. Without settings only `report` does something; enrich.example.toml "
    "says what there is to set. Exit codes: 0 all done, 1 nothing done, 2 wrong use or settings, "
    "3 done in part (some lookups or rows failed; run: or more than 5 % of the lines unusable).",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"max_content_width": WIDTH_OF_HELP, "terminal_width": WIDTH_OF_HELP},
)

ExportRoot = Annotated[
    str | None,
    typer.Argument(
        help="folder or abfss:// URL that the var export_root names (default: the setting)"
    ),
]
ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", help="TOML file with the settings (default: the project's)"),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="say what would be done; ask, write and send nothing")
]
ReportFile = Annotated[
    str | None,
    typer.Option("--output", help="HTML file to write (default: report.html in EXPORT_ROOT)"),
]
BeaconId = Annotated[
    str, typer.Argument(metavar="ID", help="id of a finding, or the beginning of it")
]
Reason = Annotated[str, typer.Option(help="why the traffic is known to be harmless")]
Owner = Annotated[str, typer.Option(help="who vouches for that")]
Days = Annotated[int, typer.Option(min=1, max=3660, help="for how many days from today")]
Seed = Annotated[Path, typer.Option(help="CSV file of the seed suppressions")]
Write = Annotated[bool, typer.Option("--write", help="add what is shown to the seed")]


# --- Commands -----------------------------------------------------------------------------------


def say_version(wanted: bool) -> None:
    """Print the version and end."""
    if wanted:
        say(f"network-beaconing {version_of('network-beaconing')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", help="print the version", callback=say_version, is_eager=True),
    ] = False,
) -> None:
    """Take the options that belong to no command; the help of the app stands above."""


@app.command()
def run(
    export_root: ExportRoot = None,
    config_file: ConfigFile = None,
    output: ReportFile = None,
    dry_run: DryRun = False,
) -> None:
    """Do all steps: check the export, look up, report, push if configured."""
    settings, export = start(config_file, export_root, before_reading=check_push)
    enriched, code = do_lookup(settings, export.findings, dry_run)
    print_findings(enriched[:MOST_ROWS])
    if len(enriched) > MOST_ROWS:
        say(f"… and {len(enriched) - MOST_ROWS} more: {program()} show")
    do_report(settings, export, enriched, output, dry_run)
    if export.rejected_share > MOST_REJECTED:
        code = PARTIAL
    if not settings.push.endpoint:
        say("Push: not configured (push.endpoint); nothing was sent")
        raise typer.Exit(code)
    try:
        failed = do_push(settings, enriched, dry_run, export.run)
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
    settings, export = start(config_file, export_root)
    raise typer.Exit(do_lookup(settings, export.findings, dry_run)[1])


@app.command()
def report(
    export_root: ExportRoot = None,
    config_file: ConfigFile = None,
    output: ReportFile = None,
    dry_run: DryRun = False,
) -> None:
    """Draw the report: one HTML file, with what `lookup` found."""
    settings, export = start(config_file, export_root)
    enriched = read_enriched(settings.export_root, export.findings)
    do_report(settings, export, enriched, output, dry_run)


@app.command()
def push(
    export_root: ExportRoot = None,
    config_file: ConfigFile = None,
    dry_run: DryRun = False,
    retry_rejected: Annotated[
        bool, typer.Option("--retry-rejected", help="send what was set aside again")
    ] = False,
    forget_rejected: Annotated[
        bool, typer.Option("--forget-rejected", help="delete what was set aside")
    ] = False,
    from_rule: Annotated[
        str | None,
        typer.Option(help="id of an earlier rule: send what waits for it to the present one"),
    ] = None,
) -> None:
    """Send the findings, and what waits in the outbox, to Microsoft Sentinel."""
    settings, export = start(config_file, export_root, before_reading=need_endpoint)
    if not dry_run and (retry_rejected or forget_rejected or from_rule):
        for said in pushing.change_outbox(
            settings.push, from_rule, retry_rejected, forget_rejected
        ):
            say(said)
    enriched = read_enriched(settings.export_root, export.findings)
    raise typer.Exit(do_push(settings, enriched, dry_run, export.run))


@app.command()
def status(export_root: ExportRoot = None, config_file: ConfigFile = None) -> None:
    """Say what the export holds, if it was looked up, and what was pushed."""
    settings, export = start(config_file, export_root)
    if run := export.run:
        fates: Counter[str] = Counter()
        for fate in run["fates"] or []:
            fates[fate["fate"]] += fate["line_count"]
        said = ", ".join(f"{count} {visible(fate)}" for fate, count in fates.most_common())
        say(f"Lines of the day: {run['line_count']} ({said or 'none'})")
        say(f"Duration: {run['duration_seconds']} s")
    suppressed = sum(finding.get("suppressed") is True for finding in export.findings)
    say(f"Findings: {len(export.findings)}, {suppressed} of them suppressed")
    for row in (export.run or {}).get("idle_suppressions") or []:
        if not row["state"].startswith(("expired", "cannot be used")):  # it was warned of those
            say(f"Suppression, {visible(row['state'])}: {visible(row['suppression'])}")
    if export.findings:
        done = is_looked_up(read_enriched(settings.export_root, export.findings))
        say(f"Lookups: {'done' if done else 'not done for this run'}")
    say(f"Ledger: {settings.push.ledger}")
    destinations = pushing.status(settings.push)
    for destination in destinations:
        say(f"Pushed to {destination}")
    if not destinations:
        say("Pushed: nothing")


@app.command()
def show(
    export_root: ExportRoot = None,
    config_file: ConfigFile = None,
    severity: Annotated[
        str | None, typer.Option(help="this severity or a worse one: critical, high, medium, low")
    ] = None,
    new: Annotated[bool, typer.Option("--new", help="only beacons that began today")] = False,
    source: Annotated[
        str | None, typer.Option(help="address, network, or part of the name of a host or user")
    ] = None,
    destination: Annotated[
        str | None, typer.Option(help="address, network, or part of a name or owner")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="so many at most")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="print CSV with every column")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="print JSON, an object a line, with every column")
    ] = False,
) -> None:
    """Print the findings, a line each, the strongest first."""
    settings, export = start(config_file, export_root, machine=as_csv or as_json)
    findings = listing.chosen(
        read_enriched(settings.export_root, export.findings),
        severity,
        new,
        source,
        destination,
        limit,
    )
    if as_csv:
        listing.write_csv(Unpacked(findings), sys.stdout)
    elif as_json:
        listing.write_json(Unpacked(findings), sys.stdout)
    else:
        print_findings(findings, len(export.findings))


@app.command()
def explain(
    beacon_id: BeaconId,
    export_root: ExportRoot = None,
    config_file: ConfigFile = None,
) -> None:
    """Say all that is known of one finding, and why it is one."""
    _, finding = start_with(beacon_id, config_file, export_root)
    print_lines(listing.explained(unpacked(finding)))


@app.command()
def diff(
    export_root: ExportRoot = None,
    config_file: ConfigFile = None,
    before: Annotated[
        str | None,
        typer.Option(help="EXPORT_ROOT of another run (default: the run before, if looked up)"),
    ] = None,
) -> None:
    """Say which beacons are new, gone or changed since the run before."""
    settings, export = start(config_file, export_root)
    findings = read_enriched(settings.export_root, export.findings)
    if before:
        old = read_enriched(before, read_export(before).findings)
    else:
        old = read_before(settings.export_root)
        if old is None:
            raise UserError(
                f"{settings.export_root} has nothing of a run before: `lookup` keeps it when it "
                "is called for the next run. Name another export: --before EXPORT_ROOT."
            )
    if old:
        say(f"Before: the run {said_of(old[0])}")
    lines = list(listing.differences(old, findings))
    print_lines(lines or ["No beacon is new, gone or changed."])


@app.command()
def suppress(
    beacon_id: BeaconId,
    export_root: ExportRoot = None,
    config_file: ConfigFile = None,
    reason: Reason = "",
    owner: Owner = "",
    days: Days = suppressions.DAYS,
    seed: Seed = suppressions.SEED,
    write: Write = False,
) -> None:
    """Show the suppression of a finding; with --write, add it to the seed."""
    export, finding = start_with(beacon_id, config_file, export_root)
    if finding.get("suppressed") is True:
        by = "; ".join(map(visible, finding.get("suppressed_by") or []))
        raise UserError(f"{visible(finding['beacon_id'])} is suppressed already: {by}")
    row = suppressions.row_of(finding, reason, owner, day_in(days))
    if wrong := suppressions.problems(row):
        raise SettingsError(f"{'; '.join(wrong)}. Give --reason and --owner.")
    if not suppressions.has_address(finding):
        warn(
            "the destination is no address: the row hides every destination of this source on "
            "this port at this pace."
        )
    if not write_suppressions([row], export.findings, seed, write):
        raise typer.Exit(1)


@app.command("suppress-from")
def suppress_from(
    file: Annotated[
        Path,
        typer.Argument(help="a watchlist or incidents, as CSV or JSON that Sentinel exported"),
    ],
    export_root: ExportRoot = None,
    config_file: ConfigFile = None,
    owner: Owner = "",
    days: Days = suppressions.DAYS,
    seed: Seed = suppressions.SEED,
    write: Write = False,
) -> None:
    """Show the suppressions in a watchlist, or of benign incidents; --write adds them."""
    settings, export = start(config_file, export_root)
    items = suppressions.read_items(file)
    findings = read_enriched(settings.export_root, export.findings)
    rows = []
    for what, row, problem in suppressions.suggested(items, findings, owner, day_in(days)):
        if row is None:
            say(f"not used, {visible(what)}: {problem}")
        elif row not in rows:
            rows.append(row)
    say(f"{visible(str(file))}: {len(items)} items, {len(rows)} suppressions")
    write_suppressions(rows, export.findings, seed, write)


def main() -> None:
    """Run the command line; print a user's mistake as a sentence, without a stack trace."""
    try:
        app(prog_name=program())
    except UserError as error:
        complain(error)
        sys.exit(WRONG_USE if isinstance(error, SettingsError) else 1)


# --- Steps --------------------------------------------------------------------------------------


def start(
    config_file: Path | None,
    export_root: str | None,
    before_reading: Callable[[Settings], None] = lambda settings: None,
    machine: bool = False,
) -> tuple[Settings, Export]:
    """Read settings and export, and say which; export_root overrides the setting.

    With `machine`, standard output is for another program, and words go to standard error.
    """
    settings = settings_file.load(config_file)
    if export_root:
        settings.export_root = export_root
    typer.echo(f"Settings: {settings_file.said_of_file(config_file)}", err=machine)
    if not config_file and (stray := settings_file.stray_file()):
        warn(f"{stray} is not read: name it by --config")
    before_reading(settings)
    export = read_export(settings.export_root)
    if row := export.of_the_run:
        vendors = " and ".join(visible(vendor) for vendor in export.vendors)
        age = f", {age_in_words(row['run_started_at'])} ago" if row["run_started_at"] else ""
        typer.echo(f"Export: {settings.export_root}", err=machine)
        typer.echo(
            f"Day: {row['end_date']}, {len(export.findings)} findings of {vendors} by the run "
            f"{said_of(row)}{age}",
            err=machine,
        )
    for warning in export.warnings:
        warn(warning)
    return settings, export


def start_with(
    beacon_id: str, config_file: Path | None, export_root: str | None
) -> tuple[Export, dict[str, Any]]:
    """Read settings and export, and find one finding by the beginning of its id."""
    settings, export = start(config_file, export_root)
    findings = read_enriched(settings.export_root, export.findings)
    return export, listing.find(findings, beacon_id)


def day_in(days: int) -> dt.date:
    """Return the day that is so many days from today, UTC."""
    return dt.datetime.now(dt.timezone.utc).date() + dt.timedelta(days)


def write_suppressions(
    rows: list[suppressions.Row], findings: list[dict[str, Any]], seed: Path, write: bool
) -> bool:
    """Show rows that the seed does not have, and add them if told; tell if one is new."""
    kept = suppressions.read_seed(seed)[1]
    new = []
    for row in rows:
        if line := suppressions.same(row, kept, day_in(0)):
            say(f"{seed}, line {line} hides that already: {visible(suppressions.line_of(row))}")
        else:
            new.append(row)
    lines = suppressions.add(new, seed) if new and write else [None] * len(new)
    for line, row in zip(lines, new):
        hidden = sum(suppressions.covers(row, finding) for finding in findings)
        place = f"line {line}" if line else "would be added"
        say(f"{seed}, {place}: {visible(suppressions.line_of(row))}")
        say(f"  hides {hidden} of {len(findings)} findings of this export")
    if new and not write:
        say("Nothing was written: --write does.")
    elif new:
        say("`dbt build` reads it, or `dbt seed` and then `dbt run`.")
    return bool(new)


def check_push(settings: Settings) -> None:
    """Check the push settings if a push is configured or required."""
    if settings.push.endpoint:
        settings.push.check()
    elif settings.push.required:
        need_endpoint(settings)


def need_endpoint(settings: Settings) -> None:
    """Refuse a push without an endpoint."""
    if not settings.push.endpoint:
        raise SettingsError(
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
    sources = Sources(settings.sources)
    cache = open_cache(settings, lookups)
    with progress_bar() as bar:
        tasks = {lookup.name: bar.add_task(lookup.name, total=len(addresses)) for lookup in lookups}
        enriched, outcomes = enrich(
            findings,
            lookups,
            cache,
            lambda name, done, total: bar.update(tasks[name], completed=done, total=total),
            sources,
        )
    cache.close()
    if settings.sources:
        known = sum(finding["source_criticality"] is not None for finding in enriched)
        note = f" ({sources.note})" if sources.note else ""
        say(f"  sources: {known} of {len(enriched)} findings have one that is known{note}")
    for outcome in outcomes:
        say_outcome(outcome)
    enriched.sort(key=rank)
    counts = Counter(map(known_bad, enriched))
    if enriched:
        said = ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))
        say(f"Known bad destinations, by finding: {said}")
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
    settings: Settings,
    export: Export,
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
    # What `lookup` kept is of the run before only once it was called for this run.
    before = read_before(settings.export_root) if is_looked_up(findings) else None
    page = render(
        Unpacked(findings),
        run=export.run,
        warnings=export.warnings,
        before=before,
        links=settings.report_links,
    )
    write_text(url, page)
    say(f"Report: {url}")


def do_push(
    settings: Settings,
    findings: list[dict[str, Any]],
    dry_run: bool,
    run: dict[str, Any] | None,
) -> int:
    """Push the findings and the row of their run, and return the exit code."""
    say(f"Push to {settings.push.destination_of(settings.push.table)}")
    say(f"Ledger: {settings.push.ledger}")
    with progress_bar() as bar:
        task = bar.add_task("push", total=len(findings))
        result = pushing.push(
            Unpacked(findings),
            settings.push,
            lambda done, total: bar.update(task, completed=done, total=total),
            dry_run,
            run,
            warn,
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


def print_findings(findings: list[dict[str, Any]], of: int | None = None) -> None:
    """Print findings, a line each; `of` says from how many they were chosen."""
    if findings:
        print_lines(listing.lines_of(findings))
    elif of:
        say(f"None of {of} findings is such.")
    else:
        say("No connection beacons at these thresholds: the export is there, and empty.")


def print_lines(lines: Iterable[str]) -> None:
    """Print lines; on a terminal each is cut to its width."""
    width = Console().width if sys.stdout.isatty() else None
    for line in lines:
        say(line if width is None else listing.shortened(line, width))


def warn(text: str) -> None:
    """Print a warning to standard error."""
    typer.echo(f"warning: {text}", err=True)


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
