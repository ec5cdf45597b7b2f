"use strict";
// Values of the logs are hostile: they are put on the page as text nodes and SVG titles only, never as markup.

const SEVERITIES = ["critical", "high", "medium", "low"];
const PAGE = 50;
const LONGEST = 300;
const SVG = "http://www.w3.org/2000/svg";
const byId = (id) => document.getElementById(id);

// Control, direction and other invisible characters are spelt out, so that nothing poses as something else.
function visible(value) {
  if (value === null || value === undefined || value === "") return "–";
  const text = String(value).replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (c) => "\\u{" + c.codePointAt(0).toString(16) + "}");
  return text.length > LONGEST ? text.slice(0, LONGEST - 1) + "…" : text;
}

function make(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  }
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined) element.append(child.nodeType ? child : visible(child));
  }
  return element;
}
const el = (tag, attributes, ...children) => make(document.createElement(tag), attributes, children);
const svg = (tag, attributes, ...children) => make(document.createElementNS(SVG, tag), attributes, children);

const data = JSON.parse(byId("data").textContent);
const findings = data.rows.map((row, place) => {
  const finding = { place };
  data.columns.forEach((name, i) => { finding[name] = row[i]; });
  return finding;
});
const enriched = data.columns.includes("country");
const shown = findings.filter((f) => !f.suppressed);
const vendors = [...new Set(findings.map((f) => f.device_vendor))].sort();

// --- Words ------------------------------------------------------------------------------------------------------------

const whole = (n) => (n === null || n === undefined ? "–" : Math.round(n).toLocaleString("en-US"));
const share = (n) => (n === null || n === undefined ? "–" : n.toFixed(2));

function seconds(n) {
  if (n === null || n === undefined) return "–";
  if (n < 120) return (n < 10 ? n.toFixed(1) : Math.round(n * 10) / 10) + " s";
  if (n < 7200) return Math.round(n / 6) / 10 + " min";
  return Math.round(n / 360) / 10 + " h";
}

function bytes(n) {
  if (n === null || n === undefined) return "–";
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (n >= 1000 && unit < units.length - 1) { n /= 1000; unit += 1; }
  return (unit && n < 100 ? n.toFixed(1) : Math.round(n)) + " " + units[unit];
}

function shortened(value, length) {
  const text = visible(value);
  return text.length > length ? text.slice(0, length - 1) + "…" : text;
}

function endpoint(f) {
  const address = f.destination_ip;
  if (f.destination_port === null) return address;
  return (address.includes(":") ? "[" + address + "]" : address) + ":" + f.destination_port;
}

const sleepOf = (f) => f.estimated_sleep_seconds ?? f.period_seconds ?? f.time_delta;
const known = (f) => [...(f.feed_matches || []), ...(f.ti_matches || [])];
const plural = (n, word) => whole(n) + " " + word + (n === 1 ? "" : "s");
const badge = (severity) => el("span", { class: "badge " + (SEVERITIES.includes(severity) ? severity : "") }, severity);

// Numbers of an address in their order, so that 10.0.0.9 comes before 10.0.0.10.
function addressKey(text) {
  if (!text.includes(":")) return "4" + text.split(".").map((part) => part.padStart(3, "0")).join(".");
  const [head, tail] = text.split("::").map((half) => (half ? half.split(":") : []));
  const middle = tail ? Array(Math.max(0, 8 - head.length - tail.length)).fill("0") : [];
  return "6" + [...head, ...middle, ...(tail || [])].map((part) => part.padStart(4, "0")).join(":");
}

function table(headers, rows, numbers = []) {
  const kind = (i) => (numbers.includes(i) ? { class: "number" } : {});
  return el("div", { class: "scroll" }, el("table", {},
    el("thead", {}, el("tr", {}, headers.map((header, i) => el("th", { scope: "col", ...kind(i) }, header)))),
    el("tbody", {}, rows.map((row) => el("tr", {}, row.map((cell, i) => el("td", kind(i), cell)))))));
}

function count(items, keyOf) {
  const counts = new Map();
  for (const item of items) counts.set(keyOf(item), (counts.get(keyOf(item)) || 0) + 1);
  return counts;
}

// --- Pictures of a finding ----------------------------------------------------------------------------------------------

