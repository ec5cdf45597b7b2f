// How values become nodes and words; the data.

const SEVERITIES = ["critical", "high", "medium", "low"];
const SVG = "http://www.w3.org/2000/svg";

// --- Nodes --------------------------------------------------------------------------------------

const byId = (id) => document.getElementById(id);

// Attributes that begin with "on" are listeners; those without a value are left out. Numbers and
// our own words need no escape, but get it.
function make(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, value);
    }
  }
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined) {
      element.append(child.nodeType ? child : visible(child));
    }
  }
  return element;
}

const el = (tag, attributes, ...children) =>
  make(document.createElement(tag), attributes, children);
const svg = (tag, attributes, ...children) =>
  make(document.createElementNS(SVG, tag), attributes, children);
const hint = (text) => el("p", { class: "hint" }, text);
const soft = (text) => el("span", { class: "soft" }, text);
const button = (attributes, ...children) =>
  el("button", { type: "button", ...attributes }, children);
// A value of the logs inside a line of ours: letters written from right to left must not turn the
// line around.
const quoted = (value, kind) => el("bdi", { class: kind }, value);

// With a blank between, so that a copied line is not one word.
const spaced = (...items) =>
  items
    .flat(Infinity)
    .filter((item) => !isMissing(item))
    .flatMap((item) => [item, document.createTextNode(" ")]);

function badge(severity) {
  const known = SEVERITIES.includes(severity) ? severity : "";
  return el("span", { class: "badge " + known }, severity);
}

// Puts new content into a box. What had the focus is found again by its data-focus, else `fallback`
// gets it: it never falls to the body.
function refill(box, content, fallback) {
  const active = document.activeElement;
  const name = box.contains(active) ? active.dataset.focus : null;
  box.replaceChildren(...content);
  if (name === null) return;
  const same = [...box.querySelectorAll("[data-focus]")].find((n) => n.dataset.focus === name);
  (same || fallback || box).focus({ preventScroll: true });
}

// `numbers` are the indices of the columns to align right; no headers, no head.
function table(headers, rows, numbers = []) {
  const kind = (i) => (numbers.includes(i) ? { class: "number" } : {});
  const head = headers.map((header, i) =>
    header ? el("th", { scope: "col", ...kind(i) }, header) : el("td", {}),
  );
  const body = rows.map((row) =>
    el(
      "tr",
      {},
      row.map((cell, i) => el("td", kind(i), cell)),
    ),
  );
  const content = [head.length ? el("thead", {}, el("tr", {}, head)) : null, el("tbody", {}, body)];
  return el("div", { class: "scroll", tabindex: 0 }, el("table", {}, content));
}

// The first few of many, each once, and how many more there are; feeds name one address thousands
// of times.
function some(items, most) {
  const once = [...new Set(items)];
  const shown = once.slice(0, most);
  return once.length > most ? [...shown, `and ${whole(once.length - most)} more`] : shown;
}

// --- Data ---------------------------------------------------------------------------------------

const data = JSON.parse(byId("data").textContent);

// A finding has its columns as properties; they are read from its row when they are asked for.
class Finding {
  constructor(row) {
    this.row = row;
    this.haystack = undefined;
  }
}
data.columns.forEach((name, i) => {
  const plain = {
    get() {
      return this.row[i];
    },
  };
  const packed = {
    get() {
      return JSON.parse(this.row[i]);
    },
  };
  Object.defineProperty(Finding.prototype, name, data.packed.includes(name) ? packed : plain);
});
const findings = data.rows.map((row) => new Finding(row));
// Of the run before; null where that is not known. They are in one view only.
const stopped = data.stopped && data.stopped.map((row) => new Finding(row));
const enriched = data.lookups.every((name) => data.columns.includes(name));
const shown = findings.filter((f) => !f.suppressed);
const vendors = distinct(findings, (f) => f.device_vendor).sort();
const judgedVendors = data.run?.device_vendors || vendors;

function distinct(items, valueOf) {
  return [...new Set(items.map(valueOf))];
}

function grouped(items, keyOf) {
  const groups = new Map();
  for (const item of items) {
    const key = keyOf(item);
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(item);
  }
  return groups;
}

// --- Words --------------------------------------------------------------------------------------

const isMissing = (n) => n === null || n === undefined;
const NUMBER = new Intl.NumberFormat("en-US");
const whole = (n) => (isMissing(n) ? "–" : NUMBER.format(Math.round(n)));
const share = (n) => (isMissing(n) ? "–" : n.toFixed(2));
const percent = (n, digits = 0) => n.toFixed(digits) + " %";
const plural = (n, word) => whole(n) + " " + word + (n === 1 ? "" : "s");

