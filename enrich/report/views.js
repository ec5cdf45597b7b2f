// The three views of what passes the filters: findings, hosts, and what is new, has changed or has
// stopped.

const worst = (group) =>
  SEVERITIES.find((severity) => group.some((f) => severityOf(f) === severity)) || "";
// Worst first where it is sorted downwards.
const severityRank = (severity) => -(SEVERITIES.indexOf(severity) + 1 || SEVERITIES.length + 1);

// --- Cells --------------------------------------------------------------------------------------

// Its own name, or that in the logs.
const sourceName = (f) => f.source_name || f.source_host_name;

function sourceCell(f) {
  const isCritical = f.source_criticality === "high";
  return [
    isCritical
      ? el("span", { class: "alarm", title: "a critical source", role: "img", "aria-label": "critical source" }, "!")
      : null,
    quoted(f.source_ip),
    sourceName(f) ? quoted(shortened(sourceName(f), 60), "soft") : null,
  ];
}

function alarm(f) {
  if (knownBad(f) !== "named") return null;
  return el("span", { class: "alarm", title: shortened(matchesOf(f)[0], 200) }, "bad");
}

// Ports or addresses that beat only together.
const several = (f) => (f.several ? `${whole(membersOf(f).length)} ${f.several}` : null);

// Where there is no address, the name stands in its place already.
const nameOf = (f) => (f.destination_name === f.destination_ip ? null : f.destination_name);

function destinationCell(f) {
  const known = [several(f), nameOf(f), ownerOf(f), f.country].filter(Boolean);
  return [
    alarm(f),
    quoted(f.destination_ip),
    known.map((text) => quoted(shortened(text, 60), "soft")),
  ];
}

const verdictCell = (f) => {
  const made = verdictOf(f);
  return made ? el("span", { class: "verdict " + made.verdict }, made.verdict) : soft("–");
};

function sinceCell(f) {
  if (f.status !== "continuing") return el("b", {}, f.status);
  return isMissing(f.began_on) ? "–" : f.began_on.slice(5);
}

// --- Columns ------------------------------------------------------------------------------------

const number = (name, of, cell, hint, kind = "number") => ({
  name,
  kind,
  sort: of,
  first: "down",
  cell,
  hint,
});
const PORT = {
  name: "port",
  kind: "port",
  sort: (f) => f.destination_port,
  cell: (f) => [quoted(f.destination_port), quoted(f.protocol, "soft")],
};
const SOURCE = {
  name: "source",
  kind: "source",
  sort: (f) => addressKey(f.source_ip),
  cell: sourceCell,
  full: (f) =>
    [f.source_ip, f.source_name, f.source_host_name, f.source_user_name].filter(Boolean).join(" "),
};
const DESTINATION = {
  name: "destination",
  kind: "destination",
  sort: (f) => addressKey(f.destination_ip),
  cell: destinationCell,
  full: (f) =>
    [f.destination_ip, f.destination_name, ownerOf(f), f.country].filter(Boolean).join(" "),
};
const SEVERITY = {
  name: "severity",
  kind: "severity",
  first: "down",
  hint: "of one severity, the strongest first",
  sort: (f) => severityRank(severityOf(f)),
  cell: (f) => badge(severityOf(f)),
};
const INTERVAL = {
  name: "interval",
  kind: "interval",
  hint: "the sleep of an implant, less up to so much jitter",
  sort: intervalOf,
  cell: cadence,
};
const SINCE = {
  name: "since",
  kind: "since",
  hint: "day on which the beacon was first found",
  sort: (f) => f.began_on,
  first: "down",
  cell: sinceCell,
  full: (f) => f.began_on,
};

const FINDING_COLUMNS = [
  {
    name: "verdict",
    kind: "verdict",
    sort: (f) => (verdictOf(f) ? VERDICTS.indexOf(verdictOf(f).verdict) : null),
    first: "down",
    cell: verdictCell,
    full: (f) => verdictOf(f)?.note,
  },
  SEVERITY,
  SOURCE,
  DESTINATION,
  PORT,
  INTERVAL,
  number(
    "events",
    (f) => f.event_count,
    (f) => whole(f.event_count),
  ),
  number(
    "out",
    (f) => f.total_sent_bytes,
    (f) => bytes(f.total_sent_bytes),
    "bytes sent",
  ),
  number(
    "in",
    (f) => f.total_received_bytes,
    (f) => bytes(f.total_received_bytes),
    "bytes received",
  ),
  { name: "seen", kind: "seen", hint: "first to last, UTC", sort: (f) => f.first_seen, cell: span },
  SINCE,
  number(
    "hosts",
    (f) => f.sources,
    (f) => whole(f.sources),
    "sources that reach the destination" +
      (judgedVendors.length > 1 ? ", in the logs of the finding's vendor" : ""),
    "number few",
  ),
  {
    name: "firewall",
    kind: "passage",
    hint: "what the firewall did",
    first: "down",
    sort: (f) => (f.event_count ? f.denied_event_count / f.event_count : null),
    cell: passage,
  },
];