const W = 400, H = 150, LEFT = 40, BOTTOM = 24, TOP = 16;
const picture = (title, ...content) => el("div", { class: "picture" }, el("h3", {}, title), ...content);
const frame = (name, ...content) => svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": name },
  svg("path", { class: "axis", d: `M${LEFT} ${TOP}V${H - BOTTOM}H${W}` }), ...content);
const yLabel = (text, y) => svg("text", { x: LEFT - 5, y: y + 4, "text-anchor": "end" }, text);

function windowStart(f) {
  const days = Math.max(1, f.hourly_event_counts.length / 24);
  return Date.parse(f.end_date + "T00:00:00Z") - (days - 1) * 86400000;
}

function hourLabels(f, x) {
  const hours = f.hourly_event_counts.length;
  const step = hours <= 24 ? 6 : 24 * Math.ceil(hours / 24 / 6);
  const labels = [];
  for (let hour = 0; hour < hours + (hours <= 24 ? 1 : 0); hour += step) {
    const time = new Date(windowStart(f) + hour * 3600000).toISOString();
    const text = hours <= 24 ? String(hour).padStart(2, "0") + ":00" : time.slice(5, 10);
    labels.push(svg("text", { x: x(hour), y: H - 8, "text-anchor": !hour ? "start" : hour === hours ? "end" : "middle" }, text));
  }
  return labels;
}

function hourly(f) {
  const counts = f.hourly_event_counts || [];
  if (!counts.length) return picture("Connections per hour", el("p", { class: "hint" }, "no hours in the export"));
  const beat = f.period_seconds ? 3600 / f.period_seconds : null;
  const top = Math.max(1, ...counts, beat && beat < 2 * Math.max(...counts) ? beat : 0) * 1.08;
  const x = (hour) => LEFT + (W - LEFT) * hour / counts.length;
  const y = (n) => H - BOTTOM - (H - BOTTOM - TOP) * n / top;
  const width = (W - LEFT) / counts.length;
  return picture("Connections per hour, UTC", frame("connections per hour",
    counts.map((n, hour) => n ? svg("rect", { class: "bar", x: x(hour) + width * .08, y: y(n), width: width * .84, height: y(0) - y(n) },
      svg("title", {}, new Date(windowStart(f) + hour * 3600000).toISOString().slice(0, 13).replace("T", " ") + ":00: " + plural(n, "connection"))) : null),
    beat && beat <= top ? [svg("path", { class: "expected", d: `M${LEFT} ${y(beat)}H${W}` }),
      svg("text", { x: W, y: y(beat) - 4, "text-anchor": "end" }, "one every " + seconds(f.period_seconds))] : [],
    yLabel(whole(Math.max(...counts)), y(Math.max(...counts))), yLabel("0", y(0)), hourLabels(f, x)));
}

