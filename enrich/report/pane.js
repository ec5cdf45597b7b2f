// The pane: one finding, what speaks for it, and what to do about it.

const MOST_MATCHES = 8; // entries of feeds, and members of a group, that are shown of one finding

// An array in an array is a struct, such as a bar of the interval histogram: seconds and events.
function listed(value) {
  if (!Array.isArray(value)) return value;
  return value.map((item) => (Array.isArray(item) ? item.join("×") : item)).join(", ");
}

function values(f, names) {
  const pair = (name) => [el("dt", {}, name), el("dd", {}, visible(listed(f[name])))];
  return el("dl", { class: "values" }, names.map(pair));
}

function facts(pairs) {
  const pair = ([name, value]) => [el("dt", {}, name), el("dd", {}, value)];
  return el("dl", { class: "values" }, pairs.filter(([, value]) => value).map(pair));
}

// --- Verdict ------------------------------------------------------------------------------------

function verdictBox(f) {
  const made = verdictOf(f);
  const choice = (verdict) =>
    button(
      {
        class: "verdict " + verdict,
        "aria-pressed": String(made?.verdict === verdict),
        "data-focus": verdict,
        title: "key " + verdict[0],
        onclick: () => judge(f, made?.verdict === verdict ? null : verdict),
      },
      verdict,
    );
  const note = el("input", {
    id: "note",
    "data-focus": "note",
    maxlength: LONGEST_NOTE,
    placeholder: made ? "why; Enter goes to the next" : "why, after a verdict",
    "aria-label": "note: why",
    autocomplete: "off",
    disabled: made ? null : "",
    // At every letter, as Firefox tells of no change where a key moves the focus; without drawing
    // the pane anew.
    oninput: (event) => {
      keep(f, verdictOf(f).verdict, event.target.value);
      refreshRows(f);
      if (byId("suppression")) writeSuppression(f);
    },
  });
  note.value = made?.note ?? "";
  const isOlder = made && made.end_date !== f.end_date;
  const doubts = made?.verdict === "benign" ? againstBenign(f) : [];
  const lines = [
    doubts.length ? el("p", { class: "alarm" }, `benign, but ${doubts.join("; and ")}`) : null,
    isOlder ? hint(`judged on the finding of ${visible(made.end_date)}`) : null,
    made && !isKept
      ? hint("This browser keeps nothing for this page: save the verdicts before you close it.")
      : null,
  ];
  return el(
    "div",
    { class: "judgement" },
    el("div", { class: "row-of" }, VERDICTS.map(choice), note),
    lines,
  );
}

function againstBenign(f) {
  return [
    knownBad(f) === "named" ? "a feed or provider names this address" : null,
    severityOf(f) === "critical" ? "the finding is critical" : null,
  ].filter(Boolean);
}

function writeSuppression(f) {
  const owner = stored(OWNER_KEY);
  byId("suppression").textContent = visible(suppressionRow(f, owner));
  byId("command").textContent = visible(suppressionCommand(f, owner));
}

function suppressionBox(f) {
  if (verdictOf(f)?.verdict !== "benign") return null;
  const owner = el("input", {
    id: "owner",
    "data-focus": "owner",
    "aria-label": "owner of the suppression",
    placeholder: "owner",
    autocomplete: "off",
    oninput: (event) => {
      store(OWNER_KEY, event.target.value);
      writeSuppression(f);
    },
  });
  owner.value = stored(OWNER_KEY) ?? "";
  const row = el("code", { id: "suppression" }, suppressionRow(f, owner.value));
  const command = el("code", { id: "command" }, suppressionCommand(f, owner.value));
  const copyRow = () => copy("suppression", suppressionRow(f, stored(OWNER_KEY)));
  const copyCommand = () => copy("command", suppressionCommand(f, stored(OWNER_KEY)));
  const isName = addressKey(f.destination_ip)[0] === "n";
  return el(
    "div",
    {},
    el("h3", {}, "Hide it from now on"),
    hint("For seeds/organisation/suppressions.csv; an asterisk in a column matches everything."),
    isName
      ? hint(
          "A suppression cannot name this destination, as it is no address: this one hides every destination.",
        )
      : null,
    row,
    hint("Or by a command, which adds the row:"),
    command,
    el(
      "div",
      { class: "row-of" },
      owner,
      button({ "data-focus": "suppression", onclick: copyRow }, "copy row"),
      button({ "data-focus": "command", onclick: copyCommand }, "copy command"),
    ),
  );
}

