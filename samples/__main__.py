"""Write firewall logs with planted beacons, as Log Analytics data export writes them.

    python -m samples OUT [--days 4] [--rows-per-day 40000] [--seed 7] [--faults all]

OUT gets the folder tree of an exported CommonSecurityLog table and `truth.json`, which says what
was planted and counts every line by kind. The same options give the same bytes.

Every periodic connection in the logs is an implant, or polls a popular destination, or is listed
under `benign` in truth.json. All public addresses are documentation and benchmark ranges.
"""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path
from typing import Annotated

import typer

from samples import FAULT_OPTIONS, MINIMUM_ROWS_PER_DAY, GeneratorError, Skew, generate


def main(
    out: Annotated[Path, typer.Argument(help="Folder for the logs; empty or absent.")],
    end_date: Annotated[
        dt.datetime, typer.Option(formats=["%Y-%m-%d"], help="Last day; implants are active on it.")
    ] = dt.datetime(2026, 9, 30),  # noqa: B008
    days: Annotated[int, typer.Option(min=1, max=366, help="Days up to the last one.")] = 4,
    rows_per_day: Annotated[
        int, typer.Option(min=MINIMUM_ROWS_PER_DAY, help="Rows a day, without the implants.")
    ] = 40_000,
    seed: Annotated[
        int, typer.Option(min=0, help="The same seed and options give the same bytes.")
    ] = 7,
    skew: Annotated[
        Skew, typer.Option(help="What half of the background events have in common.")
    ] = Skew.NONE,
    faults: Annotated[
        str, typer.Option(help=f"all, or a comma list of: {', '.join(FAULT_OPTIONS)}.")
    ] = "",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace logs that this program wrote to OUT.")
    ] = False,
) -> None:
    """Write firewall logs with planted beacons, as Log Analytics data export writes them.

    Prints the folder that holds the y= folders, then first and last day and the number of rows.
    What is planted, and how many lines there are of each kind, is in OUT/truth.json.
    """
    names = frozenset(name.strip() for name in faults.split(",") if name.strip())
    try:
        truth = generate(
            out,
            end_date=end_date.date(),
            days=days,
            rows_per_day=rows_per_day,
            seed=seed,
            skew=skew,
            faults=frozenset(FAULT_OPTIONS) if names == {"all"} else names,
            overwrite=overwrite,
            show_progress=sys.stderr.isatty(),
        )
    except GeneratorError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(2) from None
    except OSError as error:
        typer.echo(f"Error: cannot write {error.filename or out}: {error.strerror}.", err=True)
        raise typer.Exit(1) from None
    typer.echo(out.absolute() / truth["root"])
    typer.echo(f"{truth['first_day']} {truth['last_day']} {truth['lines']} rows")


if __name__ == "__main__":
    typer.run(main)