function intervals(f) {
  const title = "Intervals between beats";
  const bars = f.interval_histogram || [];
  if (!bars.length) return picture(title, el("p", { class: "hint" }, "no intervals"));
  const sleep = f.estimated_sleep_seconds, jitter = f.estimated_jitter_percent;
  const total = bars.reduce((sum, [, events]) => sum + events, 0);
  // Rare long gaps would squeeze the beat into one line: leave out one in a hundred at either end.
  let seen = 0, from = bars[0][0], to = bars[bars.length - 1][0];
  for (const [delta, events] of bars) {
    if (seen <= total * .01) from = delta;
    seen += events;
    if (seen >= total * .99) { to = delta; break; }
  }
  if (sleep !== null) { to = Math.max(to, Math.ceil(sleep)); from = Math.min(from, Math.floor(sleep * (1 - (jitter || 0) / 100))); }
  const pad = Math.max(2, Math.round((to - from) * .08));
  from = Math.max(0, from - pad); to += pad;
  const bin = Math.max(1, Math.ceil((to - from + 1) / 90));
  const counts = new Map();
  let beyond = 0;
  for (const [delta, events] of bars) {
    if (delta < from || delta > to) beyond += events;
    else counts.set(Math.floor((delta - from) / bin), (counts.get(Math.floor((delta - from) / bin)) || 0) + events);
  }
  const top = Math.max(...counts.values()) * 1.1, bins = Math.ceil((to - from + 1) / bin);
  const x = (delta) => LEFT + (W - LEFT) * (delta - from) / (bins * bin);
  const y = (n) => H - BOTTOM - (H - BOTTOM - TOP) * n / top;
  const marks = [];
  if (sleep !== null) {
    const shortest = sleep * (1 - (jitter || 0) / 100);
    marks.push(svg("rect", { class: "band", x: x(shortest), y: TOP, width: Math.max(1, x(sleep) - x(shortest)), height: H - BOTTOM - TOP }));
  }
  const line = sleep === null ? [] : [
    svg("path", { class: "sleep", d: `M${x(sleep)} ${TOP}V${H - BOTTOM}` }),
    svg("text", { class: "mark", x: Math.min(Math.max(x(sleep), LEFT + 82), W - 82), y: TOP - 4, "text-anchor": "middle" },
      `sleep ${seconds(sleep)}, jitter ${Math.round(jitter || 0)} %`)];
  return picture(title, frame("histogram of intervals", marks,
    [...counts].map(([place, n]) => svg("rect", { class: "bar", x: x(from + place * bin) + .4, y: y(n), width: Math.max(1, x(from + bin) - x(from) - .8), height: y(0) - y(n) },
      svg("title", {}, `${from + place * bin}${bin > 1 ? "–" + (from + place * bin + bin - 1) : ""} s: ${plural(n, "interval")}`))),
    line, yLabel(whole(top / 1.1), y(top / 1.1)), yLabel("0", y(0)),
    [from, (from + to) / 2, to].map((delta, i) => svg("text", { x: x(delta), y: H - 8, "text-anchor": ["start", "middle", "end"][i] }, seconds(delta)))),
  beyond ? el("p", { class: "hint" }, plural(beyond, "interval") + " outside the picture") : null);
}

function beats(f) {
  const counts = f.hourly_event_counts || [];
  const total = counts.reduce((sum, n) => sum + n, 0);
  if (!total) return picture("Beats over time", el("p", { class: "hint" }, "no beats in the window"));
  const start = windowStart(f), end = start + counts.length * 3600000;
  const x = (time) => LEFT + (W - LEFT) * (time - start) / (end - start);
  const y = (n) => H - BOTTOM - (H - BOTTOM - TOP) * n / total / 1.08;
  const first = Math.max(start, Date.parse(f.first_seen)), last = Math.min(end, Date.parse(f.last_seen));
  const points = [[first, 0]];
  let sum = 0;
  counts.forEach((n, hour) => {
    sum += n;
    const time = start + (hour + 1) * 3600000;
    if (time > first && time < last) points.push([time, sum]);
  });
  points.push([last, total]);
  const path = (list) => list.map(([time, n], i) => `${i ? "L" : "M"}${x(time).toFixed(1)} ${y(n).toFixed(1)}`).join("");
  return picture("Beats over time, added up (steady is straight)", frame("beats added up over time",
    svg("path", { class: "expected", d: path([[first, 0], [last, total]]) }),
    svg("path", { class: "line", d: path(points) }),
    [[first, 0, "first"], [last, total, "last"]].map(([time, n, word]) => svg("circle", { class: "bar", cx: x(time), cy: y(n), r: 3.5 },
      svg("title", {}, word + " seen " + new Date(time).toISOString().slice(0, 19).replace("T", " ") + " UTC"))),
    yLabel(whole(total), y(total)), yLabel("0", y(0)), hourLabels(f, (hour) => x(start + hour * 3600000))));
}

