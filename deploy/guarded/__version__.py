"""The adapter's version, where dbt looks for it: that of the project."""

from importlib.metadata import version as version_of

version = version_of("network-beaconing")
