// Which findings are looked at: every filter is a chip, and all views show what passes.

// By group, the tests by label: of a group one must pass, and of every group.
const active = new Map();
let selected = [];
let selectedStopped = [];

const NOT_SUPPRESSED = "not suppressed";

// --- What there is to choose --------------------------------------------------------------------

// Group, label, test; a facet is a button with its number of findings.
function facets() {
  const all = [
    ...SEVERITIES.map((severity) => ["severity", severity, (f) => severityOf(f) === severity]),
    ...["new", "changed", "continuing"].map((status) => [
      "status",
      status,
      (f) => f.status === status,
    ]),
    ["criticality", "critical source", (f) => f.source_criticality === "high"],
    ["known bad", "known bad", (f) => knownBad(f) === "named"],
    ["passage", "all denied", isDenied],
    ["campaign", "campaign", (f) => campaignsOf(f).length > 0],
    ["verdict", "no verdict", (f) => !verdictOf(f)],
    ...VERDICTS.map((verdict) => ["verdict", verdict, (f) => verdictOf(f)?.verdict === verdict]),
    ["suppressed", NOT_SUPPRESSED, (f) => !f.suppressed],
  ];
  const several = vendors.length > 1 ? vendors : [];
  return [
    ...all,
    ...several.map((vendor) => ["vendor", vendor, (f) => f.device_vendor === vendor]),
  ];
}

const campaignsOf = (f) =>
  [f.shared_destination_campaign_id, f.rotating_destination_campaign_id].filter(Boolean);

// --- Filters ------------------------------------------------------------------------------------

const isActive = (group, label) => Boolean(active.get(group)?.has(label));

function toggleFacet([group, label, test]) {
  const tests = active.get(group) || new Map();
  if (!tests.delete(label)) tests.set(label, test);
  if (tests.size) active.set(group, tests);
  else active.delete(group);
  select();
}

// In place of every other filter, suppressions excepted.
function only(group, label, test) {
  reset();
  active.set(group, new Map([[label, test]]));
  select();
}

function reset() {
  active.clear();
  byId("search").value = "";
  if (shown.length < findings.length) {
    active.set("suppressed", new Map([[NOT_SUPPRESSED, (f) => !f.suppressed]]));
  }
}

// The text that the search looks at, in lower case; made once per finding.
function haystack(f) {
  if (f.haystack === undefined) {
    const texts = [
      ...[endpoint(f), f.source_ip, f.source_host_name, f.source_user_name, f.destination_name],
      ...[f.source_name, f.source_owner, f.source_site],
      ...[f.protocol, f.device_vendor, severityOf(f), f.status],
      ...(f.several ? membersOf(f).map((member) => member.ip) : []),
      ...[f.beacon_id, f.found_by, ...(f.reasons || []), ...campaignsOf(f)],
      ...[f.country, f.city, f.as_organization, f.asn && "AS" + f.asn],
      ...[f.whois_organization, f.reverse_dns, ...matchesOf(f)],
    ];
    f.haystack = texts.filter(Boolean).join("\n").toLowerCase();
  }
  return f.haystack;
}

// The bits of an address, to compare it with a network; null for a name.
function bitsOf(text) {
  const key = addressKey(text ?? "");
  if (key[0] === "n") return null;
  const size = key[0] === "4" ? 8 : 16;
  const parts = key.slice(1).split("");
  return parts.map((part) => part.charCodeAt(0).toString(2).padStart(size, "0")).join("");
}

// A word is looked for in the texts, and in the verdict, which may change; a network such as
// 203.0.113.0/28 has addresses, too.
function testOf(word) {
  const [, address, length] = /^(.+)\/(\d{1,3})$/.exec(word) || [];
  const bits = address && bitsOf(address);
  const isIn = (ip) => {
    const own = bitsOf(ip);
    return own?.length === bits.length && own.startsWith(bits.slice(0, length));
  };
  const ends = (f) => [f.source_ip, f.destination_ip, ...membersOf(f).map((one) => one.ip)];
  const said = ({ verdict, note }) => `${verdict}\n${note}`.toLowerCase();
  return (f) =>
    haystack(f).includes(word) ||
    (verdictOf(f) && said(verdictOf(f)).includes(word)) ||
    (bits && ends(f).some(isIn));
}

let searchTimer = 0; // of what is typed

function search(text) {
  clearTimeout(searchTimer);
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  active.delete("search");
  if (words.length) {
    const tests = words.map(testOf);
    const test = (f) => tests.every((one) => one(f));
    active.set("search", new Map([[words.join(" "), test]]));
  }
  select();
}

// The test of all filters, or of all but those of one group.
function passing(but) {
  const groups = [...active].filter(([group]) => group !== but);
  const tests = groups.map(([, byLabel]) => [...byLabel.values()]);
  return (f) => tests.every((group) => group.some((test) => test(f)));
}

function select() {
  const passes = passing();
  selected = findings.filter(passes);
  selectedStopped = (stopped || []).filter(passes);
  drawFilters();
  showViews();
}

// --- Drawing ------------------------------------------------------------------------------------

const FEW_VENDORS = 2; // with more their chips are folded
let areVendorsShown = false;

function vendorsChip() {
  const unfold = () => {
    areVendorsShown = !areVendorsShown;
    drawFilters();
  };
  const state = { "aria-expanded": String(areVendorsShown), "data-focus": "vendors" };
  return button({ class: "chip", ...state, onclick: unfold }, "by vendor");
}

function drawFilters() {
  const offered = facets();
  const areMany = vendors.length > FEW_VENDORS && !active.has("vendor");
  // A chip says how many it would leave, with the filters of the other groups.
  const left = new Map();
  const leftWithout = (group) => {
    if (!active.has(group)) return selected;
    if (!left.has(group)) left.set(group, findings.filter(passing(group)));
    return left.get(group);
  };
  const facet = (one) => {
    const [group, label, test] = one;
    if (group === "vendor" && areMany && !areVendorsShown) return null;
    const among = group === "suppressed" ? findings : shown;
    const all = among.filter(test).length;
    const isOn = isActive(group, label);
    if (!isOn && (!all || (group === "suppressed" && all === findings.length))) return null;
    const count = leftWithout(group).filter(test).length;
    return button(
      {
        class: "chip" + (SEVERITIES.includes(label) && group === "severity" ? " " + label : ""),
        "aria-pressed": String(isOn),
        "data-focus": group + label,
        onclick: () => toggleFacet(one),
      },
      el("span", {}, shortened(label, 24)),
      el("b", {}, whole(count)),
    );
  };
  const known = new Set(offered.map(([group]) => group));
  const others = [...active].filter(([group]) => !known.has(group));
  const chip = ([group, tests]) =>
    [...tests.keys()].map((label) =>
      button(
        {
          class: "chip",
          "aria-pressed": "true",
          "aria-label": `remove the filter ${group}: ${visible(label)}`,
          "data-focus": group,
          onclick: () => {
            active.delete(group);
            if (group === "search") byId("search").value = "";
            select();
          },
        },
        el("span", {}, group + ":", quoted(shortened(label, 40))),
        "×",
      ),
    );
  const clear = button(
    {
      class: "plain",
      "data-focus": "clear",
      onclick: () => {
        reset();
        select();
      },
    },
    "clear filters",
  );
  const isFiltered = [...active.keys()].some((group) => group !== "suppressed");
  const chips = offered.map(facet);
  if (areMany) chips.splice(-vendors.length, 0, vendorsChip());
  const content = [...chips, ...others.flatMap(chip), isFiltered ? clear : null];
  refill(byId("chips"), content.filter(Boolean), byId("search"));
}
