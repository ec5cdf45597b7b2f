"""The notebook of the data lake is the one that the models give."""

from __future__ import annotations

from deploy.lake.notebook import COMMAND, NOTEBOOK, write_notebook


def test_the_notebook_is_as_new_as_the_models():
    assert NOTEBOOK.read_text("utf-8") == write_notebook(), (
        f"the models, seeds or vars have changed since {NOTEBOOK.name} was made. Run {COMMAND}"
    )
