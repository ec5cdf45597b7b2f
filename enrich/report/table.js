// The table of findings: columns, filters, pages, and the details of a finding.

const PAGE = 50; // findings

// --- Details ------------------------------------------------------------------------------------

// An array in an array is a bar of the interval histogram: seconds and events.
function listed(value) {
  if (!Array.isArray(value)) return value;
  return value.map((item) => (Array.isArray(item) ? item.join("×") : item)).join(", ");
}

function values(f, names) {
  const pair = (name) => [el("dt", {}, name), el("dd", {}, visible(listed(f[name])))];
  return el("dl", { class: "values" }, names.map(pair));
}

function detail(f, columns) {
  const own = data.columns.filter((name) => !data.lookups.includes(name));
  const found = data.lookups.filter((name) => f[name] !== null);
  const points = [
    (f.reasons || []).map((reason) => el("li", {}, reason)),
    knownBad(f).map((match) => el("li", { class: "alarm" }, match)),
    (f.suppressed_by || []).map((by) => el("li", {}, "suppressed: " + by)),
  ];
  const pictures = [hourly(f), intervals(f), beats(f), traffic(f), scores(f)];
  if (enriched) pictures.push(picture("What the lookups know", values(f, found)));
  return el(
    "tr",
    { class: "detail" },
    el(
      "td",
      { colspan: columns },
      el("ul", {}, points),
      el("div", { class: "pictures" }, pictures),
      el("details", {}, el("summary", {}, "all columns"), values(f, own)),
    ),
  );
}

// --- Columns ------------------------------------------------------------------------------------

function placeCell(f) {
  const place = enriched && f.country ? sub([f.city, f.country].filter(Boolean).join(", ")) : null;
  return [visible(endpoint(f)) + " " + visible(f.protocol), nameBelow(f.destination_name), place];
}

// Names are what logs say, so they may be long.
function nameBelow(name) {
  return name ? sub(shortened(name, 60)) : null;
}

function ownerCell(f) {
  const [match] = knownBad(f);
  return [ownerOf(f), match ? el("span", { class: "alarm" }, shortened(match, 60)) : null];
}

function sleepCell(f) {
  const jitter = f.estimated_jitter_percent;
  return [
    seconds(sleepOf(f)),
    sub(jitter === null ? "–" : "jitter " + percent(Math.round(jitter))),
  ];
}

function eventsCell(f) {
  const denied = f.denied_event_count ? sub(whole(f.denied_event_count) + " denied") : null;
  return [whole(f.event_count), denied];
}

function reasonsCell(f) {
  return [f.reasons[0], f.reasons.length > 1 ? sub(`and ${f.reasons.length - 1} more`) : null];
}

// `sort` gives the sort key of a finding; a column without `sort` cannot be sorted.
const COLUMNS = [
  {
    name: "severity",
    sort: (f) => SEVERITIES.indexOf(f.severity),
    cell: (f) => [badge(f.severity), sub(f.suppressed ? "suppressed" : f.status)],
  },
  {
    name: "score",
    kind: "number",
    hint: "beacon_score, and percent_beacon below it",
    sort: (f) => -(f.beacon_score ?? -1),
    cell: (f) => [
      share(f.beacon_score),
      sub(f.percent_beacon === null ? "–" : percent(f.percent_beacon, 1)),
    ],
  },
  {
    name: "source",
    kind: "address",
    sort: (f) => addressKey(f.source_ip),
    cell: (f) => [f.source_ip, nameBelow(f.source_host_name)],
  },
  {
    name: "destination",
    kind: "address",
    sort: (f) => addressKey(f.destination_ip),
    cell: placeCell,
  },
  {
    name: "owner",
    kind: "wide",
    only: enriched,
    sort: (f) => f.as_organization || "\uffff",
    cell: ownerCell,
  },
  {
    name: "vendor",
    kind: "vendor",
    only: vendors.length > 1,
    sort: (f) => f.device_vendor,
    cell: (f) => shortened(f.device_vendor, 40),
  },
  { name: "sleep", kind: "number", sort: (f) => sleepOf(f) ?? Infinity, cell: sleepCell },
  { name: "events", kind: "number", sort: (f) => -f.event_count, cell: eventsCell },
  { name: "per hour", cell: spark },
  { name: "why", cell: reasonsCell },
].filter((column) => column.only !== false);

// --- Which findings, in which order -------------------------------------------------------------

const FILTERS = ["severity", "status", "vendor"];
const NO_FILTER = { search: "", severity: "", status: "", vendor: "", only: null, page: 0 };
const state = { ...NO_FILTER, suppressed: false, column: null, down: false, open: new Set() };
let selected = [];

