"""Draw the pictures of the README anew: `python -m tests.support.pictures REPORT`."""

import sys
import tempfile
from pathlib import Path

from tests.support.chromium import chromium

DOCS = Path(__file__).parents[2] / "docs"


def main(report: Path) -> None:
    """Draw the first screen of a report, and the details of its finding with most jitter."""
    with (
        tempfile.TemporaryDirectory() as profile,
        chromium(profile) as new_page,
        new_page() as page,
    ):
        page.open(report.absolute())
        page.screenshot(DOCS / "report.png")
        page.shape(1280, 1900)
        page.evaluate(
            "views.findings.listing.choose("
            "[...shown].sort((a, b) => (jitterOf(b) ?? 0) - (jitterOf(a) ?? 0))[0])"
        )
        edges = (
            "['.pane-head', '.pane-body'].map(s => document.querySelector(s))"
            ".map(n => n.getBoundingClientRect()).flatMap(b => [b.x, b.y, b.right, b.bottom])"
        )
        left, top, *_, right, bottom = page.evaluate(edges)
        page.screenshot(
            DOCS / "report_finding.png",
            clip={"x": left, "y": top, "width": right - left, "height": bottom - top, "scale": 1},
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
