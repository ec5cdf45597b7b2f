"""Array functions see their own row, also where a step hands on more rows than an engine's batch.

Sail's `array_compact` takes the elements of the first 8,192 rows for those of the others, where the
arrays come from `collect_list`: sizes of connections were mixed up on large logs, and on them only.
"""

from __future__ import annotations

import re

from tests.support.dbt_in_process import PROJECT, Dbt

ROWS = 100_000
# Arrays of three elements: the row's key, three times, and numbers that tell it.
ARRAYS = f"""
    select
        key,
        collect_list(key) as same,
        collect_list(id) as ids,
        collect_list(struct(key, id)) as pairs,
        collect_list(array(key, key)) as lists
    from (select nullif(id, -1) as id, nullif(id % {ROWS}, -1) as key from range({3 * ROWS}))
    group by key
"""


def all_are_key(array: str, count: int) -> str:
    return f"size({array}) = {count} and forall({array}, x -> x = key)"


# By function, what holds for each row. Models use these, and no others.
HOLDS = {
    "aggregate": "aggregate(same, 0L, (total, x) -> total + x) = 3 * key",
    "array_contains": f"array_contains(ids, key + {ROWS})",
    "array_distinct": all_are_key("array_distinct(same)", 1),
    "array_join": "array_join(transform(same, x -> cast(x as string)), ' ') = "
    "concat_ws(' ', key, key, key)",
    "array_max": f"array_max(ids) = key + {2 * ROWS}",
    "array_min": "array_min(ids) = key",
    "array_repeat": all_are_key("array_repeat(key, 3)", 3),
    "arrays_zip": "forall(arrays_zip(slice(same, 1, 2), slice(same, 2, 2)), "
    "n -> n.`0` = key and n.`1` = key)",
    "concat": all_are_key("concat(same, same)", 6),
    "element_at": "element_at(same, 1) = key and same[0] = key",
    "exists": f"exists(ids, x -> x = key + {ROWS})",
    "filter": all_are_key("filter(same, x -> x is not null)", 3),
    "flatten": all_are_key("flatten(lists)", 6),
    "forall": "forall(ids, x -> exists(pairs, pair -> pair.id = x))",
    "sequence": "array_max(sequence(key, key + 2)) = key + 2",
    "size": "size(same) = 3 and size(pairs.key) = 3",
    "slice": all_are_key("slice(same, 2, 2)", 2),
    "sort_array": f"sort_array(ids)[1] = key + {ROWS} and sort_array(pairs)[0].id = key",
    "transform": f"array_max(transform(ids, x -> x - key)) = {2 * ROWS}",
    "try_element_at": "try_element_at(same, -1) = key and "
    "try_element_at(filter(pairs, pair -> pair.id = key), 1).key = key",
}


def test_a_function_sees_its_own_row(dbt: Dbt):
    good = (f"count_if(coalesce({HOLDS[name]}, false)) as {name}" for name in HOLDS)
    (row,) = dbt.rows(f"select {', '.join(good)} from ({ARRAYS})")
    assert row == dict.fromkeys(HOLDS, ROWS)


def test_models_use_no_other_function_of_arrays():
    names = (
        r"(array\w*|map_\w+|\w*element_at|exists|filter|flatten|forall|aggregate|reduce|sequence|"
    )
    names += r"size|cardinality|slice|shuffle|reverse|sort_array|transform\w*|zip_with|str_to_map)"
    texts = [
        re.sub(r"{#.*?#}|^ *--.*?$", "", file.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
        for folder in ("models", "macros")
        for file in (PROJECT / folder).rglob("*.sql")
    ]
    used = {name for text in texts for name in re.findall(rf"\b{names}\(", text)}
    assert used - {"array"} == HOLDS.keys() - {"concat"}
