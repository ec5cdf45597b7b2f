"""The report in a real browser: it draws, sorts and filters, and obeys nothing that logs say."""

import json
import re
import time
from pathlib import Path

import pytest

from enrich.contract import LOOKUP_COLUMNS, contract
from enrich.report.render import embedded, render
from tests.support.findings import a_finding

PROJECT = Path(__file__).parents[2]
LOOKED_UP = dict.fromkeys(LOOKUP_COLUMNS) | {
    "country": "Finland",
    "city": "Helsinki",
    "latitude": 60.17,
    "longitude": 24.94,
    "location_status": "ok",
    "asn": 64496,
    "as_organization": "Example Hosting",
    "asn_status": "ok",
    "feed_matches": ["feed.csv: Cobalt Strike"],
    "feed_severity": "high",
    "feed_status": "ok",
}

HOSTILE = [
    "</script><script>window.pwned = 1</script>",
    "<img src=x onerror='window.pwned = 2'>",
    "<!--<script>",
    "\"'><svg onload=window.pwned=3>",
    "{{data}}{{script}}",
    "\u202egnp.exe \x00\x1b[2J\u2028\u2029",
    "javascript:window.pwned=4",
    "=cmd|' /C calc'!A0",
]


def opened(page, tmp_path, findings):
    file = tmp_path / "report.html"
    file.write_text(render(findings), encoding="utf-8")
    page.open(file)
    return page


def rows(page):
    return page.evaluate("document.querySelectorAll('#findings tr.row').length")


def beacons(page):
    listed = "[...document.querySelectorAll('#findings tr.row')].map(r => r.dataset.beacon).join()"
    return [int(beacon, 16) for beacon in page.evaluate(listed).split(",") if beacon]


def choose(page, name, value):
    page.evaluate(
        f"(() => {{ const e = document.getElementById({name!r}); e.value = {json.dumps(value)};"
        " e.dispatchEvent(new Event('input')); e.dispatchEvent(new Event('change')); })()"
    )
    time.sleep(0.3)


def sort(page, name):
    page.evaluate(
        "[...document.querySelectorAll('#findings th button')]"
        f".find(b => b.textContent.startsWith({name!r})).click()"
    )


def test_every_finding_is_drawn_with_its_four_pictures_and_the_sleep_marked(page, tmp_path):
    findings = [a_finding(n) | LOOKED_UP for n in range(1, 4)]
    opened(page, tmp_path, findings)
    assert beacons(page) == [1, 2, 3]
    page.evaluate("document.getElementById('open-all').click()")
    pictures = "document.querySelectorAll('tr.detail svg[aria-label={}]').length"
    for name in ("connections per hour", "histogram of intervals", "beats added up over time"):
        assert page.evaluate(pictures.format(json.dumps(name))) == 3, name
    for name in ("bytes", "scores"):
        assert page.evaluate(pictures.format(json.dumps(name))) == 3, name
    shown = page.evaluate("document.body.textContent")
    assert "sleep 60.5 s, jitter 2 %" in shown and "feed.csv: Cobalt Strike" in shown
    # 24 hours of 60 beats are 24 bars; the histogram has a bar for each of its two intervals.
    bars = "document.querySelector('svg[aria-label={}]').querySelectorAll('rect.bar').length"
    assert page.evaluate(bars.format('"connections per hour"')) == 24
    assert page.evaluate(bars.format('"histogram of intervals"')) == 2
    assert page.evaluate("document.querySelectorAll('#map circle').length") == 1
    assert page.errors == []


def test_the_sleep_stands_where_the_axis_has_it(page, tmp_path):
    intervals = [{"time_delta": n, "events": 10} for n in range(40, 61)]
    change = {"estimated_sleep_seconds": 60.0, "estimated_jitter_percent": 33.0}
    opened(page, tmp_path, [a_finding(1, interval_histogram=intervals, **change)])
    page.evaluate("document.getElementById('open-all').click()")
    places = page.evaluate(
        "(() => { const s = document.querySelector('svg[aria-label=\"histogram of intervals\"]');"
        " const bars = [...s.querySelectorAll('rect.bar')].map(b => +b.getAttribute('x'));"
        " const line = s.querySelector('.sleep').getAttribute('d').match(/[\\d.]+/)[0];"
        " return [Math.max(...bars), line].join(); })()"
    )
    last_bar, sleep = map(float, places.split(","))
    assert abs(last_bar - sleep) < 1.5