// --- Parts --------------------------------------------------------------------------------------

// The findings with which this one shares something.
function relatives(f) {
  const kinds = [
    ["source", f.source_ip, (one) => one.source_ip === f.source_ip],
    ["destination", f.destination_ip, (one) => one.destination_ip === f.destination_ip],
    ...campaignsOf(f).map((id) => ["campaign", id, (one) => campaignsOf(one).includes(id)]),
  ];
  const buttons = kinds.map(([name, value, test]) => {
    const count = shown.filter(test).length;
    if (count < 2) return null;
    const choose = () => {
      only("same " + name, value, test);
      show("findings");
      views.findings.listing.choose(f);
    };
    return button(
      { "data-focus": "same " + name, onclick: choose },
      `same ${name}: ${whole(count)}`,
    );
  });
  return buttons.some(Boolean)
    ? [el("h3", {}, "Filter"), el("div", { class: "row-of" }, buttons)]
    : [];
}

function pivots(f) {
  const copier = (name, text, title) =>
    button({ "data-focus": name, title, onclick: () => copy(name, text) }, name);
  const address = f.destination_ip;
  return [
    el("h3", {}, "Copy"),
    el(
      "div",
      { class: "row-of" },
      copier("address", address, visible(address)),
      copier("defanged", defanged(address), visible(defanged(address))),
      f.destination_name ? copier("name, defanged", defanged(f.destination_name)) : null,
      copier("source", f.source_ip, visible(f.source_ip)),
      copier("link", permalink(f), "a link to this finding in this report"),
    ),
    el("h3", {}, "Copy a query"),
    el(
      "div",
      { class: "row-of" },
      copier(
        "raw rows",
        rawRowsQuery(f),
        "CommonSecurityLog: the rows of this connection and time",
      ),
      copier("findings", findingQuery(f), "NetworkBeaconing: this beacon on all days"),
      copier("process", processQuery(f), "DeviceNetworkEvents: which process on the host connects"),
    ),
    data.links.length ? el("div", { class: "row-of links" }, links(f)) : null,
  ];
}

const isStopped = (f) => f.status === "stopped";
// Each vendor is judged as a population of its own.
const inItsLogs = (f) => (judgedVendors.length > 1 ? ` in the logs of ${f.device_vendor}` : "");

// A reason of an earlier run calls its own day this one.
function inContext(f, text) {
  const dated = isStopped(f) ? text.replace(/\bthis day\b/, f.end_date) : text;
  return dated + (/ internal sources? .*this destination$/.test(text) ? inItsLogs(f) : "");
}

function since(f) {
  const day = visible((data.run || findings[0])?.end_date);
  const [last, of] = [utc(f.last_seen, 16), visible(f.end_date)];
  return el("b", {}, `stopped: last seen ${last} UTC, not found on ${day}; what follows is of ${of}`);
}

