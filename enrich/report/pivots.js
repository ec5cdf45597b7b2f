// Ways out of the page: copies, queries, links, files.

// --- Copies -------------------------------------------------------------------------------------

const SAID_FOR = 10000; // milliseconds
let saidTimer = 0;

function say(text) {
  byId("said").textContent = text;
  clearTimeout(saidTimer);
  saidTimer = setTimeout(() => byId("said").replaceChildren(), SAID_FOR);
}

// Pages from a plain http server have no clipboard, so an old way is tried; what cannot be copied
// is shown, to be copied by hand.
async function copy(name, text) {
  try {
    await navigator.clipboard.writeText(text);
    say("copied: " + name);
  } catch {
    const before = document.activeElement;
    const box = el("textarea", { "aria-label": name, class: "copy", readonly: "" });
    box.value = text;
    (byId("pane").hidden ? document.body : byId("pane")).prepend(box);
    box.select();
    if (document.execCommand("copy")) {
      box.remove();
      before?.focus();
      say("copied: " + name);
    } else {
      say("the browser does not let this page copy: press Ctrl+C, then Escape");
      box.addEventListener("keydown", (event) => {
        if (event.key === "Escape") box.remove();
      });
      box.addEventListener("blur", () => box.remove());
    }
  }
}

const defanged = (text) => text.replaceAll(".", "[.]").replaceAll(":", "[:]");

const permalink = (f) => location.href.split("#")[0] + "#" + encodeURIComponent(f.beacon_id);

// --- Queries ------------------------------------------------------------------------------------

