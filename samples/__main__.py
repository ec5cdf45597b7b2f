"""Run `python -m samples OUT`."""

import typer

from samples.traffic import main

typer.run(main)