// `length` characters of an ISO time, UTC; a dash where there is no time.
function utc(time, length, from = 0) {
  const date = new Date(time ?? NaN);
  return isNaN(date) ? "–" : date.toISOString().slice(from, length).replace("T", " ");
}

function seconds(n) {
  if (isMissing(n)) return "–";
  if (n < 120) return Math.round(n * 10) / 10 + " s";
  if (n < 7200) return Math.round(n / 6) / 10 + " min";
  return Math.round(n / 360) / 10 + " h";
}

function bytes(n) {
  if (isMissing(n)) return "–";
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (n >= 1000 && unit < units.length - 1) {
    n /= 1000;
    unit += 1;
  }
  return (unit && n < 100 ? n.toFixed(1) : Math.round(n)) + " " + units[unit];
}

// --- Words of a finding -------------------------------------------------------------------------

// The one interval of a finding: the sleep that an implant would have been set to; without it the
// median, then the most frequent delta.
const intervalOf = (f) => f.estimated_sleep_seconds ?? f.period_seconds ?? f.time_delta ?? null;
// The one jitter: how much shorter than the sleep the shortest intervals are.
const jitterOf = (f) =>
  isMissing(f.estimated_sleep_seconds) ? null : (f.estimated_jitter_percent ?? null);
// As feeds and providers raise it, where they were asked.
const severityOf = (f) => f.effective_severity ?? f.severity;
const matchesOf = (f) => [...(f.feed_matches || []), ...(f.ti_matches || [])];

// Whether somebody names the destination as bad; "not checked" where nobody was asked, which is not
// the same as "not named".
function knownBad(f) {
  if (f.known_bad) return f.known_bad;
  if (matchesOf(f).length) return "named";
  const wasAsked = [f.feed_status, f.ti_status].some(
    (status) => status === "ok" || status === "miss",
  );
  return wasAsked ? "not named" : "not checked";
}

// The connections of a finding that is of several ports or addresses; none for one connection.
function membersOf(f) {
  const names = data.fields.members || [];
  return (f.members || []).map((values) =>
    Object.fromEntries(names.map((name, i) => [name, values[i]])),
  );
}

const ownerOf = (f) => f.as_organization || f.whois_organization;
const isDenied = (f) => f.event_count > 0 && f.denied_event_count === f.event_count;

function cadence(f) {
  const interval = intervalOf(f);
  const jitter = jitterOf(f);
  if (interval === null) return "–";
  if (jitter === null) return seconds(interval);
  return seconds(interval) + (jitter < 0.5 ? "" : ` − ${Math.round(jitter)} %`);
}

// As in a URL: IPv6 has brackets.
function endpoint(f) {
  const address = f.destination_ip;
  if (isMissing(f.destination_port)) return address;
  return (address.includes(":") ? "[" + address + "]" : address) + ":" + f.destination_port;
}

const pairOf = (f) => visible(f.source_ip) + " → " + visible(endpoint(f));

function passage(f) {
  if (isMissing(f.denied_event_count) || isMissing(f.event_count)) return "–";
  if (isDenied(f)) return "denied";
  if (!f.denied_event_count) return "allowed";
  return Math.max(1, Math.round((100 * f.denied_event_count) / f.event_count)) + " % denied";
}

// Times of one day without the day; else days without times.
function span(f) {
  const days = [utc(f.first_seen, 10), utc(f.last_seen, 10)];
  const [from, to] = days[0] === days[1] ? [11, 16] : [5, 10];
  return utc(f.first_seen, to, from) + "–" + utc(f.last_seen, to, from);
}

// Sort key of an address: IPv4, then IPv6, then names; a character for each part, so that 10.0.0.9
// comes before 10.0.0.10.
const IPV4 = /^(\d+)\.(\d+)\.(\d+)\.(\d+)$/;
function addressKey(text) {
  const parts = IPV4.exec(text);
  if (parts) return "4" + String.fromCharCode(parts[1], parts[2], parts[3], parts[4]);
  if (!text.includes(":")) return "n" + text;
  const [head, tail] = text.split("::").map((half) => (half ? half.split(":") : []));
  const middle = tail ? Array(Math.max(0, 8 - head.length - tail.length)).fill("0") : [];
  const all = [...head, ...middle, ...(tail || [])].map((part) => parseInt(part, 16) || 0);
  return "6" + String.fromCharCode(...all);
}
