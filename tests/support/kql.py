"""Runs the part of KQL that our queries use, over tables of dicts.

It reads the text of the query itself, so that a test can hold alert_model.py against it. What it
does not know it refuses. A null is None; a missing text is "", as in Kusto.
"""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import Any

TOKEN = re.compile(
    r"""\s+|//[^\n]*|(?P<span>\d+[dhm]\b)|(?P<number>\d+(?:\.\d+)?)|"(?P<text>(?:\\.|[^"\\])*)"
    |(?P<word>project-away|[A-Za-z_]\w*)|(?P<mark>==|!=|<=|>=|[-+*/<>=|()\[\],;.])""",
    re.VERBOSE,
)
PRECEDENCE = [["or"], ["and"], ["==", "!=", "<", "<=", ">", ">=", "has", "contains", "in"],
              ["+", "-"], ["*", "/"]]  # fmt: skip


class Query:
    """A parsed query; `run` evaluates it.

    Parameters
    ----------
    text
        Statements `let name = …;` and at the end a tabular expression.
    """

    def __init__(self, text: str) -> None:
        self.tokens = []
        place = 0
        while place < len(text):
            match = TOKEN.match(text, place)
            if not match:
                raise ValueError(f"no KQL that this knows: {text[place : place + 40]!r}")
            if match.lastgroup:
                value = match[match.lastgroup]
                if match.lastgroup == "text":
                    value = value.replace("\\\\", "\\")
                self.tokens.append((match.lastgroup, value))
            place = match.end()
        self.at = 0
        self.lets = []
        while self.peek() == ("word", "let"):
            self.take("let")
            name = self.take()
            self.take("=")
            self.lets.append((name, self.statement()))
            self.take(";")
        self.main = self.pipeline()
        assert self.at == len(self.tokens), self.tokens[self.at :]

    # --- Reading ---------------------------------------------------------------------------------

    def peek(self, ahead: int = 0) -> tuple[str, str]:
        place = self.at + ahead
        return self.tokens[place] if place < len(self.tokens) else ("end", "")

    def take(self, *expected: str) -> str:
        kind, value = self.peek()
        assert not expected or (value in expected and kind != "text"), (value, expected)
        self.at += 1
        return value

    def has(self, value: str) -> bool:
        if self.peek()[1] == value and self.peek()[0] != "text":
            self.at += 1
            return True
        return False

    def statement(self) -> tuple:
        """A scalar, or a table with its operators."""
        is_table = self.peek()[0] == "word" and self.peek(1)[1] == "|"
        return self.pipeline() if is_table else ("scalar", self.expression())

    def pipeline(self) -> tuple:
        source, steps = self.take(), []
        while self.has("|"):
            steps.append(self.operator())
        return ("table", source, steps)

    def operator(self) -> tuple:
        name = self.take()
        if name in ("where", "take"):
            return name, self.expression()
        if name in ("extend", "project"):
            return name, self.assignments()
        if name == "project-away":
            return name, self.assignments()
        if name == "summarize":
            made = self.assignments()
            return name, made, self.assignments() if self.has("by") else []
        if name == "sort":
            self.take("by")
            keys = []
            while True:
                keys.append((self.expression(), self.take("asc", "desc")))
                if not self.has(","):
                    return name, keys
        if name == "join":
            self.take("kind")
            self.take("=")
            kind = self.take("inner", "leftouter")
            if self.has("("):
                right = self.pipeline()
                self.take(")")
            else:
                right = ("table", self.take(), [])
            self.take("on")
            columns = [self.take()]
            while self.has(","):
                columns.append(self.take())
            return name, kind, right, columns
        raise ValueError(f"the operator {name}")

    def assignments(self) -> list[tuple[str, tuple]]:
        made = []
        while True:
            if self.peek()[0] == "word" and self.peek(1)[1] == "=":
                name = self.take()
                self.take("=")
                made.append((name, self.expression()))
            else:
                expression = self.expression()
                made.append((expression[1] if expression[0] == "name" else "", expression))
            if not self.has(","):
                return made

    def expression(self, level: int = 0) -> tuple:
        if level == len(PRECEDENCE):
            return self.postfix()
        left = self.expression(level + 1)
        while self.peek()[1] in PRECEDENCE[level] and self.peek()[0] in ("word", "mark"):
            sign = self.take()
            left = ("call", sign, [left, self.expression(level + 1)])
        return left

    def postfix(self) -> tuple:
        found = self.atom()
        while True:
            if self.has("["):
                found = ("call", "[]", [found, self.expression()])
                self.take("]")
            elif self.peek()[1] == "." and self.peek()[0] == "mark":
                self.take(".")
                found = ("call", "[]", [found, ("value", self.take())])
            else:
                return found

    def atom(self) -> tuple:
        kind, value = self.peek()
        self.at += 1
        if kind == "number":
            return "value", float(value) if "." in value else int(value)
        if kind == "text":
            return "value", value
        if kind == "span":
            unit = {"d": "days", "h": "hours", "m": "minutes"}[value[-1]]
            return "value", timedelta(**{unit: int(value[:-1])})
        if value == "(":
            found = self.expression()
            self.take(")")
            return found
        if value == "-":
            return "value", -int(self.take())
        if value == "*":
            return "name", "*"
        assert kind == "word", value
        if not self.has("("):
            return "name", value
        if value == "datetime":
            parts = []
            while not self.has(")"):
                parts.append(self.take())
            return "value", datetime.fromisoformat("".join(parts) + "T00:00:00+00:00")
        if value == "dynamic":
            return "value", self.literal()
        arguments = []
        while not self.has(")"):
            arguments.append(self.expression())
            self.has(",")
        return "call", value, arguments

    def literal(self) -> list:
        """The list in dynamic([…]), up to the closing bracket."""
        self.take("[")
        items = []
        while not self.has("]"):
            kind, value = self.peek()
            self.at += 1
            items.append(int(value) if kind == "number" else value)
            self.has(",")
        self.take(")")
        return items

    # --- Running ---------------------------------------------------------------------------------

    def run(self, tables: dict[str, Any], now: datetime) -> list[dict[str, Any]]:
        """Return the rows of the query; `tables` has lists of rows, or queries of functions."""
        pipelines = {name: statement for name, statement in self.lets if statement[0] == "table"}
        scope = {"now": now, "tables": tables, "lets": {}, "pipelines": pipelines}
        for name, statement in self.lets:
            scope["lets"][name] = (
                evaluate(statement[1], {}, scope)
                if statement[0] == "scalar"
                else rows_of(statement, scope)
            )
        return rows_of(self.main, scope)