def test_it_sorts_filters_and_searches(page, tmp_path):
    findings = [
        a_finding(1, beacon_score=0.8, source_ip="10.0.0.10", event_count=5) | LOOKED_UP,
        a_finding(2, beacon_score=0.99, source_ip="10.0.0.9", severity="low") | LOOKED_UP,
        a_finding(3, source_ip="fd00::2", status="changed", beacon_score=None) | LOOKED_UP,
        a_finding(4, suppressed=True, suppressed_by=["updates (SOC, until 2027)"]) | LOOKED_UP,
    ]
    findings[1]["country"] = "Brazil"
    opened(page, tmp_path, findings)
    assert beacons(page) == [1, 2, 3]
    sort(page, "score")
    assert beacons(page) == [2, 1, 3]
    sort(page, "score")
    assert beacons(page) == [3, 1, 2]
    sort(page, "source")
    assert beacons(page) == [2, 1, 3]
    assert page.evaluate("document.querySelectorAll('th[aria-sort=ascending]').length") == 1
    choose(page, "severity", "low")
    assert beacons(page) == [2]
    choose(page, "severity", "")
    choose(page, "status", "changed")
    assert beacons(page) == [3]
    choose(page, "status", "")
    assert page.evaluate("document.getElementById('vendor').offsetParent === null")
    choose(page, "search", "BRAZIL 10.0.0.9")
    assert beacons(page) == [2]
    choose(page, "search", "no such thing")
    assert rows(page) == 0
    assert "No finding fits" in page.evaluate("document.getElementById('count').textContent")
    page.evaluate("document.getElementById('clear').click()")
    page.evaluate("document.getElementById('suppressed').click()")
    assert sorted(beacons(page)) == [1, 2, 3, 4]
    hidden = page.evaluate("document.getElementById('suppressions').textContent")
    assert "updates (SOC, until 2027)" in hidden
    assert page.errors == []


def test_hostile_values_are_shown_and_never_obeyed(page, tmp_path):
    kinds = contract() | LOOKUP_COLUMNS
    findings = []
    for number, text in enumerate(HOSTILE, start=1):
        finding = a_finding(number) | LOOKED_UP
        for name, kind in kinds.items():
            if kind == "string" and name not in ("beacon_id", "severity"):
                finding[name] = text
            elif kind == "array<string>":
                finding[name] = [text, text]
        findings.append(finding)
    findings[0]["severity"] = 'high"><img src=x onerror=window.pwned=5>'
    opened(page, tmp_path, findings)
    page.evaluate("document.getElementById('suppressed').click()")
    page.evaluate("document.getElementById('open-all').click()")
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    time.sleep(0.3)
    assert page.evaluate("window.pwned") is None
    alien = "img, iframe, a, object, embed, base, form, link, [onerror], [onload]"
    assert page.evaluate(f"document.querySelectorAll({json.dumps(alien)}).length") == 0
    assert page.evaluate("document.scripts.length") == 2
    shown = page.evaluate("document.body.innerText")
    assert "<img src=x onerror" in shown and "\\u{202e}gnp.exe \\u{0}\\u{1b}[2J" in shown
    visible = page.evaluate("document.querySelector('main').innerText")
    assert not set(visible) & set("\u202e\x00\x1b\u2028")
    assert page.errors == []


def test_nothing_in_the_file_lets_markup_out_or_asks_for_anything():
    findings = [a_finding(1, protocol="".join(HOSTILE), device_vendor=HOSTILE[0]) | LOOKED_UP]
    html = render(findings)
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.S)[1]
    assert not set(data) & set("<>&") and data.isascii()
    parsed = json.loads(data)
    assert parsed["rows"][0][parsed["columns"].index("protocol")] == "".join(HOSTILE)
    assert html.count("<script") == 2 and "default-src 'none'" in html
    rest = html.replace(data, "")
    assert not re.search(r"""(?:src|href)\s*=|@import|url\(|https?://(?!www\.w3\.org/)""", rest)


def test_the_page_forbids_every_script_but_its_own(page, tmp_path):
    opened(page, tmp_path, [a_finding(1)])
    page.evaluate(
        "(() => { const s = document.createElement('script'); s.textContent = 'window.pwned = 1';"
        " document.body.append(s); })()"
    )
    assert page.evaluate("window.pwned") is None
    assert any("Content Security Policy" in error for error in page.errors)


def test_a_report_of_nothing_says_so(page, tmp_path):
    opened(page, tmp_path, [])
    text = page.evaluate("document.body.innerText")
    assert "No beaconing found" in text and "No connection beacons at these thresholds" in text
    assert page.errors == []


def test_nulls_everywhere_break_no_picture(page, tmp_path):
    keep = ("beacon_id", "status", "severity", "suppressed", "reasons", "source_ip")
    keep += ("destination_ip", "run_id", "end_date", "device_vendor")
    bare = {name: value if name in keep else None for name, value in a_finding(1).items()}
    empty = a_finding(2, hourly_event_counts=[], interval_histogram=[], reasons=[], event_count=0)
    one = a_finding(
        3, hourly_event_counts=[0] * 23 + [1], interval_histogram=[{"time_delta": 0, "events": 1}]
    )
    days = a_finding(4, hourly_event_counts=[3] * 24 * 31, score_window_days=31)
    opened(page, tmp_path, [bare, empty, one, days])
    page.evaluate("document.getElementById('open-all').click()")
    assert page.evaluate("document.querySelectorAll('tr.detail').length") == 4
    drawn = page.evaluate("document.querySelector('main').innerHTML")
    assert "NaN" not in drawn and "Infinity" not in drawn and "undefined" not in drawn
    assert page.errors == []