const unjudged = (host) => host.group.filter((f) => !verdictOf(f)).length;

const HOST_COLUMNS = [
  SEVERITY,
  SOURCE,
  {
    name: "user",
    kind: "name",
    sort: (h) => h.source_user_name,
    cell: (h) => shortened(h.source_user_name, 60),
  },
  number(
    "findings",
    (h) => h.group.length,
    (h) => whole(h.group.length),
  ),
  number("no verdict", unjudged, (h) => whole(unjudged(h))),
  number(
    "known bad",
    (h) => h.bad,
    (h) => whole(h.bad),
    "– where nobody was asked",
  ),
  number(
    "destinations",
    (h) => h.destinations.length,
    (h) => whole(h.destinations.length),
  ),
  {
    name: "to",
    kind: "destination",
    cell: (h) => some(h.destinations, 4).map((text) => quoted(text)),
  },
  number(
    "out",
    (h) => h.sent,
    (h) => bytes(h.sent),
    "bytes sent",
  ),
  number(
    "in",
    (h) => h.received,
    (h) => bytes(h.received),
    "bytes received",
  ),
];
const CHANGE_COLUMNS = [
  { name: "status", kind: "since", sort: (f) => f.status, cell: (f) => el("b", {}, f.status) },
  {
    name: "first found",
    kind: "since",
    sort: (f) => f.began_on,
    first: "down",
    cell: (f) => f.began_on,
  },
  ...[FINDING_COLUMNS[0], SEVERITY, SOURCE, DESTINATION, PORT, INTERVAL],
];

// --- Hosts --------------------------------------------------------------------------------------

function total(group, name) {
  const known = group.map((f) => f[name]).filter((n) => !isMissing(n));
  return known.length ? known.reduce((sum, n) => sum + n, 0) : null;
}

// A source with its findings; the worst host is the first.
function hostsOf(items) {
  const hosts = [...grouped(items, (f) => f.source_ip).values()].map((group) => ({
    source_ip: group[0].source_ip,
    source_host_name: group.find((f) => f.source_host_name)?.source_host_name ?? null,
    source_user_name: group.find((f) => f.source_user_name)?.source_user_name ?? null,
    source_name: group[0].source_name,
    source_criticality: group[0].source_criticality,
    severity: worst(group),
    bad: group.some((f) => knownBad(f) !== "not checked")
      ? group.filter((f) => knownBad(f) === "named").length
      : null,
    destinations: distinct(group, (f) => f.destination_ip),
    sent: total(group, "total_sent_bytes"),
    received: total(group, "total_received_bytes"),
    group,
  }));
  const rank = (h) => [severityRank(h.severity), h.bad ?? 0, h.group.length];
  const worse = (a, b) =>
    rank(a)
      .map((n, i) => rank(b)[i] - n)
      .find(Boolean) || 0;
  return hosts.sort(worse);
}

// --- Views --------------------------------------------------------------------------------------

const OF_A_HOST = "source"; // the filter of one host's findings