function traffic(f) {
  const title = "Bytes, in all and in the middle connection";
  const rows = [["sent", f.total_sent_bytes, "bar"], ["received", f.total_received_bytes, "bar other"],
    ["sent, middle", f.median_sent_bytes, "bar"], ["received, middle", f.median_received_bytes, "bar other"]];
  if (rows.every(([, n]) => n === null)) return picture(title, el("p", { class: "hint" }, "the log has no sizes"));
  const top = Math.log10(Math.max(10, ...rows.map(([, n]) => n || 0)));
  const repeated = [["sent", f.sent_modal_share], ["received", f.received_modal_share]].filter(([, n]) => n !== null)
    .map(([word, n]) => `${Math.round(n * 100)} % of the connections ${word === "sent" ? "send" : "receive"} the same size`);
  return picture(title, svg("svg", { viewBox: `0 0 ${W} ${H - 20}`, role: "img", "aria-label": "bytes" },
    rows.map(([word, n, kind], i) => [svg("text", { x: 98, y: 25 + i * 30, "text-anchor": "end" }, word),
      n ? svg("rect", { class: kind, x: 104, y: 12 + i * 30, width: Math.max(2, (W - 104 - 62) * Math.log10(n) / top), height: 18 }) : null,
      svg("text", { x: 110 + (n ? Math.max(2, (W - 104 - 62) * Math.log10(n) / top) : 0), y: 25 + i * 30 }, bytes(n))])),
  el("p", { class: "hint" }, "Length of a bar: logarithm. " + (repeated.length ? repeated.join(", ") + "." : "")));
}

const SCORES = [["beacon_score", "beacon score", (f) => f.beacon_score_threshold], ["timing_score", "timing", (f) => f.null_quantile],
  ["size_score", "size"], ["rarity_score", "rarity"], ["jitter_share", "one sleep with jitter"], ["cadence_share", "two sleeps"],
  ["regularity", "regularity"], ["uniform_fit", "uniform jitter"], ["clock_lock_share", "same second"],
  ["rita_timestamp_score", "RITA time"], ["rita_data_size_score", "RITA size"], ["rita_histogram_score", "RITA histogram"],
  ["rita_duration_score", "RITA duration"], ["rita_beacon_score", "RITA in all"]];

function scores(f) {
  const step = 17;
  return picture("Scores, 0 to 1; a line marks what must be passed", svg("svg", { viewBox: `0 0 ${W} ${SCORES.length * step + 4}`, role: "img", "aria-label": "scores" },
    SCORES.map(([name, word, limitOf], i) => {
      const value = f[name], limit = limitOf ? limitOf(f) : null, y = i * step;
      const x = (n) => 138 + (W - 138 - 38) * Math.min(1, Math.max(0, n));
      return [svg("text", { x: 132, y: y + 12, "text-anchor": "end" }, word),
        svg("path", { class: "axis", d: `M${x(0)} ${y + 8}H${x(1)}` }),
        value === null ? null : svg("rect", { class: name.startsWith("rita") ? "bar other" : "bar", x: x(0), y: y + 3, width: Math.max(1, x(value) - x(0)), height: 10 }),
        limit === null || limit === undefined ? null : svg("path", { class: "sleep", d: `M${x(limit)} ${y}V${y + 16}` }),
        svg("text", { x: W, y: y + 12, "text-anchor": "end" }, value === null ? "–" : share(value))];
    })));
}

function spark(f) {
  const counts = f.hourly_event_counts || [];
  const top = Math.max(1, ...counts), width = 120 / Math.max(1, counts.length);
  return el("div", { class: "spark" }, svg("svg", { viewBox: "0 0 120 26", preserveAspectRatio: "none", role: "img", "aria-label": "connections per hour" },
    svg("path", { class: "axis", d: "M0 25.5H120" }),
    counts.map((n, hour) => n ? svg("rect", { class: "bar", x: hour * width, y: 25 - 24 * n / top, width: width * .85, height: 24 * n / top }) : null)));
}

function values(f, names) {
  // Pairs are of the interval histogram: seconds and events.
  const text = (value) => (Array.isArray(value) ? value.map((item) => (Array.isArray(item) ? item.join("×") : item)).join(", ") : value);
  return el("dl", { class: "values" }, names.map((name) => [el("dt", {}, name), el("dd", {}, visible(text(f[name])))]));
}

function detail(f, columns) {
  const own = data.columns.filter((name) => !data.lookups.includes(name));
  return el("tr", { class: "detail" }, el("td", { colspan: columns },
    el("ul", {}, (f.reasons || []).map((reason) => el("li", {}, reason)), known(f).map((match) => el("li", { class: "alarm" }, match)),
      (f.suppressed_by || []).map((by) => el("li", {}, "suppressed: " + by))),
    el("div", { class: "pictures" }, hourly(f), intervals(f), beats(f), traffic(f), scores(f),
      enriched ? picture("What the lookups know", values(f, data.lookups.filter((name) => f[name] !== null))) : null),
    el("details", {}, el("summary", {}, "all columns"), values(f, own))));
}

