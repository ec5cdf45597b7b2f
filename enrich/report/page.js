// The rest of the page: campaigns, suppressions, the run, keys; and the code that draws it all.

const MOST_ROWS = 200; // of the tables below

// --- Tables below -------------------------------------------------------------------------------

const CAMPAIGNS = [
  ["shared_destination_campaign_id", "several sources, one destination"],
  ["rotating_destination_campaign_id", "one source, several destinations"],
];

function campaigns() {
  const listedOf = (group, textOf) =>
    some(
      group.map((f) => visible(textOf(f))),
      6,
    ).join(", ");
  const rowOf = ([id, group], column, word) => {
    const choose = () => {
      only("campaign of", word, (f) => f[column] === id);
      byId("top").scrollIntoView();
      show("findings");
      views.findings.listing.focus();
    };
    return [
      button({ onclick: choose }, "show"),
      badge(worst(group)),
      word,
      listedOf(group, (f) => f.source_ip),
      listedOf(group, endpoint),
      cadence(group[0]),
      whole(group.length),
    ];
  };
  // Without the suppressed, as everywhere.
  const rows = CAMPAIGNS.flatMap(([column, word]) => {
    const members = shown.filter((f) => f[column]);
    return [...grouped(members, (f) => f[column])].map((group) => rowOf(group, column, word));
  });
  const headers = ["", "severity", "kind", "sources", "destinations", "interval", "findings"];
  fillBox("campaigns", rows, headers, [5, 6], "No beacons that belong together.");
}

function suppressions() {
  const rows = findings
    .filter((f) => f.suppressed)
    .map((f) => {
      const by = some(f.suppressed_by || [], MOST_MATCHES).join("; ");
      return [badge(severityOf(f)), f.source_ip, endpoint(f), share(f.beacon_score), by];
    });
  const headers = ["severity", "source", "destination", "score", "suppressed by"];
  fillBox("suppressions", rows, headers, [3], "Nothing.");
  const idle = (data.run?.idle_suppressions || []).map((row) => [row.state, row.suppression]);
  if (!idle.length) return;
  const title = el("h3", {}, "Rows of seeds/organisation/suppressions.csv that hide nothing");
  byId("suppressions").append(title, table(["why", "row"], idle));
}

function fillBox(id, rows, headers, numbers, nothing) {
  const box = byId(id);
  box.append(rows.length ? table(headers, rows.slice(0, MOST_ROWS), numbers) : hint(nothing));
  if (rows.length > MOST_ROWS)
    box.append(hint(`and ${whole(rows.length - MOST_ROWS)} more; filter the findings for them`));
  box.closest("details").open = rows.length > 0;
}

const THRESHOLDS = [
  "score_window_days",
  "percent_beacon_threshold",
  "daily_event_count_threshold",
  "time_delta_threshold",
  "beacon_score_threshold",
];

function aboutRun() {
  const box = byId("run");
  const run = data.run;
  const of = run || findings[0];
  box.closest("details").open = !findings.length;
  const ofRun = [
    ["day", of?.end_date],
    ["run", of?.run_id],
    ["started", of?.run_started_at],
    ["took", run && seconds(run.duration_seconds)],
    [
      "lines",
      run && `${whole(run.line_count)}, ${whole(run.rejected_line_count)} of them unusable`,
    ],
    ["report made", data.made_at],
  ];
  box.append(facts(ofRun));
  if (findings.length) box.append(values(findings[0], THRESHOLDS));
  // Each vendor is judged as a population of its own.
  const rows = judgedVendors.map((vendor) => {
    const own = findings.filter((f) => f.device_vendor === vendor);
    const known = own[0] || {};
    return [vendor, ...[own.length, known.history_days, known.active_sources].map(whole)];
  });
  const headers = ["vendor", "findings", "days of history", "sources"];
  if (rows.length) box.append(table(headers, rows, [1, 2, 3]));
  const fates = [...grouped(run?.fates || [], (f) => f.device_vendor)].map(([vendor, group]) => {
    const said = group.map((f) => `${whole(f.line_count)} ${visible(f.fate)}`).join("; ");
    return [vendor, whole(total(group, "line_count")), said];
  });
  if (fates.length) {
    const headers = ["vendor", "lines", "fate"];
    box.append(el("h3", {}, "Lines of the day"), table(headers, fates.slice(0, MOST_ROWS), [1]));
  }
  if (enriched && findings.length) {
    const title = el("h3", {}, "Lookups, by finding");
    box.append(title, table(["lookup", "status"], lookupStatuses()));
  }
}

// The four most frequent statuses of each lookup.
function lookupStatuses() {
  const columns = data.lookups.filter((name) => name.endsWith("_status"));
  return columns.map((name) => {
    const statuses = [...grouped(findings, (f) => f[name] || "–")]
      .sort(([, a], [, b]) => b.length - a.length)
      .slice(0, 4)
      .map(([status, group]) => whole(group.length) + " " + visible(status));
    return [name.replace("_status", ""), statuses.join("; ")];
  });
}