def rows_of(pipeline: tuple, scope: dict) -> list[dict]:
    _, source, steps = pipeline
    if source in scope["lets"]:
        rows = scope["lets"][source]
    elif isinstance(scope["tables"][source], Query):
        rows = scope["tables"][source].run(scope["tables"], scope["now"])
    else:
        rows = scope["tables"][source]
    for step in steps:
        rows = OPERATORS[step[0]](list(rows), scope, *step[1:])
    return rows


def where(rows: list, scope: dict, condition: tuple) -> list:
    return [row for row in rows if evaluate(condition, row, scope) is True]


def extend(rows: list, scope: dict, made: list) -> list:
    # As in Kusto, an assignment does not see the others of the same operator.
    return [row | {name: evaluate(what, row, scope) for name, what in made} for row in rows]


def project(rows: list, scope: dict, made: list) -> list:
    return [{name: evaluate(what, row, scope) for name, what in made} for row in rows]


def project_away(rows: list, scope: dict, made: list) -> list:
    away = {name for name, _ in made}
    return [{name: value for name, value in row.items() if name not in away} for row in rows]


def take(rows: list, scope: dict, number: tuple) -> list:
    return rows[: evaluate(number, {}, scope)]


def sort(rows: list, scope: dict, keys: list) -> list:
    for what, direction in reversed(keys):
        rows.sort(key=lambda row: evaluate(what, row, scope), reverse=direction == "desc")
    return rows


def summarize(rows: list, scope: dict, made: list, by: list) -> list:
    groups: dict[tuple, list] = {}
    for row in rows:
        groups.setdefault(tuple(evaluate(what, row, scope) for _, what in by), []).append(row)
    found = []
    for key, members in groups.items():
        row = dict(zip((name for name, _ in by), key))
        for name, (kind, function, arguments) in made:
            assert kind == "call"
            if function == "arg_max":
                best = max(members, key=lambda member: evaluate(arguments[0], member, scope))
                kept = best if arguments[1] == ("name", "*") else {
                    argument[1]: best.get(argument[1]) for argument in arguments[1:]
                }  # fmt: skip
                row = kept | row | {name or arguments[0][1]: evaluate(arguments[0], best, scope)}
            else:
                values = [evaluate(arguments[0], member, scope) for member in members]
                row[name] = {"max": max, "countif": lambda v: sum(x is True for x in v)}[function](
                    values
                )
        found.append(row)
    return found


def made_by(pipeline: tuple) -> set[str]:
    """Return the columns that a pipeline leaves, as far as its text tells them."""
    for step in reversed(pipeline[2]):
        if step[0] == "summarize":
            return {name for name, _ in [*step[1], *step[2]]} - {""}
        if step[0] == "project":
            return {name for name, _ in step[1]}
    return set()