// --- The table of findings ------------------------------------------------------------------------------------------------

const COLUMNS = [
  { name: "severity", sort: (f) => SEVERITIES.indexOf(f.severity), cell: (f) => [badge(f.severity), el("span", { class: "sub" }, f.suppressed ? "suppressed" : f.status)] },
  { name: "score", number: true, sort: (f) => -(f.beacon_score ?? -1), cell: (f) => [share(f.beacon_score), el("span", { class: "sub" }, f.percent_beacon === null ? "–" : f.percent_beacon.toFixed(1) + " %")], hint: "beacon_score, and percent_beacon below it" },
  { name: "source", address: true, sort: (f) => addressKey(f.source_ip), cell: (f) => f.source_ip },
  { name: "destination", address: true, sort: (f) => addressKey(f.destination_ip), cell: (f) => [visible(endpoint(f)) + " " + visible(f.protocol), enriched && f.country ? el("span", { class: "sub" }, [f.city, f.country].filter(Boolean).join(", ")) : null] },
  { name: "owner", css: "wide", only: enriched, sort: (f) => f.as_organization || "\uffff", cell: (f) => [f.as_organization || f.whois_organization, known(f).length ? el("span", { class: "alarm" }, shortened(known(f)[0], 60)) : null] },
  { name: "vendor", css: "vendor", only: vendors.length > 1, sort: (f) => f.device_vendor, cell: (f) => shortened(f.device_vendor, 40) },
  { name: "sleep", number: true, sort: (f) => sleepOf(f) ?? Infinity, cell: (f) => [seconds(sleepOf(f)), el("span", { class: "sub" }, f.estimated_jitter_percent === null ? "–" : "jitter " + Math.round(f.estimated_jitter_percent) + " %")] },
  { name: "events", number: true, sort: (f) => -f.event_count, cell: (f) => [whole(f.event_count), f.denied_event_count ? el("span", { class: "sub" }, whole(f.denied_event_count) + " denied") : null] },
  { name: "per hour", cell: spark },
  { name: "why", cell: (f) => [f.reasons[0], f.reasons.length > 1 ? el("span", { class: "sub" }, `and ${f.reasons.length - 1} more`) : null] },
].filter((column) => column.only !== false);

const FILTERS = ["severity", "status", "vendor"];
const state = { search: "", severity: "", status: "", vendor: "", suppressed: false, column: null, down: false, page: 0, only: null, open: new Set() };
let listed = [];

function haystack(f) {
  if (f.haystack === undefined) {
    f.haystack = [endpoint(f), f.source_ip, f.protocol, f.device_vendor, f.severity, f.status, f.beacon_id, f.found_by, ...(f.reasons || []), f.country, f.city, f.as_organization,
      f.asn && "AS" + f.asn, f.whois_organization, f.reverse_dns, f.shared_destination_campaign_id, f.rotating_destination_campaign_id, ...known(f)].filter(Boolean).join("\n").toLowerCase();
  }
  return f.haystack;
}

function select() {
  const words = state.search.toLowerCase().split(/\s+/).filter(Boolean);
  listed = findings.filter((f) => (state.suppressed || !f.suppressed) && (!state.severity || f.severity === state.severity)
    && (!state.status || f.status === state.status) && (!state.vendor || f.device_vendor === state.vendor) && (!state.only || state.only.has(f.place)) && words.every((word) => haystack(f).includes(word)));
  if (state.column) {
    const keyed = listed.map((f) => [state.column.sort(f), f]);
    keyed.sort(([a, f], [b, g]) => (a < b ? -1 : a > b ? 1 : f.place - g.place));
    if (state.down) keyed.reverse();
    listed = keyed.map(([, f]) => f);
  }
  state.page = Math.min(state.page, Math.max(0, Math.ceil(listed.length / PAGE) - 1));
  draw();
}

function toggle(f) {
  if (state.open.has(f.place)) state.open.delete(f.place); else state.open.add(f.place);
  draw();
}