function why(f) {
  const matches = some(matchesOf(f), MOST_MATCHES).map((match) =>
    el("li", { class: "alarm" }, match),
  );
  const raisers = some(f.raised_by || [], MOST_MATCHES).map((text) => visible(text)).join("; ");
  const rise =
    severityOf(f) === f.severity
      ? null
      : el("li", {}, `${severityOf(f)}, raised from ${f.severity}${raisers && ": "}${raisers}`);
  const notRaised = data.not_raised[f.beacon_id];
  const flat = notRaised
    ? el("li", {}, `known as bad, but not raised: ${visible(notRaised)}`)
    : null;
  // What a picture or a line below shows is not said twice.
  const isShown = (text) =>
    (/^evidence: /.test(text) && f.evidence?.length) ||
    (/^the source is /.test(text) && (f.source_host_name || f.source_user_name));
  const told = (f.reasons || []).filter((text) => !isShown(text));
  const reasons = told.map((text) => el("li", {}, inContext(f, text)));
  const by = some(f.suppressed_by || [], MOST_MATCHES);
  return el(
    "ul",
    { class: "why" },
    isStopped(f) ? el("li", {}, since(f)) : null,
    matches,
    rise,
    flat,
    reasons,
    by.map((text) => el("li", {}, "suppressed: " + text)),
  );
}

const memberText = ({ ip, port }) =>
  visible(isMissing(port) ? ip : endpoint({ destination_ip: ip ?? "–", destination_port: port }));

function about(f) {
  const joined = (...texts) =>
    texts
      .filter(Boolean)
      .map((text) => visible(text))
      .join(", ");
  const median = isMissing(f.period_seconds) ? "" : `, median ${seconds(f.period_seconds)}`;
  const size = (n) => (isMissing(n) ? null : bytes(n));
  return facts([
    ["interval", cadence(f) + median],
    ["source", joined(f.source_name, f.source_host_name, f.source_user_name)],
    ["its owner", joined(f.source_owner, f.source_site)],
    ["destination", joined(nameOf(f), ownerOf(f), f.city, f.country)],
    ["reverse DNS", f.reverse_dns],
    ["events", `${whole(f.event_count)}, ${passage(f)}`],
    [
      "bytes",
      [size(f.total_sent_bytes), size(f.total_received_bytes)].every(Boolean)
        ? `${bytes(f.total_sent_bytes)} out, ${bytes(f.total_received_bytes)} in`
        : null,
    ],
    ["seen", `${utc(f.first_seen, 16)} to ${utc(f.last_seen, 16)} UTC`],
    ["found", `${f.status}, first found ${visible(f.began_on)}`],
    [
      "reached by",
      isMissing(f.sources)
        ? null
        : `${whole(f.sources)} of ${whole(f.active_sources)} sources${inItsLogs(f)}`,
    ],
    [
      "several",
      f.several
        ? [several(f), some(membersOf(f).map(memberText), MOST_MATCHES).join(", ")].join(": ")
        : null,
    ],
    ["known bad", matchesOf(f).length ? null : knownBad(f)], // who names it stands above
    ["vendor", f.device_vendor],
  ]);
}

function detail(f) {
  const own = data.columns.filter((name) => !data.lookups.includes(name));
  const found = data.lookups.filter((name) => !isMissing(f[name]));
  const heading = el(
    "h2",
    { tabindex: -1, id: "pane-title" },
    badge(severityOf(f)),
    el("span", {}, quoted(f.source_ip), "→", quoted(endpoint(f)), el("small", {}, f.protocol)),
  );
  const close = button(
    {
      class: "plain",
      "data-focus": "close",
      "aria-label": "close the details",
      onclick: closePane,
    },
    "×",
  );
  const columns = [
    el("div", {}, why(f), about(f)),
    el(
      "div",
      { class: "pivots" },
      suppressionBox(f),
      el("div", { class: "ways-out" }, pivots(f), relatives(f)),
      score(f),
      enriched ? el("details", {}, el("summary", {}, "lookups"), values(f, found)) : null,
      el("details", {}, el("summary", {}, "all columns"), values(f, own)),
    ),
    el("div", { class: "pictures" }, hourly(f), intervals(f), beats(f), traffic(f)),
  ];
  return [
    el("div", { class: "pane-head" }, heading, verdictBox(f), close),
    el("div", { class: "pane-body" }, columns),
  ];
}