const views = {
  findings: {
    listing: makeListing({
      id: "findings",
      label: "findings",
      columns: FINDING_COLUMNS,
      idOf: (f) => f.beacon_id,
      classOf: (f) => (f.suppressed ? "quiet" : ""),
      chosen: showFinding,
      open: openPane,
    }),
    items: () => selected,
    hasPane: true,
  },
  hosts: {
    listing: makeListing({
      id: "hosts",
      label: "hosts",
      columns: HOST_COLUMNS,
      idOf: (h) => h.source_ip,
      open: (h) => {
        // With the filters that made the host's row, so that they are there on the way back.
        const test = (f) => f.source_ip === h.source_ip;
        active.set(OF_A_HOST, new Map([[h.source_ip, test]]));
        select();
        show("findings");
        views.findings.listing.focus();
      },
    }),
    items: () => hostsOf(selected),
  },
  changes: {
    listing: makeListing({
      id: "changes",
      label: "changes",
      columns: CHANGE_COLUMNS,
      idOf: (f) => f.beacon_id,
      chosen: showFinding,
      open: openPane,
    }),
    items: () => {
      const of = (status) => selected.filter((f) => f.status === status);
      const all = [...of("changed"), ...of("new"), ...selectedStopped];
      const rank = (f) => 2 * severityRank(severityOf(f)) + (knownBad(f) === "named");
      return all.sort((a, b) => rank(b) - rank(a));
    },
    hasPane: true,
  },
};
let view = "findings";
const current = () => views[view];

// Only the view that is shown is drawn; its tab says how many rows it has, and so do the others.
function showViews() {
  const hosts = distinct(selected, (f) => f.source_ip).length;
  const changed = selected.filter((f) => ["new", "changed"].includes(f.status)).length;
  const changes = changed + selectedStopped.length;
  const counts = { findings: selected.length, hosts, changes };
  for (const name of Object.keys(views)) {
    const tab = byId("tab-" + name);
    tab.setAttribute("aria-current", String(name === view));
    tab.lastElementChild.textContent = whole(counts[name]);
  }
  const { listing, items, hasPane } = current();
  const rows = items();
  byId("list").replaceChildren(listing.node);
  byId("pages").replaceChildren(listing.pager);
  byId("list").dataset.view = view;
  if (!hasPane) showFinding(null);
  listing.show(rows);
  const words = {
    findings: `${plural(rows.length, "finding")} of ${whole(findings.length)}`,
    hosts: plural(rows.length, "host"),
    changes: `${plural(changed, "finding")} new or changed; ${
      stopped
        ? whole(selectedStopped.length) + " stopped"
        : "the table beacon_lifecycle has what stopped"
    }`,
  };
  byId("count").textContent =
    rows.length || !findings.length || view === "changes"
      ? words[view]
      : "No finding fits this filter.";
  byId("empty").hidden = findings.length > 0;
}

function show(name) {
  view = name;
  showViews();
}

function leaveHost() {
  active.delete(OF_A_HOST);
  select();
  show("hosts");
  views.hosts.listing.focus();
}

// --- Pane ---------------------------------------------------------------------------------------

// On a phone the pane covers the list.
let isPaneOpen = !matchMedia("(max-width: 700px)").matches;
let paned = null;

function showFinding(f) {
  const isOther = f !== paned;
  paned = f;
  drawPane();
  if (isOther) byId("pane").scrollTop = 0;
  if (f && isPaneOpen && isStarted) remember(f);
}

function drawPane() {
  const pane = byId("pane");
  pane.hidden = !isPaneOpen || !paned;
  byId("work").classList.toggle("has-pane", !pane.hidden);
  refill(pane, pane.hidden ? [] : detail(paned), pane);
}

// Who clicked stays in the list.
function openPane(f, isByKey) {
  isPaneOpen = true;
  showFinding(f);
  current().listing.reveal();
  if (isByKey) byId("pane-title").focus({ preventScroll: true });
}

function closePane() {
  isPaneOpen = false;
  drawPane();
  current().listing.focus();
}

function refreshRows(f) {
  for (const { listing } of [views.findings, views.changes]) listing.refresh(f);
}

function afterVerdict(f) {
  refreshRows(f);
  if (paned === f) drawPane();
  drawFilters();
}

// --- Links to a finding -------------------------------------------------------------------------

let isStarted = false;

// Browsers do not let every page change its address.
function remember(f) {
  try {
    history.replaceState(null, "", "#" + encodeURIComponent(f.beacon_id));
  } catch {
    // The button "link" still copies the address.
  }
}

function followLink() {
  let beacon;
  try {
    beacon = decodeURIComponent(location.hash.slice(1));
  } catch {
    return;
  }
  if (!beacon) return;
  const f = findings.find((one) => one.beacon_id === beacon);
  if (!f) {
    say(`This report has no finding ${visible(beacon)}.`);
    return;
  }
  reset();
  if (f.suppressed) active.delete("suppressed");
  view = "findings";
  isPaneOpen = true;
  select();
  views.findings.listing.choose(f);
  views.findings.listing.focus();
}