function draw() {
  const body = byId("findings").tBodies[0], first = state.page * PAGE, page = listed.slice(first, first + PAGE);
  byId("findings").tHead.replaceChildren(el("tr", {}, el("th", { scope: "col" }, " "), COLUMNS.map((column) => el("th", {
    scope: "col", class: column.number ? "number" : null, title: column.hint,
    "aria-sort": state.column === column ? (state.down ? "descending" : "ascending") : null,
  }, column.sort ? el("button", { type: "button", onclick: () => {
    state.down = state.column === column && !state.down;
    state.column = column;
    state.page = 0;
    select();
  } }, column.name + (state.column === column ? (state.down ? " ▴" : " ▾") : "")) : column.name))));
  body.replaceChildren(...page.flatMap((f) => {
    const open = state.open.has(f.place);
    const row = el("tr", { class: "row" + (f.suppressed ? " is-suppressed" : ""), "data-beacon": f.beacon_id, onclick: (event) => { if (!String(getSelection())) toggle(f); } },
      el("td", {}, el("button", { type: "button", class: "expander", "aria-expanded": String(open), "aria-label": "details", onclick: (event) => { event.stopPropagation(); toggle(f); } }, open ? "▼" : "▶")),
      COLUMNS.map((column) => el("td", { class: column.number ? "number" : column.address ? "address" : column.css || null }, column.cell(f))));
    return open ? [row, detail(f, COLUMNS.length + 1)] : [row];
  }));
  byId("count").textContent = listed.length ? `${plural(listed.length, "finding")} of ${whole(findings.length)}`
    : findings.length ? "No finding fits this filter." : "No connection beacons at these thresholds.";
  byId("pager").replaceChildren(...(listed.length > PAGE ? [
    el("button", { type: "button", id: "previous", ...(state.page ? {} : { disabled: "" }), onclick: () => { state.page -= 1; draw(); } }, "previous"),
    el("span", {}, `${whole(first + 1)} to ${whole(first + page.length)} of ${whole(listed.length)}`),
    el("button", { type: "button", id: "next", ...(first + PAGE < listed.length ? {} : { disabled: "" }), onclick: () => { state.page += 1; draw(); } }, "next")] : []));
}

function choose(changes) {
  Object.assign(state, { search: "", severity: "", status: "", vendor: "", only: null, page: 0 }, changes);
  for (const name of ["search", ...FILTERS]) byId(name).value = state[name];
  select();
  byId("findings-title").scrollIntoView({ behavior: "smooth" });
}

// --- The whole run ----------------------------------------------------------------------------------------------------------

function tiles() {
  const bySeverity = count(shown, (f) => f.severity), add = [];
  for (const severity of SEVERITIES) {
    add.push(el("button", { type: "button", class: "tile " + severity, onclick: () => choose({ severity }) }, el("b", {}, whole(bySeverity.get(severity) || 0)), el("span", {}, severity)));
  }
  const figures = [["new", shown.filter((f) => f.status === "new").length], ["sources", new Set(shown.map((f) => f.source_ip)).size],
    ["destinations", new Set(shown.map((f) => f.destination_ip)).size], ["known bad", shown.filter((f) => known(f).length).length], ["suppressed", findings.length - shown.length]];
  for (const [word, n] of figures) if (word !== "known bad" || enriched) add.push(el("div", { class: "tile" }, el("b", {}, whole(n)), el("span", {}, word)));
  byId("tiles").append(...add);
}

const worst = (group) => SEVERITIES.find((severity) => group.some((f) => f.severity === severity)) || "";
const nameOf = (group) => group.slice(0, 8).map((f) => visible(f.source_ip) + " → " + visible(endpoint(f))).join("\n") + (group.length > 8 ? `\nand ${group.length - 8} more` : "");

function grouped(items, keyOf) {
  const groups = new Map();
  for (const item of items) {
    const key = keyOf(item);
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(item);
  }
  return groups;
}

// The title is text already made visible, with line breaks of our own.
const titled = (node, text) => { const title = document.createElementNS(SVG, "title"); title.textContent = text; node.append(title); return node; };

