"""The dbt adapter of target `local`: Sail inside the dbt process, tables as Delta in a folder."""

from pathlib import Path

from dbt.adapters.base import AdapterPlugin
from dbt.adapters.embedded.adapter import EmbeddedAdapter
from dbt.adapters.embedded.connections import EmbeddedCredentials

Plugin = AdapterPlugin(
    adapter=EmbeddedAdapter,
    credentials=EmbeddedCredentials,
    include_path=str(Path(__file__).parent / "include"),
    dependencies=["sail"],
    project_name="dbt_embedded",
)
