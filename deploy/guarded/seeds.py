"""Seeds as people save them: dbt itself stops at one that is not UTF-8, and does not name it."""

from __future__ import annotations

from pathlib import Path

from dbt.flags import get_flags
from dbt_common.exceptions import DbtConfigError


def refuse_seeds_that_are_not_utf8() -> None:
    """Raise `DbtConfigError` with file, line and cure if a seed of the project is not UTF-8."""
    project = Path(getattr(get_flags(), "PROJECT_DIR", None) or ".")
    # An editor's lock is a link to nothing, with the name of the seed.
    for file in filter(Path.is_file, sorted((project / "seeds").rglob("*.csv"))):
        content = file.read_bytes()
        try:
            content.decode("utf-8")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            raise DbtConfigError(
                f"the seed {file} is not UTF-8: byte 0x{content[error.start]:02x} in line {line}. "
                "Save it as UTF-8 (in Excel: CSV UTF-8), and run again"
            ) from None