function bubble(group, x, y) {
  return titled(svg("circle", { class: "dot choose " + worst(group), cx: x, cy: y, r: Math.min(24, 5 + 1.7 * Math.sqrt(group.length)),
    onclick: () => choose({ only: new Set(group.map((f) => f.place)) }) }), plural(group.length, "finding") + "\n" + nameOf(group));
}

function scatter() {
  const scored = shown.filter((f) => f.beacon_score !== null && f.rarity_score !== null);
  if (!scored.length) { byId("scatter").append(el("p", { class: "hint" }, "No finding has a score.")); return; }
  const width = 560, height = 300, left = 48, bottom = 36;
  const lowest = Math.min(...scored.map((f) => f.beacon_score)), floor = Math.max(0, Math.floor((lowest - .02) * 20) / 20);
  const x = (n) => left + 14 + (width - left - 40) * n;
  const y = (n) => height - bottom - 8 - (height - bottom - 30) * (n - floor) / (1 - floor || 1);
  const groups = grouped(scored, (f) => Math.round(f.rarity_score * 50) + " " + Math.round((f.beacon_score - floor) / (1 - floor || 1) * 40));
  const limit = scored[0].beacon_score_threshold;
  const ticks = [0, .25, .5, .75, 1];
  byId("scatter").append(svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "score against rarity" },
    svg("path", { class: "axis", d: `M${left} 16V${height - bottom}H${width}` }),
    ticks.map((n) => svg("text", { x: x(n), y: height - bottom + 16, "text-anchor": "middle" }, n)),
    ticks.map((n) => floor + (1 - floor) * n).map((n) => svg("text", { x: left - 6, y: y(n) + 4, "text-anchor": "end" }, n.toFixed(floor > .6 ? 3 : 2))),
    svg("text", { x: width, y: height - 4, "text-anchor": "end" }, "rarity of the destination →"), svg("text", { x: 0, y: 10 }, "beacon score"),
    limit !== null && limit >= floor ? svg("path", { class: "expected", d: `M${left} ${y(limit)}H${width}` }) : null,
    [...groups.values()].map((group) => bubble(group, x(group.reduce((sum, f) => sum + f.rarity_score, 0) / group.length), y(group.reduce((sum, f) => sum + f.beacon_score, 0) / group.length)))));
}

function map() {
  const placed = shown.filter((f) => typeof f.latitude === "number" && typeof f.longitude === "number");
  const lost = new Set(shown.filter((f) => !placed.includes(f)).map((f) => f.destination_ip)).size;
  byId("map-hint").textContent = !enriched ? "Nothing was looked up: `python -m enrich lookup` does."
    : !placed.length ? "No destination has a location: set location.database." : lost ? plural(lost, "destination") + " without a location." : "A bubble is a place, as GeoIP knows it.";
  if (placed.length) {
    const groups = grouped(placed, (f) => f.latitude.toFixed(1) + " " + f.longitude.toFixed(1));
    byId("map").append(svg("svg", { viewBox: "0 0 720 300", role: "img", "aria-label": "map of the destinations" },
      svg("path", { class: "land", d: data.outline }),
      [...groups.values()].sort((a, b) => b.length - a.length).map((group) => bubble(group, (group[0].longitude + 180) * 2, (90 - group[0].latitude) * 2))));
  }
  if (enriched && shown.length) {
    const owners = [...grouped(shown, (f) => JSON.stringify([f.country, f.as_organization || f.whois_organization])).values()].sort((a, b) => b.length - a.length).slice(0, 8);
    byId("owners").append(table(["country", "owner", "findings", "destinations"],
      owners.map((group) => [group[0].country, group[0].as_organization || group[0].whois_organization, whole(group.length), whole(new Set(group.map((f) => f.destination_ip)).size)]), [2, 3]));
  }
}

