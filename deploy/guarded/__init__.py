"""The adapter of dbt-spark for one command at a time, with errors in a few lines."""

from pathlib import Path

from dbt.adapters.base import AdapterPlugin
from dbt.adapters.guarded.adapter import GuardedAdapter, GuardedCredentials

Plugin = AdapterPlugin(
    adapter=GuardedAdapter,
    credentials=GuardedCredentials,
    include_path=str(Path(__file__).parent / "include"),
    dependencies=["spark"],
    project_name="dbt_guarded",
)
