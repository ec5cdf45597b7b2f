"""Firewall logs with planted implants, for the demo, the tests and the benchmarks."""

from samples.day import Skew
from samples.faults import FAULT_OPTIONS
from samples.tree import EXPORT_ROOT, MINIMUM_ROWS_PER_DAY, TABLE_FOLDER, GeneratorError, generate

__all__ = [
    "EXPORT_ROOT",
    "FAULT_OPTIONS",
    "MINIMUM_ROWS_PER_DAY",
    "TABLE_FOLDER",
    "GeneratorError",
    "Skew",
    "generate",
]
