"use strict";
// First part of the report's script: the data, and how values become nodes and words. render.py joins the parts.
// Values of the logs are hostile: they are put on the page as text nodes and SVG titles only, never as markup.

const SEVERITIES = ["critical", "high", "medium", "low"];
const LONGEST = 300; // characters shown of one value
const SVG = "http://www.w3.org/2000/svg";

// --- Nodes --------------------------------------------------------------------------------------

const byId = (id) => document.getElementById(id);

// Control, direction and other invisible characters are escaped, so that no value poses as another.
function visible(value) {
  if (value === null || value === undefined || value === "") return "–";
  const text = String(value).replace(
    /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu,
    (character) => "\\u{" + character.codePointAt(0).toString(16) + "}",
  );
  return text.length > LONGEST ? text.slice(0, LONGEST - 1) + "…" : text;
}

// Attributes that begin with "on" are listeners; those without a value are left out.
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
const sub = (text) => el("span", { class: "sub" }, text);
const button = (attributes, text) => el("button", { type: "button", ...attributes }, text);

function badge(severity) {
  const known = SEVERITIES.includes(severity) ? severity : "";
  return el("span", { class: "badge " + known }, severity);
}

// `numbers` are the indices of the columns to align right.
function table(headers, rows, numbers = []) {
  const kind = (i) => (numbers.includes(i) ? { class: "number" } : {});
  const head = headers.map((header, i) => el("th", { scope: "col", ...kind(i) }, header));
  const body = rows.map((row) =>
    el(
      "tr",
      {},
      row.map((cell, i) => el("td", kind(i), cell)),
    ),
  );
  return el(
    "div",
    { class: "scroll" },
    el("table", {}, el("thead", {}, el("tr", {}, head)), el("tbody", {}, body)),
  );
}

// --- Data ---------------------------------------------------------------------------------------

const data = JSON.parse(byId("data").textContent);
const findings = data.rows.map((row, place) => {
  const finding = { place };
  data.columns.forEach((name, i) => {
    finding[name] = row[i];
  });
  return finding;
});
const enriched = data.lookups.every((name) => data.columns.includes(name));
const shown = findings.filter((f) => !f.suppressed);
const vendors = distinct(findings, (f) => f.device_vendor).sort();

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
const whole = (n) => (isMissing(n) ? "–" : Math.round(n).toLocaleString("en-US"));
const share = (n) => (isMissing(n) ? "–" : n.toFixed(2));
const percent = (n, digits = 0) => n.toFixed(digits) + " %";
const plural = (n, word) => whole(n) + " " + word + (n === 1 ? "" : "s");
const utc = (time, length) => new Date(time).toISOString().slice(0, length).replace("T", " ");

function seconds(n) {
  if (isMissing(n)) return "–";
  if (n < 120) return (n < 10 ? n.toFixed(1) : Math.round(n * 10) / 10) + " s";
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

function shortened(value, length) {
  const text = visible(value);
  return text.length > length ? text.slice(0, length - 1) + "…" : text;
}

// --- Words of a finding -------------------------------------------------------------------------

const sleepOf = (f) => f.estimated_sleep_seconds ?? f.period_seconds ?? f.time_delta;
const knownBad = (f) => [...(f.feed_matches || []), ...(f.ti_matches || [])];
const ownerOf = (f) => f.as_organization || f.whois_organization;

// As in a URL: IPv6 has brackets.
function endpoint(f) {
  const address = f.destination_ip;
  if (f.destination_port === null) return address;
  return (address.includes(":") ? "[" + address + "]" : address) + ":" + f.destination_port;
}

// Sort key of an address, padded with zeros so that 10.0.0.9 comes before 10.0.0.10.
function addressKey(text) {
  if (!text.includes(":")) {
    const parts = text.split(".").map((part) => part.padStart(3, "0"));
    return "4" + parts.join(".");
  }
  const [head, tail] = text.split("::").map((half) => (half ? half.split(":") : []));
  const middle = tail ? Array(Math.max(0, 8 - head.length - tail.length)).fill("0") : [];
  const parts = [...head, ...middle, ...(tail || [])].map((part) => part.padStart(4, "0"));
  return "6" + parts.join(":");
}
