"""Run `python -m samples OUT`."""

import typer

from samples.logs import main

typer.run(main)