// A literal of KQL. What is not printable ASCII is written by its number, so that no value ends the
// text or poses as another.
function kql(text) {
  const escaped = String(text).replace(/[\\"]/g, "\\$&");
  const unit = (character) => "\\u" + character.charCodeAt(0).toString(16).padStart(4, "0");
  return '"' + escaped.replace(/[^\x20-\x7e]/g, unit) + '"';
}

// Rows arrive later than they happened, and the row of a long connection is written at its end.
function between(column, f) {
  const from = utc(f.first_seen, 19).replace(" ", "T");
  const to = utc(f.last_seen, 19).replace(" ", "T");
  if (from === "–" || to === "–") {
    const days = Math.max(1, f.window_days || f.score_window_days || 1) - 1;
    return `| where ${column} between (datetime(${f.end_date}) - ${days}d .. datetime(${f.end_date}) + 1d)`;
  }
  return `| where ${column} between (datetime(${from}Z) - 15m .. datetime(${to}Z) + 1h)`;
}

const MOST_MEMBERS = 100; // of a group that a query names

// As logs may spell it: IPv6 in any form, IPv4 also mapped into IPv6.
function isAddress(column, text) {
  const kind = addressKey(text)[0];
  if (kind === "4") return `${column} in (${kql(text)}, ${kql("::ffff:" + text)})`;
  if (kind === "6") return `ipv6_is_match(${column}, ${kql(text)})`;
  return `${column} =~ ${kql(text)}`;
}

// The destination: an address, a name, or the members of a group. Its port, if it has one.
function isDestination(f, address, port, isName) {
  const members = membersOf(f).slice(0, MOST_MEMBERS);
  const ips = distinct(members, (member) => member.ip).filter(Boolean);
  const ports = distinct(members, (member) => member.port).filter((n) => !isMissing(n));
  const tests = ips.length
    ? ips.map((ip) => isAddress(address, ip))
    : [f.destination_ip].map((text) =>
        addressKey(text)[0] === "n" ? isName(kql(text)) : isAddress(address, text),
      );
  const known = ports.length ? ports : [f.destination_port].filter((n) => !isMissing(n));
  return [
    "| where " + tests.join(" or "),
    known.length ? `| where ${port} in (${known.join(", ")})` : null,
  ];
}

// Numbers of protocols, as some makers log them.
const PROTOCOLS = {
  icmp: 1,
  igmp: 2,
  tcp: 6,
  udp: 17,
  gre: 47,
  esp: 50,
  ah: 51,
  "ipv6-icmp": 58,
  sctp: 132,
};

function rawRowsQuery(f) {
  const isName = (name) =>
    `DestinationHostName =~ ${name} or DestinationDnsDomain =~ ${name} or RequestURL contains ${name}`;
  const numbered = Object.hasOwn(PROTOCOLS, f.protocol) ? [PROTOCOLS[f.protocol]] : [];
  const spellings = [f.protocol, ...numbered].map(kql).join(", ");
  return [
    "CommonSecurityLog",
    between("TimeGenerated", f),
    `| where DeviceVendor == ${kql(f.device_vendor)}`,
    `| where ${isAddress("SourceIP", f.source_ip)}`,
    ...isDestination(f, "DestinationIP", "DestinationPort", isName),
    f.protocol
      ? `| where isempty(Protocol) or tostring(split(Protocol, "/")[0]) in~ (${spellings})`
      : null,
    "| sort by TimeGenerated asc",
  ]
    .filter(Boolean)
    .join("\n");
}

const findingQuery = (f) =>
  ["NetworkBeaconing", `| where BeaconId == ${kql(f.beacon_id)}`, "| sort by EndDate desc"].join(
    "\n",
  );

// Which process on the host it is, where Microsoft Defender runs there.
function processQuery(f) {
  const isName = (name) => `RemoteUrl contains ${name}`;
  return [
    "DeviceNetworkEvents",
    between("Timestamp", f),
    ...isDestination(f, "RemoteIP", "RemotePort", isName),
    `| extend IsSource = ${isAddress("LocalIP", f.source_ip)}`,
    "| summarize Connections = count(), First = min(Timestamp), Last = max(Timestamp)",
    "    by IsSource, DeviceName, LocalIP, InitiatingProcessFolderPath, InitiatingProcessCommandLine,",
    "    InitiatingProcessSHA256, InitiatingProcessParentFileName, InitiatingProcessAccountName",
    "| sort by IsSource desc, Connections desc",
  ]
    .filter(Boolean)
    .join("\n");
}

// --- Links --------------------------------------------------------------------------------------

// Services that settings name; a click tells them what is hunted, so there are none unless somebody
// wants them.
function links(f) {
  const address = f.destination_ip;
  if (addressKey(address)[0] === "n") return [];
  return data.links.map((template) => {
    const url = template.replaceAll("{address}", encodeURIComponent(address));
    const attributes = { href: url, target: "_blank", rel: "noreferrer noopener" };
    return el("a", attributes, new URL(url).hostname);
  });
}

// --- Files --------------------------------------------------------------------------------------

// A spreadsheet takes text that begins so for a formula.
const FORMULA = /^[\s\p{C}\u200b]*[=+\-@|%＝＋－＠]/u;

function csvCell(value) {
  if (isMissing(value)) return "";
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  const text = Array.isArray(value)
    ? value.map((v) => [v].flat().join(":")).join("; ")
    : String(value);
  return '"' + (FORMULA.test(text) ? "'" : "") + text.replaceAll('"', '""') + '"';
}

function asCsv(items) {
  const head = [...data.columns, "verdict", "note"].map(csvCell).join(",");
  const line = (f) => {
    const verdict = verdictOf(f);
    const values = data.columns.map((name) => f[name]);
    return [...values, verdict?.verdict, verdict?.note].map(csvCell).join(",");
  };
  return "\ufeff" + [head, ...items.map(line)].join("\r\n") + "\r\n";
}

// As in the export: what the page keeps as lists are objects again.
function asJson(items) {
  const named = (name, value) => {
    const fields = data.fields[name];
    if (!fields || !Array.isArray(value)) return value;
    return value.map((item) => Object.fromEntries(fields.map((field, i) => [field, item[i]])));
  };
  const rows = items.map((f) => {
    const pairs = data.columns.map((name) => [name, named(name, f[name])]);
    return { ...Object.fromEntries(pairs), verdict: verdictOf(f) };
  });
  return "[\n" + rows.map((row) => JSON.stringify(row)).join(",\n") + "\n]\n";
}

function download(name, type, text) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  el("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60000);
  say("saved: " + name);
}

function fileName(kind, ending) {
  const day = /^[\d-]+$/.test(findings[0]?.end_date) ? findings[0].end_date : "none";
  return `beaconing-${day}-${kind}.${ending}`;
}
