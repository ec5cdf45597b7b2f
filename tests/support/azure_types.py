"""Bicep files against the types of Azure's resources, made by Pulumi from Azure's specifications.

Pulumi's wheel is read as text: neither it nor what it needs is installed. pycep reads the Bicep.
"""

import ast
import json
import re
import zipfile
from pathlib import Path

import yaml

# The class of each type. Pulumi has what stands in `properties` beside what stands outside.
CLASSES = {
    "Microsoft.Authorization/roleAssignments": ("authorization", "RoleAssignment"),
    "Microsoft.Insights/dataCollectionRules": ("monitor", "DataCollectionRule"),
    "Microsoft.Insights/workbooks": ("applicationinsights", "Workbook"),
    "Microsoft.OperationalInsights/workspaces/savedSearches": (
        "operationalinsights",
        "SavedSearch",
    ),
    "Microsoft.OperationalInsights/workspaces/tables": ("operationalinsights", "Table"),
    "Microsoft.SecurityInsights/alertRules": ("securityinsights", "ScheduledAlertRule"),
    "Microsoft.SecurityInsights/watchlists": ("securityinsights", "Watchlist"),
}
OF_BICEP = {"name", "parent", "scope", "dependsOn", "etag"}  # every resource may have these
OF_PULUMI = {"resource_group_name", "workspace_name", "scope"}  # in Bicep it is the scope or parent
PLAIN = {"str": str, "int": int, "bool": bool, "float": (int, float)}


class Text(str):
    """A text that is known only when Azure evaluates it."""


# --- Bicep --------------------------------------------------------------------------------------


def resources(text, folder):
    """Evaluate the resources of a Bicep file, as far as that is possible here: (type, value)."""
    from pycep import BicepParser

    parsed = BicepParser().parse(text=text)
    known = {}
    for name, parameter in parsed["parameters"].items():
        known[name] = (
            Text() if parameter["default"] is None else value(parameter["default"], {}, folder)
        )
    for name, variable in parsed["variables"].items():
        known[name] = value(variable["value"], known, folder)
    for resource in parsed["resources"].values():
        if not resource["existing"]:
            made = value(resource["config"], known, folder)
            yield from (
                (resource["type"], one) for one in (made if isinstance(made, list) else [made])
            )


def value(node, known, folder):
    """Evaluate an expression; pycep does not tell the name of a variable from a text."""
    if isinstance(node, str):
        return Text(node) if "${" in node else known.get(node, node)
    if isinstance(node, list):
        return [value(item, known, folder) for item in node]
    if not isinstance(node, dict):
        return node
    if "loop_type" in node:
        loop = node["loop_type"]["detail"]
        items = known[loop["array_name"]]
        return [value(node["config"], known | {loop["item_name"]: item}, folder) for item in items]
    if "operator" in node:
        of, name = (node["operator"]["operands"].get(f"operand_{n}") for n in (1, 2))
        of = value(of, known, folder)
        return of[name] if isinstance(of, dict) and isinstance(name, str) else Text()
    if "function" in node:
        function, given = node["function"]["type"], node["function"]["parameters"]
        if function == "map":
            to = given["arg_2"]["detail"]
            items = value(given["arg_1"], known, folder)
            return [value(to["expression"], known | {to["var_1"]: item}, folder) for item in items]
        read = {"load_json_content": json.loads, "load_yaml_content": yaml.safe_load}.get(function)
        return read((folder / given["file_path"]).read_text("utf-8")) if read else Text()
    return {name: value(item, known, folder) for name, item in node.items()}


# --- Types --------------------------------------------------------------------------------------


class Types:
    """The types in Pulumi's wheel.

    Parameters
    ----------
    wheel
        As pip downloads it.
    """

    def __init__(self, wheel: Path) -> None:
        self.wheel, self.classes = zipfile.ZipFile(wheel), {}

    def faults(self, kind: str, resource: dict) -> list[str]:
        """Say what is wrong with a resource, a line each."""
        module, name = CLASSES[kind]
        members = self.members(module, f"{name}Args", leave_out=OF_PULUMI)
        given = {n: v for n, v in resource.items() if n not in OF_BICEP | {"properties"}}
        return self.of_members(given | resource["properties"], members, module, kind.split("/")[-1])

    def find(self, module, name):
        own = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.removesuffix("Args")).lower()
        for file in ("_inputs", "_enums", own):
            path = f"pulumi_azure_native/{module}/{file}.py"
            if path not in self.classes and path in self.wheel.namelist():
                body = ast.parse(self.wheel.read(path)).body
                self.classes[path] = {n.name: n for n in body if isinstance(n, ast.ClassDef)}
            if name in self.classes.get(path, {}):
                return self.classes[path][name]
        raise KeyError(name)

    def members(self, module, name, leave_out=()):
        """Map the properties of a class, as Azure spells them, to type and whether they must be."""
        body = reversed(self.find(module, name).body)  # a getter stands before its setter
        functions = {n.name: n for n in body if isinstance(n, ast.FunctionDef)}
        made = functions["__init__"].args
        found = {}
        for argument, default in zip(made.kwonlyargs, made.kw_defaults, strict=True):
            calls = [d for d in functions[argument.arg].decorator_list if isinstance(d, ast.Call)]
            spelled = calls[0].keywords[0].value.value if calls else argument.arg
            if argument.arg not in leave_out:
                found[spelled] = (argument.annotation, default is None)
        return found

    def of_members(self, value, members, module, at):
        if not isinstance(value, dict):
            return [f"{at} is no object"]
        value = {name: one for name, one in value.items() if one is not None}  # null is nothing
        said = [f"{at}.{name} is no property" for name in sorted(value.keys() - members.keys())]
        for name, (kind, must_be) in members.items():
            if name in value:
                said += self.of_value(value[name], kind, module, f"{at}.{name}")
            elif must_be:
                said.append(f"{at}.{name} is missing")
        return said

    def of_value(self, value, kind, module, at):
        if isinstance(kind, ast.Constant) and kind.value.endswith("Args"):
            return self.of_members(value, self.members(module, kind.value), module, at)
        if isinstance(kind, ast.Constant):
            enum = [
                n.value for n in self.find(module, kind.value).body if isinstance(n, ast.Assign)
            ]
            known = [n.value for n in enum]
            is_known = isinstance(value, Text) or value in known
            return [] if is_known else [f"{at} is {value!r}, none of {', '.join(known)}"]
        if isinstance(kind, ast.Attribute):
            is_right = isinstance(value, PLAIN[kind.attr])
            is_right &= isinstance(value, bool) == (kind.attr == "bool")  # a bool is an int
            return [] if is_right else [f"{at} is {str(value)[:30]!r}, no {kind.attr}"]
        outer, inner = ast.unparse(kind.value).rpartition(".")[2], kind.slice
        if outer in ("Input", "Optional"):
            return self.of_value(value, inner, module, at)
        if outer == "Union":  # a text, of which these are known
            return self.of_value(value, inner.elts[-1], module, at)
        is_list = outer == "Sequence"
        if not isinstance(value, list if is_list else dict):
            return [f"{at} is no {'list' if is_list else 'object'}"]
        inner, items = (inner, value) if is_list else (inner.elts[1], value.values())
        return [said for item in items for said in self.of_value(item, inner, module, at)]