def test_several_vendors_have_a_column_a_filter_and_figures_each(page, tmp_path):
    palo_alto = {"device_vendor": "Palo Alto Networks", "history_days": 9, "active_sources": 31}
    opened(page, tmp_path, [a_finding(1), a_finding(2, **palo_alto), a_finding(3, **palo_alto)])
    title = page.evaluate("document.getElementById('title').textContent")
    assert title == "Beaconing on 2026-09-30, Fortinet and Palo Alto Networks"
    assert page.evaluate("document.title") == title
    assert page.evaluate("document.getElementById('vendor').offsetParent !== null")
    sort(page, "vendor")
    assert beacons(page) == [1, 2, 3]
    sort(page, "vendor")
    assert beacons(page) == [3, 2, 1]
    choose(page, "vendor", "Fortinet")
    assert beacons(page) == [1]
    page.evaluate("document.getElementById('clear').click()")
    choose(page, "search", "palo alto")
    assert sorted(beacons(page)) == [2, 3]
    run = page.evaluate(
        "[...document.querySelectorAll('#run tbody tr')]"
        ".map(r => [...r.cells].map(c => c.textContent).join(' ')).join()"
    )
    assert run == "Fortinet 1 7 1,099,511,627,776,Palo Alto Networks 2 9 31"
    assert page.errors == []


def test_campaigns_are_listed_with_their_members(page, tmp_path):
    shared = {"shared_destination_campaign_id": "c1"}
    findings = [a_finding(1, **shared), a_finding(2, **shared), a_finding(3)]
    opened(page, tmp_path, findings)
    assert "10.0.0.1, 10.0.0.2" in page.evaluate("document.getElementById('campaigns').innerText")
    page.evaluate("document.querySelector('#campaigns button').click()")
    assert beacons(page) == [1, 2]


def test_ten_thousand_findings_stay_usable(page, tmp_path):
    severities = ("critical", "high", "medium", "low")
    findings = [
        a_finding(
            n,
            severity=severities[n % 4],
            beacon_score=(n * 7919 % 10_000) / 10_000,
            rarity_score=(n % 100) / 100,
            destination_ip=f"198.18.{n % 2000 // 250}.{n % 250}",
            interval_histogram=[{"time_delta": 10 + i, "events": i + 1} for i in range(100)],
        )
        | LOOKED_UP
        for n in range(1, 10_001)
    ]
    file = tmp_path / "report.html"
    file.write_text(render(findings), encoding="utf-8")
    assert file.stat().st_size < 40e6
    start = time.monotonic()
    page.open(file)
    assert rows(page) == 50
    loaded = time.monotonic() - start
    timed = "(() => {{ const t = performance.now(); {}; return performance.now() - t; }})()"
    click = "[...document.querySelectorAll('#findings th button')][1].click()"
    sorting = page.evaluate(timed.format(click))
    assert beacons(page)[0] in (n for n in range(1, 10_001) if n * 7919 % 10_000 == 9_999)
    turning = page.evaluate(timed.format("document.getElementById('next').click()"))
    choose(page, "search", "198.18.7.249")
    assert rows(page) == 5
    print(f"loaded {loaded:.1f} s, sorted {sorting:.0f} ms, next page {turning:.0f} ms")
    assert loaded < 20 and sorting < 3000 and turning < 2000
    assert page.errors == []


def test_numbers_are_shortened_and_infinities_never_reach_the_page():
    assert '"rows":[[null]]' in embedded({"rows": [[None]]})
    finding = a_finding(1, beacon_score=0.123456789, period_seconds=float("nan"))
    html = render([finding])
    assert "0.123457" in html and "NaN" not in html.split("</script>")[0]


def test_the_demos_report_shows_every_implant_that_was_planted(page):
    demo = PROJECT / "output" / "demo"
    report, truth = demo / "export" / "report.html", demo / "sample" / "truth.json"
    if not report.is_file() or not truth.is_file():
        pytest.skip("no demo here: run make demo")
    page.open(report)
    page.evaluate("document.getElementById('open-all').click()")
    cells = "[...document.querySelectorAll('tr.row')].map(r => r.cells[4].textContent).join()"
    shown = page.evaluate(cells)
    pictures = page.evaluate("document.querySelectorAll('svg[aria-label~=intervals]').length")
    planted = json.loads(truth.read_text())["implants"]
    missing = [
        implant["id"]
        for implant in planted
        if f"{implant['destination_ip']}:{implant['destination_port']} " not in shown
        and f"[{implant['destination_ip']}]:{implant['destination_port']} " not in shown
    ]
    assert planted and not missing and pictures >= len(planted)
    assert page.errors == []
