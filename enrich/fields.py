"""Types of settings: what a value may be, and where a relative path starts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo

PROJECT = Path(__file__).parents[1]  # where default paths start, whatever the working folder is
MOST = 1e9  # upper bound of every number: no real count or duration comes near it


class Section(BaseModel):
    """A table of the settings file; an unknown name is an error."""

    model_config = ConfigDict(extra="forbid")


def folder_of(info: ValidationInfo) -> Path | None:
    """Return the folder of the settings file; None for values from elsewhere."""
    return (info.context or {}).get("folder")


def as_path(value: Any, info: ValidationInfo) -> Path:  # noqa: ANN401 (anything that TOML can hold)
    """Read a path; in the settings file, a relative path starts at the folder of the file."""
    if not isinstance(value, (str, Path)) or not str(value):
        raise ValueError("give a path.")
    return (folder_of(info) or Path()) / Path(value).expanduser()


def as_optional_path(value: Any, info: ValidationInfo) -> Path | None:  # noqa: ANN401
    """Read a path; an empty text means None."""
    return None if value in (None, "") else as_path(value, info)


def as_paths(value: Any, info: ValidationInfo) -> list[Path]:  # noqa: ANN401
    """Read a path or a list of paths; in the environment, commas separate them."""
    items = as_texts(value, info) if value not in (None, "") else []
    return [as_path(item, info) for item in (items if isinstance(items, list) else [items])]


def as_place(value: str, info: ValidationInfo) -> str:
    """Resolve a relative path as `as_path` does; leave a URL or an empty text unchanged."""
    folder = folder_of(info)
    return value if not value or "://" in value or not folder else str(folder / value)


def as_texts(value: Any, info: ValidationInfo) -> Any:  # noqa: ANN401
    """Split a text from the environment at its commas."""
    if isinstance(value, str) and (info.context or {}).get("environment"):
        return [item.strip() for item in value.split(",") if item.strip()]
    return value


def as_links(value: list[str]) -> list[str]:
    """Check URLs in which an address is to be put."""
    for url in value:
        if not re.match(r"https://[\w.-]+/", url) or "{address}" not in url:
            raise ValueError(
                "give URLs that begin with https:// and a host, and that have {address} where the "
                "address belongs."
            )
    return value


LocalPath = Annotated[Path, BeforeValidator(as_path)]
Paths = Annotated[list[Path], BeforeValidator(as_paths)]
OptionalPath = Annotated[Path | None, BeforeValidator(as_optional_path)]
Place = Annotated[str, AfterValidator(as_place)]  # a local path or a URL
Texts = Annotated[list[str], BeforeValidator(as_texts)]
Links = Annotated[Texts, AfterValidator(as_links)]
Positive = Annotated[float, Field(gt=0, lt=MOST)]
NotNegative = Annotated[float, Field(ge=0, lt=MOST)]
PositiveCount = Annotated[int, Field(gt=0, lt=MOST)]
Count = Annotated[int, Field(ge=0, lt=MOST)]
