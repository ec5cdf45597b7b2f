"""What Spark says of an error, without Java's traces, and what to do about it."""

from __future__ import annotations

import re

MOST_LINES = 6
MOST_CHARACTERS = 600  # of a line
NOISE = re.compile(
    r"\s+at \S+\(.*\)|\s*\.\.\. \d+ more|Driver stacktrace:|-*|An error occurred while calling .*"
    r"|[\s:]*[+:]- .*|\s*'[A-Z]\w+.*"  # of a plan
)
# Names of Java's classes before a message, where the task of a job ran, and the end of a line.
CLASSES = re.compile(
    r"\b(?:[a-z]\w*\.)+[A-Z][\w$.]*: |Job aborted due to stage failure: |\(TID \d+\).*?: "
    r"|Task \d+ in stage \S+ failed \d+ times, most recent failure: Lost task \S+ in stage \S+ "
    r"|Caused by: |Error (?:running query|operating \w+): | Details:$|^\s*: "
)
# The first that fits is said.
CURES = {
    r"azurebfs\S* not found": "This Spark has no jar for Azure storage: name it in the target, as "
    "docs/azure.md says (spark.jars.packages: org.apache.hadoop:hadoop-azure:…).",
    r"No FileSystem for scheme|FileSystem\S* not found": "This Spark does not know storage of this "
    "kind: mend the URL, or name its jar in the target (spark.jars.packages).",
    r"Permission denied": "Let the user of this command read and write there, and run again.",
    r"OutOfMemoryError|Java heap space": "Give Spark more memory in the target "
    "(spark.driver.memory), or remove a log file with a very long line.",
    r"No space left on device": "Free some space, and run again.",
    r"CANNOT_MERGE_SCHEMAS|Failed merging schema": "Files of one day have a column in two types: "
    "move the odd ones away, and run again. Target local would read them.",
    r"Illegal Parquet type: INT64 \(TIMESTAMP\(NANOS": "Spark does not read times in nanoseconds. "
    "Target local does.",
    r"reading file|GZIP|FileNotFoundException|FAILED_READ_FILE|footer for|Parquet file": "Mend or "
    "remove that file, and run again. Target local would leave it out and name it.",
    r"Could not connect to any of|Connection refused": "Start the server that the target names; "
    "that of target server by make server.",
}
OF_STORAGE = re.compile("FileSystem")


def in_words(said: str, sql: str = "") -> str:
    """Shorten an error of Spark to what a person needs.

    Parameters
    ----------
    said
        All that Spark said.
    sql
        The statement; the URLs in it are named where storage is the problem.

    Returns
    -------
    str
        The first lines without what repeats, the last cause, and the cure where one is known.
    """
    lines: list[str] = []
    for line in said.splitlines():
        words = re.sub(r"(\[[\w.]+\]) \1", r"\1", CLASSES.sub("", line).strip())
        if not NOISE.fullmatch(line) and words and not any(words in other for other in lines):
            lines.append(words[:MOST_CHARACTERS])
    if len(lines) > MOST_LINES:
        lines = [*lines[: MOST_LINES - 1], lines[-1]]
    places = sorted(set(re.findall(r"\b\w+://[^'\s]+", sql)))
    if places and OF_STORAGE.search(said):
        lines.append(f"Asked for: {', '.join(places)}"[:MOST_CHARACTERS])
    lines += [cure for sign, cure in CURES.items() if re.search(sign, said)][:1]
    return "\n".join(lines)
