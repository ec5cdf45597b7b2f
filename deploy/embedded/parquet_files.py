"""Parquet files of an export job: listed and read through links, after a look into each.

Sail takes folders such as timestamp=2026-09-30T23 for columns, refuses folders of two layouts, and
stops a whole query at a file that it cannot read.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from dbt.adapters.embedded.log_files import Problems, make_link, problems_below

ENDINGS = (".parquet", ".parquet.gz")


@dataclass(frozen=True)
class Kind:
    """Files of a day with the same columns.

    Attributes
    ----------
    location
        The folder of links to them.
    columns
        The names of the wanted columns that they have, and Arrow's name of the type of each.
    """

    location: Path
    columns: dict[str, str]


def link_job(root: Path, place: Path, folders: Iterable[str]) -> tuple[Path, bool, Problems]:
    """Make links to all files of some days of an export job.

    Parameters
    ----------
    root
        The folder that holds the folders of hours.
    place
        Where the links go; what is there is removed.
    folders
        Globs of the folders of the days, relative to the root.

    Returns
    -------
    Path, bool and dict from Path to str
        The folder of links; whether the root holds a folder of any hour; what is left out, and why.
    """
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True, mode=0o700)
    files, problems = files_of(root, folders)
    for file in files:
        make_link(file, root, place)
    is_there = any(any(root.glob(folder)) for folder in ("timestamp=*", "year=*"))
    return place, is_there, problems


def prepare_job_day(
    root: Path, place: Path, folders: Iterable[str], columns: Iterable[str]
) -> tuple[list[Kind], Problems]:
    """Look into the files of a day of an export job, and make links to those that can be read.

    Parameters
    ----------
    root, place, folders
        As for `link_job`.
    columns
        The names of the columns that are wanted.

    Returns
    -------
    list of Kind and dict from Path to str
        The files that can be read, by their columns; the others, and why.
    """
    shutil.rmtree(place, ignore_errors=True)
    files = [file for file in files_of(root, folders)[0] if file.name.endswith(ENDINGS)]
    wanted = set(columns)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        contents = list(pool.map(lambda file: columns_of(file, wanted), files))
    kinds: dict[tuple[tuple[str, str], ...], Kind] = {}
    problems: Problems = {}
    for file, content in zip(files, contents):
        if isinstance(content, str):
            problems[file.resolve()] = content
            continue
        new = Kind(place / str(len(kinds)), content)
        make_link(file, root, kinds.setdefault(tuple(content.items()), new).location)
    return list(kinds.values()), problems


def files_of(root: Path, folders: Iterable[str]) -> tuple[list[Path], Problems]:
    """List the files below the folders of days, and what is wrong with others."""
    files: list[Path] = []
    problems: Problems = {}
    for folder in (folder for glob in folders for folder in sorted(root.glob(glob))):
        some, wrong = problems_below(folder, root)
        files += some
        problems |= wrong
    return files, problems


def columns_of(path: Path, wanted: set[str]) -> dict[str, str] | str:
    """Read a file once; return which of the columns it has, with their types, or what is wrong."""
    try:
        with pq.ParquetFile(path) as file:
            types = {field.name: str(field.type) for field in file.schema_arrow}
            columns = {name: types[name] for name in types if name in wanted}
            for batch in file.iter_batches(columns=list(columns)):
                batch.validate(full=True)
    except (pa.ArrowException, OSError) as error:
        return f"no whole Parquet file ({str(error).splitlines()[0][:100]})"
    return columns