function campaigns() {
  const rows = [];
  for (const [kind, word] of [["shared_destination_campaign_id", "several sources, one destination"], ["rotating_destination_campaign_id", "one source, several destinations"]]) {
    for (const [id, group] of grouped(findings.filter((f) => f[kind]), (f) => f[kind])) {
      rows.push([el("button", { type: "button", onclick: () => choose({ only: new Set(group.map((f) => f.place)), suppressed: true }) }, "show"), badge(worst(group)), word,
        [...new Set(group.map((f) => visible(f.source_ip)))].slice(0, 6).join(", "), [...new Set(group.map((f) => visible(endpoint(f))))].slice(0, 6).join(", "), seconds(sleepOf(group[0])), whole(group.length)]);
    }
  }
  byId("campaigns").append(rows.length ? table(["", "severity", "kind", "sources", "destinations", "sleep", "findings"], rows.slice(0, 200), [5, 6]) : el("p", { class: "hint" }, "No beacons that belong together."));
  if (rows.length > 200) byId("campaigns").append(el("p", { class: "hint" }, `and ${rows.length - 200} more; search for their findings above`));
}

function suppressions() {
  const hidden = findings.filter((f) => f.suppressed);
  byId("suppressions").append(hidden.length ? table(["severity", "source", "destination", "score", "suppressed by"],
    hidden.slice(0, 200).map((f) => [badge(f.severity), f.source_ip, endpoint(f), share(f.beacon_score), (f.suppressed_by || []).join("; ")]), [3]) : el("p", { class: "hint" }, "Nothing."));
  if (hidden.length > 200) byId("suppressions").append(el("p", { class: "hint" }, `and ${hidden.length - 200} more; tick "suppressed too" above`));
}

function aboutRun() {
  if (!findings.length) { byId("run").append(el("p", { class: "hint" }, "The export is there, and empty: the run found nothing. Report made " + data.made_at + ".")); return; }
  const names = ["end_date", "score_window_days", "percent_beacon_threshold", "daily_event_count_threshold", "time_delta_threshold",
    "beacon_score_threshold", "run_id", "run_started_at"];
  byId("run").append(values({ ...findings[0], "report made": data.made_at }, [...names, "report made"]));
  // Each vendor is a population of its own.
  byId("run").append(table(["vendor", "findings", "days of history", "sources"], vendors.map((vendor) => {
    const own = findings.filter((f) => f.device_vendor === vendor);
    return [vendor, whole(own.length), whole(own[0].history_days), whole(own[0].active_sources)];
  }), [1, 2, 3]));
  if (enriched) {
    const rows = data.lookups.filter((name) => name.endsWith("_status")).map((name) => {
      const reasons = [...count(findings, (f) => f[name] || "–")].sort((a, b) => b[1] - a[1]).slice(0, 4);
      return [name.replace("_status", ""), reasons.map(([reason, n]) => whole(n) + " " + visible(reason)).join("; ")];
    });
    byId("run").append(el("h3", { class: "hint" }, "Lookups, by finding"), table(["lookup", "status"], rows));
  }
}

function start() {
  const first = findings[0];
  byId("title").textContent = first ? `Beaconing on ${visible(first.end_date)}, ${vendors.map(visible).join(" and ")}` : "No beaconing found";
  byId("subtitle").textContent = first ? `${plural(shown.length, "finding")} to look at. Run ${visible(first.run_id)}, started ${visible(first.run_started_at)}.` : "Nothing passed the thresholds of the run.";
  const fill = (id, items) => byId(id).append(...items.map((item) => el("option", { value: item }, item)));
  fill("severity", SEVERITIES.filter((severity) => findings.some((f) => f.severity === severity)));
  fill("status", [...new Set(findings.map((f) => f.status))].sort());
  fill("vendor", vendors);
  byId("vendor").parentElement.hidden = vendors.length < 2;
  let timer = 0;
  byId("search").addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(() => { state.search = byId("search").value; state.page = 0; select(); }, 120); });
  for (const name of FILTERS) byId(name).addEventListener("change", () => { state[name] = byId(name).value; state.page = 0; select(); });
  byId("suppressed").addEventListener("change", () => { state.suppressed = byId("suppressed").checked; state.page = 0; select(); });
  byId("clear").addEventListener("click", () => { Object.assign(state, { column: null, suppressed: false }); byId("suppressed").checked = false; choose({}); });
  byId("open-all").addEventListener("click", () => { listed.slice(state.page * PAGE, (state.page + 1) * PAGE).forEach((f) => state.open.add(f.place)); draw(); });
  tiles(); scatter(); map(); campaigns(); suppressions(); aboutRun();
  if (listed.length === 0 && shown.length) state.open.add(shown[0].place);
  select();
}

start();
