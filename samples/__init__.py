"""Firewall logs with planted implants, for the demo, the tests and the benchmarks."""

from samples.traffic import (
    EXPORT_ROOT,
    FAULT_OPTIONS,
    MINIMUM_ROWS_PER_DAY,
    TABLE_FOLDER,
    Skew,
    generate,
)

__all__ = [
    "EXPORT_ROOT",
    "FAULT_OPTIONS",
    "MINIMUM_ROWS_PER_DAY",
    "TABLE_FOLDER",
    "Skew",
    "generate",
]