def join(rows: list, scope: dict, kind: str, right: tuple, columns: list) -> list:
    others = rows_of(right, scope)
    # A table without rows has columns, too.
    names = made_by(scope["pipelines"].get(right[1], right)) | {
        name for other in others for name in other
    }
    found = []
    for row in rows:
        fitting = [o for o in others if all(o[column] == row[column] for column in columns)]
        if not fitting and kind == "leftouter":
            fitting = [{}]
        for other in fitting:
            added = {name: other.get(name) for name in names}
            taken = {name + "1" if name in row else name: value for name, value in added.items()}
            found.append(row | taken)
    return found


OPERATORS = {
    "where": where,
    "extend": extend,
    "project": project,
    "project-away": project_away,
    "take": take,
    "sort": sort,
    "summarize": summarize,
    "join": join,
}


def evaluate(expression: tuple, row: dict, scope: dict) -> Any:  # noqa: ANN401
    kind, value, *rest = expression
    if kind == "value":
        return value
    if kind == "name":
        if value in row:
            return row[value]
        if value in scope["lets"]:
            return scope["lets"][value]
        if value in ("true", "false"):
            return value == "true"
        raise KeyError(f"no column {value}")
    if value == "ago":
        return scope["now"] - evaluate(rest[0][0], row, scope)
    if value == "ingestion_time":
        return row["IngestedAt"]
    arguments = [evaluate(argument, row, scope) for argument in rest[0]]
    return FUNCTIONS[value](*arguments)


def compared(test: Any) -> Any:  # noqa: ANN401
    """A comparison; with a null it is neither true nor false."""
    return lambda a, b: None if a is None or b is None else test(a, b)


def is_empty(value: object) -> bool:
    return value is None or value == ""


def at(value: Any, key: Any) -> Any:  # noqa: ANN401
    if isinstance(value, dict):
        return value.get(key)
    if isinstance(value, list) and isinstance(key, int) and -len(value) <= key < len(value):
        return value[key]
    return None


def parsed(text: object) -> Any:  # noqa: ANN401
    try:
        return json.loads(text) if isinstance(text, str) else text
    except ValueError:
        return text


def written(value: object) -> str:
    if isinstance(value, (dict, list)):
        return json.dumps(value)
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.0000000Z")
    return "" if value is None else str(value)


def case(*arguments: Any) -> Any:  # noqa: ANN401
    *pairs, otherwise = arguments
    chosen = (value for test, value in zip(pairs[::2], pairs[1::2]) if test is True)
    return next(chosen, otherwise)


def whole(value: object) -> int | None:
    try:
        return int(float(value))
    except (TypeError, ValueError):
        return None


def array_slice(items: list, start: int, end: int) -> list:
    return items[start : len(items) + end + 1 if end < 0 else end + 1]


FUNCTIONS = {
    "==": compared(lambda a, b: a == b),
    "!=": compared(lambda a, b: a != b),
    "<": compared(lambda a, b: a < b),
    "<=": compared(lambda a, b: a <= b),
    ">": compared(lambda a, b: a > b),
    ">=": compared(lambda a, b: a >= b),
    "+": compared(lambda a, b: a + b),
    "-": compared(lambda a, b: a - b),
    "*": compared(lambda a, b: a * b),
    "and": lambda a, b: a is True and b is True,
    "or": lambda a, b: a is True or b is True,
    "not": lambda a: None if a is None else not a,
    "has": lambda a, b: bool(re.search(rf"\b{re.escape(b)}\b", a or "", re.IGNORECASE)),
    "contains": lambda a, b: b.lower() in (a or "").lower(),
    "in": lambda a, b: a in b,
    "[]": at,
    "array_concat": lambda *lists: sum(lists, []),
    "array_index_of": lambda items, item: items.index(item) if item in items else -1,
    "array_slice": array_slice,
    "case": case,
    "coalesce": lambda *values: next((value for value in values if not is_empty(value)), None),
    "datetime_diff": lambda part, a, b: {"day": (a.date() - b.date()).days}[part],
    "format_datetime": lambda time, form: {"yyyy-MM-dd": f"{time:%Y-%m-%d}"}[form],
    "iff": lambda test, yes, no: yes if test is True else no,
    "isempty": is_empty,
    "isnotempty": lambda value: not is_empty(value),
    "isnotnull": lambda value: value is not None,
    "isnull": lambda value: value is None,
    "parse_json": parsed,
    "round": lambda value: None if value is None else float(round(value)),
    "split": lambda text, mark: (text or "").split(mark),
    "strcat": lambda *values: "".join(map(written, values)),
    "strcat_array": lambda items, mark: mark.join(map(written, items or [])),
    "substring": lambda text, start, length: text[start : start + length],
    "todouble": lambda value: None if value is None else float(value),
    "toint": whole,
    "tolong": whole,
    "tostring": written,
}
