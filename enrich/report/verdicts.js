// What the analyst says of a finding. It is kept in this browser under the beacon's id, so that the
// report of the next day knows it, too.

const VERDICTS = ["benign", "suspicious", "malicious"];
const VERDICT_KEY = "network-beaconing.verdict.";
const OWNER_KEY = "network-beaconing.owner";
const LONGEST_NOTE = 2000; // characters

// Browsers may forbid storage, as for files or in private windows: then memory must do, until the
// page is closed.
const memory = new Map();
let isKept = true;

function stored(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    isKept = false;
    return memory.get(key) ?? null;
  }
}

function store(key, text) {
  try {
    if (text === null) localStorage.removeItem(key);
    else localStorage.setItem(key, text);
  } catch {
    isKept = false;
    if (text === null) memory.delete(key);
    else memory.set(key, text);
  }
}

// Anything may stand in the storage; what is no verdict is none.
function readVerdict(beacon) {
  try {
    const kept = JSON.parse(stored(VERDICT_KEY + beacon));
    if (!VERDICTS.includes(kept?.verdict)) return null;
    const { verdict, note, made_at, end_date } = kept;
    return {
      verdict,
      note: String(note ?? ""),
      made_at: String(made_at),
      end_date: String(end_date),
    };
  } catch {
    return null;
  }
}

const verdicts = new Map();
for (const f of [...findings, ...(stopped || [])]) {
  const verdict = readVerdict(f.beacon_id);
  if (verdict) verdicts.set(f.beacon_id, verdict);
}

const verdictOf = (f) => verdicts.get(f.beacon_id) || null;

// The last finding that was judged: its verdict and note can be given again.
let lastJudged = null;

// Null takes the verdict back. A reason is of its verdict: another one does not get it.
function judge(f, verdict) {
  const before = verdictOf(f);
  const isOther = before && before.verdict !== verdict;
  keep(f, verdict, isOther ? "" : (before?.note ?? ""));
  if (isOther && before.note)
    say(`no longer kept of ${pairOf(f)}: ${before.verdict}, ${shortened(before.note, 60)}`);
  else if (!verdict)
    say(`${before ? "taken back: " + before.verdict : "no verdict yet"}, ${pairOf(f)}`);
  afterVerdict(f);
}

function judgeAsBefore(f) {
  const made = verdictOf(lastJudged);
  keep(f, made.verdict, made.note);
  afterVerdict(f);
}

function keep(f, verdict, note) {
  if (verdict === null) {
    if (f === lastJudged) lastJudged = null;
    verdicts.delete(f.beacon_id);
    store(VERDICT_KEY + f.beacon_id, null);
  } else {
    const made_at = new Date().toISOString().slice(0, 19) + "Z";
    const made = { verdict, note: note.slice(0, LONGEST_NOTE), made_at, end_date: f.end_date };
    verdicts.set(f.beacon_id, made);
    lastJudged = f;
    store(VERDICT_KEY + f.beacon_id, JSON.stringify(made));
  }
}

// --- Suppression --------------------------------------------------------------------------------

const SUPPRESSION_DAYS = 90;
// A quarter, as for the status "changed"; what was suppressed and beats otherwise is shown again.
const SUPPRESSION_TOLERANCE = 0.25;

const csvText = (text) => (/[",\r\n]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text);

const reasonOf = (f) => (verdictOf(f)?.note || "benign").replace(/\s+/g, " ");
const shellText = (text) => "'" + text.replaceAll("'", "'\\''") + "'";

function suppressionCommand(f, owner) {
  const id = /^\w+$/.test(f.beacon_id) ? f.beacon_id : shellText(f.beacon_id);
  const texts = ` --reason ${shellText(reasonOf(f))} --owner ${shellText(owner || "SOC")}`;
  return `network-beaconing suppress ${id}${texts} --write`;
}

// A line for seeds/organisation/suppressions.csv, in the order of its columns. The pipeline
// compares the median interval, else the delta.
function suppressionRow(f, owner) {
  const interval = f.period_seconds ?? f.time_delta ?? null;
  const near = (factor) =>
    interval === null ? "*" : String(Number((interval * factor).toPrecision(3)));
  const until = new Date(Date.parse(data.made_at.slice(0, 10)) + SUPPRESSION_DAYS * DAY);
  const isAddress = addressKey(f.destination_ip)[0] !== "n";
  const fields = [
    isAddress ? f.destination_ip : "*",
    isMissing(f.destination_port) ? "*" : String(f.destination_port),
    f.source_ip,
    f.device_vendor,
    near(1 - SUPPRESSION_TOLERANCE),
    near(1 + SUPPRESSION_TOLERANCE),
    reasonOf(f),
    owner || "SOC",
    utc(until, 10),
  ];
  return fields.map(csvText).join(",");
}

// --- Export -------------------------------------------------------------------------------------

function verdictsAsJson() {
  const made = [...findings, ...(stopped || [])].filter(verdictOf).map((f) => ({
    beacon_id: f.beacon_id,
    source_ip: f.source_ip,
    destination_ip: f.destination_ip,
    destination_port: f.destination_port,
    protocol: f.protocol,
    device_vendor: f.device_vendor,
    ...verdictOf(f),
  }));
  return JSON.stringify({ run_id: findings[0]?.run_id ?? null, verdicts: made }, null, 1);
}
