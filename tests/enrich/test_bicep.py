"""What is deployed has the properties and types that Azure's resources have."""

import copy
import json
from pathlib import Path

import pytest

from tests.support.azure_types import CLASSES, Types, resources

PROJECT = Path(__file__).parents[2]
SENTINEL = PROJECT / "deploy/sentinel"
BICEP = (SENTINEL / "main.bicep").read_text(encoding="utf-8")
# Azure's own list has it since; the types are of an older version of the API than the template.
NEWER = "dataCollectionRules.kind is 'Direct', none of Linux, Windows"


@pytest.fixture(scope="module")
def types():
    fetched = PROJECT / "output/azure_types"
    wheels = list(fetched.glob("pulumi_azure_native-*.whl"))
    if not wheels:
        pytest.skip("scripts/fetch.sh azure_types, then the Bicep is held against Azure's types")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(fetched)
        yield Types(wheels[0])


def faults(types, bicep):
    return [said for kind, made in resources(bicep, SENTINEL) for said in types.faults(kind, made)]


def test_every_resource_is_as_azure_types_it(types):
    kinds = [kind for kind, _ in resources(BICEP, SENTINEL)]
    assert set(kinds) == CLASSES.keys() and len(kinds) == 11, "two tables, three alert rules"
    assert faults(types, BICEP) == [NEWER]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("retentionInDays: ret", "retentionDays: ret", "tables.retentionDays is no property"),
        ("retentionInDays: retentionDays", "retentionInDays: '180'", "tables.retentionInDays"),
        ("principalId: senderObjectId", "", "roleAssignments.principalId is missing"),
        ("'GreaterThan'", "'Greater'", "alertRules.triggerOperator is 'Greater', none of"),
        ("streams: ['Custom-", "stream: ['Custom-", "dataFlows.stream is no property"),
        (
            "entityMappings: alert.e",
            "entityMappings: alert.tactics //",
            "alertRules.entityMappings",
        ),
        ("kind: 'shared'", "kind: 'own'", "workbooks.kind is 'own', none of"),
    ],
)
def test_a_wrong_template_is_told(types, old, new, said):
    assert BICEP.count(old) == 1
    found = faults(types, BICEP.replace(old, new))
    assert any(said in fault for fault in found), found


def places(value, path=()):
    """Every place in a value, from outside to inside; of a list the first stands for all."""
    keys = (
        value
        if isinstance(value, dict)
        else range(min(len(value), 1))
        if isinstance(value, list)
        else ()
    )
    for key in keys:
        yield (*path, key)
        yield from places(value[key], (*path, key))


def test_every_misspelt_property_and_every_wrong_type_is_told(types):
    missed, tried = [], 0
    for kind, made in {json.dumps(one): one for one in resources(BICEP, SENTINEL)}.values():
        for *parents, last in places(made["properties"]):
            for change in ("misspelt", "wrong type"):
                changed = copy.deepcopy(made)
                inside = changed["properties"]
                for key in parents:
                    inside = inside[key]
                is_free = parents[-1:] in (["customDetails"], ["streamDeclarations"])
                if (
                    inside[last] is None
                    or change == "misspelt"
                    and (is_free or isinstance(last, int))
                ):
                    continue
                if change == "misspelt":
                    inside[f"{last}x"] = inside.pop(last)
                else:
                    inside[last] = {"no": "such"} if isinstance(inside[last], (str, int)) else 0.5
                tried += 1
                if not set(types.faults(kind, changed)) - {NEWER}:
                    missed.append((kind, change, *parents, last))
    assert missed == [] and tried > 200
