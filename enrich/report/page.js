// The rest of the page: tiles, campaigns, suppressions, the run; and the code that draws it all.

const MOST_ROWS = 200; // of the tables below

function tiles() {
  const tile = (word, n) => [el("b", {}, whole(n)), el("span", {}, word)];
  for (const severity of SEVERITIES) {
    const n = shown.filter((f) => f.severity === severity).length;
    const attributes = { class: "tile " + severity, onclick: () => choose({ severity }) };
    byId("tiles").append(button(attributes, tile(severity, n)));
  }
  const figures = [
    ["new", shown.filter((f) => f.status === "new").length],
    ["sources", distinct(shown, (f) => f.source_ip).length],
    ["destinations", distinct(shown, (f) => f.destination_ip).length],
    ...(enriched ? [["known bad", shown.filter((f) => knownBad(f).length).length]] : []),
    ["suppressed", findings.length - shown.length],
  ];
  byId("tiles").append(...figures.map(([word, n]) => el("div", { class: "tile" }, tile(word, n))));
}

const CAMPAIGNS = [
  ["shared_destination_campaign_id", "several sources, one destination"],
  ["rotating_destination_campaign_id", "one source, several destinations"],
];

function campaigns() {
  const some = (group, textOf) =>
    distinct(group, (f) => visible(textOf(f)))
      .slice(0, 6)
      .join(", ");
  const rowOf = (group, word) => {
    const only = new Set(group.map((f) => f.place));
    return [
      button({ onclick: () => choose({ only, suppressed: true }) }, "show"),
      badge(worst(group)),
      word,
      some(group, (f) => f.source_ip),
      some(group, endpoint),
      seconds(sleepOf(group[0])),
      whole(group.length),
    ];
  };
  const rows = CAMPAIGNS.flatMap(([id, word]) => {
    const members = findings.filter((f) => f[id]);
    return [...grouped(members, (f) => f[id]).values()].map((group) => rowOf(group, word));
  });
  const headers = ["", "severity", "kind", "sources", "destinations", "sleep", "findings"];
  byId("campaigns").append(
    rows.length
      ? table(headers, rows.slice(0, MOST_ROWS), [5, 6])
      : hint("No beacons that belong together."),
  );
  if (rows.length > MOST_ROWS) {
    const more = rows.length - MOST_ROWS;
    byId("campaigns").append(hint(`and ${more} more; search for their findings above`));
  }
}

function suppressions() {
  const hidden = findings.filter((f) => f.suppressed);
  const rows = hidden.slice(0, MOST_ROWS).map((f) => {
    const by = (f.suppressed_by || []).join("; ");
    return [badge(f.severity), f.source_ip, endpoint(f), share(f.beacon_score), by];
  });
  const headers = ["severity", "source", "destination", "score", "suppressed by"];
  byId("suppressions").append(rows.length ? table(headers, rows, [3]) : hint("Nothing."));
  if (hidden.length > MOST_ROWS) {
    const more = hidden.length - MOST_ROWS;
    byId("suppressions").append(hint(`and ${more} more; tick "suppressed too" above`));
  }
}

const RUN_COLUMNS = [
  "end_date",
  "score_window_days",
  "percent_beacon_threshold",
  "daily_event_count_threshold",
  "time_delta_threshold",
  "beacon_score_threshold",
  "run_id",
  "run_started_at",
];

function aboutRun() {
  if (!findings.length) {
    const words = "The export is there, and empty: the run found nothing. Report made ";
    byId("run").append(hint(words + data.made_at + "."));
    return;
  }
  const facts = { ...findings[0], "report made": data.made_at };
  byId("run").append(values(facts, [...RUN_COLUMNS, "report made"]));
  // Each vendor is judged as a population of its own.
  const rows = vendors.map((vendor) => {
    const own = findings.filter((f) => f.device_vendor === vendor);
    return [vendor, ...[own.length, own[0].history_days, own[0].active_sources].map(whole)];
  });
  const headers = ["vendor", "findings", "days of history", "sources"];
  byId("run").append(table(headers, rows, [1, 2, 3]));
  if (enriched) {
    const title = el("h3", { class: "hint" }, "Lookups, by finding");
    byId("run").append(title, table(["lookup", "status"], lookupStatuses()));
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

function headings() {
  const first = findings[0];
  byId("title").textContent = first
    ? `Beaconing on ${visible(first.end_date)}, ${vendors.map(visible).join(" and ")}`
    : "No beaconing found";
  byId("subtitle").textContent = first
    ? `${plural(shown.length, "finding")} to look at. ` +
      `Run ${visible(first.run_id)}, started ${visible(first.run_started_at)}.`
    : "Nothing passed the thresholds of the run.";
}

function filters() {
  const fill = (id, items) =>
    byId(id).append(...items.map((item) => el("option", { value: item }, item)));
  const has = (severity) => findings.some((f) => f.severity === severity);
  fill("severity", SEVERITIES.filter(has));
  fill("status", distinct(findings, (f) => f.status).sort());
  fill("vendor", vendors);
  byId("vendor").parentElement.hidden = vendors.length < 2;

  const filter = (name) => {
    Object.assign(state, { [name]: byId(name).value, page: 0 });
    select();
  };
  let timer = 0;
  byId("search").addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(filter, 120, "search");
  });
  for (const name of FILTERS) byId(name).addEventListener("change", () => filter(name));
  byId("suppressed").addEventListener("change", () => {
    Object.assign(state, { suppressed: byId("suppressed").checked, page: 0 });
    select();
  });
  byId("clear").addEventListener("click", () => {
    byId("suppressed").checked = false;
    choose({ column: null, suppressed: false });
  });
  byId("open-all").addEventListener("click", openAll);
}

headings();
filters();
tiles();
scatter();
map();
campaigns();
suppressions();
aboutRun();
if (shown.length) state.open.add(shown[0].place);
select();
