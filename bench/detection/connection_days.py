"""Rows of the model connection_days, made from its contract, for benchmarks and tests."""

from __future__ import annotations

import functools

import yaml

from bench import PROJECT

# As SQL over the given columns; any other column is null. No score reads hourly_event_counts.
DEFAULTS = {
    "device_vendor": "'Fortinet'",
    "source_ip": "'10.0.0.1'",
    "destination_ip": "'203.0.113.1'",
    "destination_port": "443",
    "protocol": "'tcp'",
    "event_count": "size(events)",
    "denied_event_count": "0",
    "total_sent_bytes": "0",
    "total_received_bytes": "0",
    "first_seen": "timestamp_micros(events[0].event_micros)",
    "last_seen": "timestamp_micros(element_at(events, -1).event_micros)",
    "hourly_event_counts": "array_repeat(0, 24)",
    "log_version": "1",
    "log_date": "to_date(timestamp_micros(events[0].event_micros))",
}


@functools.cache
def contract(model: str) -> dict[str, str]:
    """Read the columns of a model from whichever YAML file describes it.

    Parameters
    ----------
    model
        Its name.

    Returns
    -------
    dict of str to str
        Data type by column, in the order of the contract.

    Raises
    ------
    LookupError
        If no file below models/ describes it.
    """
    for path in sorted((PROJECT / "models").rglob("*.yml")):
        text = path.read_text("utf-8")
        if model not in text:
            continue
        for described in yaml.safe_load(text).get("models") or []:
            if described["name"] == model:
                return {column["name"]: column["data_type"] for column in described["columns"]}
    raise LookupError(f"no YAML file below models/ describes {model}")


def connection_days(source: str = "", **columns: str) -> str:
    """Write a query that gives rows of connection_days.

    Parameters
    ----------
    source
        A from clause; empty for one row.
    **columns
        SQL expressions over the source, by column; `events` is required, sorted by time.

    Returns
    -------
    str
        A select of all columns of the contract, with its data types. Columns that are not given
        describe a permitted TCP connection to port 443 on the day of its first event.

    Raises
    ------
    TypeError
        If the contract has no such column, or `events` is not given.
    """
    types = contract("connection_days")
    if unknown := sorted(columns.keys() - types.keys()):
        raise TypeError(f"connection_days has no column {', '.join(unknown)}")
    if "events" not in columns:
        raise TypeError("connection_days needs events")
    # Cast in a subquery, so that the defaults find the contract's names of the fields of events.
    given = [f"cast({sql} as {types[name]}) as {name}" for name, sql in columns.items()]
    selected = [
        name if name in columns else f"cast({DEFAULTS.get(name, 'null')} as {data_type}) as {name}"
        for name, data_type in types.items()
    ]
    return f"select {', '.join(selected)} from (select {', '.join(given)} {source})"