// Without a run and findings nothing says that there is no beacon.
function headings() {
  const of = data.run || findings[0];
  const words = findings.length ? "Beaconing" : "No beaconing found";
  const names = judgedVendors.map((vendor) => visible(vendor));
  const judged = names.length > 2 ? plural(names.length, "vendor") : names.join(" and ");
  const title = byId("title");
  title.textContent = of
    ? `${words} on ${visible(of.end_date)}, ${judged}`
    : "No findings, and no run that is known";
  if (names.length > 2) title.title = names.join(", ");
  byId("empty").textContent = of
    ? "No connection beacons at these thresholds."
    : "Whether anything was hunted, and on which day, is not known.";
  byId("warnings").append(...data.warnings.map((text) => el("li", {}, text)));
}

// --- Keys and buttons ---------------------------------------------------------------------------

const sayVerdict = (f) => say(`${verdictOf(f).verdict}: ${pairOf(f)}`);
const isField = (node) => node.matches("input, textarea, select");
// Whether the keys came from the pane: who reads there goes on there, with the next finding too.
let isReading = false;

function step(n) {
  const { listing } = current();
  if (!listing.move(n)) listing.focus();
  if (isReading) byId("pane-title").focus({ preventScroll: true });
}
const VIEW_KEYS = { 1: "findings", 2: "hosts", 3: "changes" };
const JUDGED_BY = Object.fromEntries(VERDICTS.map((verdict) => [verdict[0], verdict]));

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const { listing, hasPane } = current();
  const target = event.target instanceof Element ? event.target : document.body;
  if (isField(target)) {
    // Back to the row; a note is saved already, and Enter goes on to the next finding. What was
    // judged is said, as keys then act on the next one.
    if (event.key === "Enter" && target.id === "note") {
      sayVerdict(paned);
      step(1);
    } else if (event.key === "Escape" && target.id === "search") {
      // With its filter; by itself the browser empties the box only.
      event.preventDefault();
      target.value = "";
      search("");
      listing.focus();
    } else if (event.key === "Escape" || event.key === "Enter") listing.focus();
    return;
  }
  isReading = byId("pane").contains(target);
  const isInList = target === document.body || listing.node.tBodies[0].contains(target);
  const judged = hasPane && paned && JUDGED_BY[event.key];
  if (event.key === "j" || (event.key === "ArrowDown" && isInList)) step(1);
  else if (event.key === "k" || (event.key === "ArrowUp" && isInList)) step(-1);
  else if (event.key === "/") byId("search").select();
  else if (event.key === "Enter" && isInList && listing.current())
    listing.open(listing.current(), true);
  else if (Object.hasOwn(VIEW_KEYS, event.key)) {
    show(VIEW_KEYS[event.key]);
    current().listing.focus();
  } else if (event.key === "Escape" && byId("pane").contains(target)) listing.focus();
  else if (event.key === "Escape" && view === "findings" && active.has(OF_A_HOST)) leaveHost();
  else if (event.key === "Escape" && !byId("pane").hidden) closePane();
  else if (event.key === "u" && hasPane && paned) judge(paned, null);
  else if (event.key === "." && hasPane && paned) {
    if (lastJudged) {
      judgeAsBefore(paned);
      sayVerdict(paned);
      step(1);
    } else say("no verdict yet that . could give again");
  } else if (judged) {
    isPaneOpen = true;
    judge(paned, judged);
    drawPane();
    byId("note").focus();
  } else return;
  event.preventDefault();
}

function buttons() {
  for (const name of Object.keys(views))
    byId("tab-" + name).addEventListener("click", () => show(name));
  byId("search").addEventListener("input", () => {
    clearTimeout(searchTimer);
    searchTimer = setTimeout(() => search(byId("search").value), 120);
  });
  // As the table shows them, if it does.
  const inOrder = () => {
    const { sorted } = views.findings.listing;
    return view === "findings" ? sorted() : selected;
  };
  const files = {
    csv: () => download(fileName("findings", "csv"), "text/csv", asCsv(inOrder())),
    json: () => download(fileName("findings", "json"), "application/json", asJson(inOrder())),
    verdicts: () => download(fileName("verdicts", "json"), "application/json", verdictsAsJson()),
  };
  for (const [id, save] of Object.entries(files)) byId(id).addEventListener("click", save);
  document.addEventListener("keydown", onKey);
  addEventListener("hashchange", followLink);
  // What another tab says of a finding.
  addEventListener("storage", (event) => {
    const f =
      event.key?.startsWith(VERDICT_KEY) &&
      findings.find((one) => VERDICT_KEY + one.beacon_id === event.key);
    if (!f) return;
    const verdict = readVerdict(f.beacon_id);
    if (verdict) verdicts.set(f.beacon_id, verdict);
    else verdicts.delete(f.beacon_id);
    afterVerdict(f);
  });
  const printing = (isPrinting) => current().listing.printing(isPrinting);
  addEventListener("beforeprint", () => printing(true));
  addEventListener("afterprint", () => printing(false));
  matchMedia("print").addEventListener("change", ({ matches }) => printing(matches));
}

headings();
buttons();
reset();
select();
isStarted = true;
scatter();
map();
campaigns();
suppressions();
aboutRun();
if (location.hash) followLink();