// The text that the search looks at, in lower case; made once per finding.
function haystack(f) {
  if (f.haystack === undefined) {
    const texts = [
      ...[endpoint(f), f.source_ip, f.protocol, f.device_vendor, f.severity, f.status],
      ...[f.beacon_id, f.found_by, ...(f.reasons || [])],
      ...[f.shared_destination_campaign_id, f.rotating_destination_campaign_id],
      ...[f.country, f.city, f.as_organization, f.asn && "AS" + f.asn],
      ...[f.whois_organization, f.reverse_dns, ...knownBad(f)],
    ];
    f.haystack = texts.filter(Boolean).join("\n").toLowerCase();
  }
  return f.haystack;
}

function select() {
  const words = state.search.toLowerCase().split(/\s+/).filter(Boolean);
  selected = findings.filter(
    (f) =>
      (state.suppressed || !f.suppressed) &&
      (!state.severity || f.severity === state.severity) &&
      (!state.status || f.status === state.status) &&
      (!state.vendor || f.device_vendor === state.vendor) &&
      (!state.only || state.only.has(f.place)) &&
      words.every((word) => haystack(f).includes(word)),
  );
  if (state.column) {
    const keyed = selected.map((f) => [state.column.sort(f), f]);
    keyed.sort(([a, f], [b, g]) => (a < b ? -1 : a > b ? 1 : f.place - g.place));
    if (state.down) keyed.reverse();
    selected = keyed.map(([, f]) => f);
  }
  const lastPage = Math.max(0, Math.ceil(selected.length / PAGE) - 1);
  state.page = Math.min(state.page, lastPage);
  draw();
}

function choose(changes) {
  Object.assign(state, NO_FILTER, changes);
  for (const name of ["search", ...FILTERS]) byId(name).value = state[name];
  select();
  byId("findings-title").scrollIntoView({ behavior: "smooth" });
}

function sortBy(column) {
  state.down = state.column === column && !state.down;
  state.column = column;
  state.page = 0;
  select();
}

function toggle(f) {
  if (state.open.has(f.place)) state.open.delete(f.place);
  else state.open.add(f.place);
  draw();
}

function turnPage(step) {
  state.page += step;
  draw();
}

const currentPage = () => selected.slice(state.page * PAGE, (state.page + 1) * PAGE);

function openAll() {
  for (const f of currentPage()) state.open.add(f.place);
  draw();
}

// --- Drawing ------------------------------------------------------------------------------------

function draw() {
  byId("findings").tHead.replaceChildren(headRow());
  byId("findings").tBodies[0].replaceChildren(...currentPage().flatMap(bodyRows));
  byId("count").textContent = selected.length
    ? `${plural(selected.length, "finding")} of ${whole(findings.length)}`
    : findings.length
      ? "No finding fits this filter."
      : "No connection beacons at these thresholds.";
  byId("pager").replaceChildren(...(selected.length > PAGE ? pager() : []));
}

function headRow() {
  const head = (column) => {
    const isSorted = state.column === column;
    const arrow = isSorted ? (state.down ? " ▴" : " ▾") : "";
    const attributes = {
      scope: "col",
      class: column.kind === "number" ? "number" : null,
      title: column.hint,
      "aria-sort": isSorted ? (state.down ? "descending" : "ascending") : null,
    };
    const sorter = () => button({ onclick: () => sortBy(column) }, column.name + arrow);
    return el("th", attributes, column.sort ? sorter() : column.name);
  };
  return el("tr", {}, el("th", { scope: "col" }, " "), COLUMNS.map(head));
}

function bodyRows(f) {
  const isOpen = state.open.has(f.place);
  const expander = button(
    {
      class: "expander",
      "aria-expanded": String(isOpen),
      "aria-label": "details",
      onclick: (event) => {
        event.stopPropagation();
        toggle(f);
      },
    },
    isOpen ? "▼" : "▶",
  );
  const row = el(
    "tr",
    {
      class: "row" + (f.suppressed ? " is-suppressed" : ""),
      "data-beacon": f.beacon_id,
      // A click that ends a selection of text does not open the details.
      onclick: () => {
        if (!String(getSelection())) toggle(f);
      },
    },
    el("td", {}, expander),
    COLUMNS.map((column) => el("td", { class: column.kind || null }, column.cell(f))),
  );
  return isOpen ? [row, detail(f, COLUMNS.length + 1)] : [row];
}

function pager() {
  const first = state.page * PAGE;
  const last = Math.min(first + PAGE, selected.length);
  const turn = (id, step, isPossible) =>
    button({ id, ...(isPossible ? {} : { disabled: "" }), onclick: () => turnPage(step) }, id);
  return [
    turn("previous", -1, state.page > 0),
    el("span", {}, `${whole(first + 1)} to ${whole(last)} of ${whole(selected.length)}`),
    turn("next", 1, last < selected.length),
  ];
}
