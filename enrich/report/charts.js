// The charts of one finding.

// --- Connections per hour -----------------------------------------------------------------------

function hourly(f) {
  const counts = f.hourly_event_counts || [];
  if (!counts.length) return picture("Connections per hour", hint("no hours in the export"));
  const most = Math.max(...counts);
  // On average an implant sleeps half its jitter less.
  const interval = intervalOf(f);
  const beat = interval ? 3600 / (interval * (1 - (jitterOf(f) || 0) / 200)) : null;
  const top = Math.max(1, most, beat && beat < 2 * most ? beat : 0) * 1.08;
  const x = scaleX(0, counts.length);
  const y = scaleY(top);
  const width = x(1) - x(0);
  const bar = (n, hour) => {
    if (!n) return null;
    const time = utc(windowStart(f) + hour * HOUR, 13);
    return svg(
      "rect",
      {
        class: "bar",
        x: x(hour) + width * 0.08,
        y: y(n),
        width: width * 0.84,
        height: y(0) - y(n),
      },
      svg("title", {}, `${time}:00: ${plural(n, "connection")}`),
    );
  };
  const expected = () => [
    svg("path", { class: "expected", d: `M${CHART.left} ${y(beat)}H${CHART.width}` }),
    label(CHART.width, y(beat) - 4, "end", "expected at " + cadence(f)),
  ];
  return picture(
    "Connections per hour, UTC",
    frame(
      "connections per hour",
      counts.map(bar),
      beat && beat <= top ? expected() : [],
      yLabel(whole(most), y(most)),
      yLabel("0", y(0)),
      hourLabels(f, x),
    ),
  );
}

// --- Intervals between beats --------------------------------------------------------------------

// Rare long gaps would squeeze the beat into one line, so 1 % of the events at either end is left
// out.
function intervalRange(bars, sleep, shortest) {
  const total = bars.reduce((sum, [, events]) => sum + events, 0);
  let seen = 0;
  let from = bars[0][0];
  let to = bars[bars.length - 1][0];
  for (const [delta, events] of bars) {
    if (seen <= total * 0.01) from = delta;
    seen += events;
    if (seen >= total * 0.99) {
      to = delta;
      break;
    }
  }
  if (sleep !== null) {
    to = Math.max(to, Math.ceil(sleep));
    from = Math.min(from, Math.floor(shortest));
  }
  const pad = Math.max(2, Math.round((to - from) * 0.08));
  return [Math.max(0, from - pad), to + pad];
}

// Number of events by bin of `size` seconds, and the number outside the range.
function binned(bars, from, to, size) {
  const counts = new Map();
  let beyond = 0;
  for (const [delta, events] of bars) {
    const bin = Math.floor((delta - from) / size);
    if (delta < from || delta > to) beyond += events;
    else counts.set(bin, (counts.get(bin) || 0) + events);
  }
  return [counts, beyond];
}

function intervals(f) {
  const title = "Intervals between beats";
  const bars = f.interval_histogram || [];
  if (!bars.length) return picture(title, hint("no intervals"));
  const sleep = intervalOf(f);
  const shortest = sleep * (1 - (jitterOf(f) || 0) / 100);
  const [from, to] = intervalRange(bars, sleep, shortest);
  const size = Math.max(1, Math.ceil((to - from + 1) / 90));
  const [counts, beyond] = binned(bars, from, to, size);
  const most = Math.max(...counts.values());
  const x = scaleX(from, from + Math.ceil((to - from + 1) / size) * size);
  const y = scaleY(most * 1.1);
  const bar = ([bin, n]) => {
    const start = from + bin * size;
    const width = Math.max(1, x(from + size) - x(from) - 0.8);
    const end = size > 1 ? "–" + (start + size - 1) : "";
    return svg(
      "rect",
      { class: "bar", x: x(start) + 0.4, y: y(n), width, height: y(0) - y(n) },
      svg("title", {}, `${start}${end} s: ${plural(n, "interval")}`),
    );
  };
  const places = [from, (from + to) / 2, to];
  const areTold = new Set(places.map(seconds)).size === places.length;
  const words = areTold ? seconds : (delta) => whole(delta) + " s";
  const tick = (delta, i) => xLabel(words(delta), x(delta), ["start", "middle", "end"][i]);
  return picture(
    title,
    frame(
      "histogram of intervals",
      sleep === null ? [] : jitterBand(x(shortest), x(sleep)),
      [...counts].map(bar),
      sleep === null ? [] : sleepMark(x(sleep), cadence(f)),
      yLabel(whole(most), y(most)),
      yLabel("0", y(0)),
      places.map(tick),
    ),
    beyond ? hint(plural(beyond, "interval") + " outside the picture") : null,
  );
}

function jitterBand(from, to) {
  const place = {
    x: from,
    y: CHART.top,
    width: Math.max(1, to - from),
    height: FLOOR - CHART.top,
  };
  return svg("rect", { class: "band", ...place });
}

function sleepMark(x, text) {
  const inside = Math.min(Math.max(x, CHART.left + 82), CHART.width - 82);
  const place = { x: inside, y: CHART.top - 4, "text-anchor": "middle" };
  return [
    svg("path", { class: "sleep", d: `M${x} ${CHART.top}V${FLOOR}` }),
    svg("text", { class: "mark", ...place }, text),
  ];
}

// --- Beats over time ----------------------------------------------------------------------------

function beats(f) {
  const counts = f.hourly_event_counts || [];
  const total = counts.reduce((sum, n) => sum + n, 0);
  if (!total) return picture("Beats over time", hint("no beats in the window"));
  const start = windowStart(f);
  const end = start + counts.length * HOUR;
  const x = scaleX(start, end);
  const y = scaleY(total * 1.08);
  // A time that is not known is the end of the window.
  const first = Math.max(start, Date.parse(f.first_seen) || start);
  const last = Math.min(end, Date.parse(f.last_seen) || end);
  const points = [[first, 0]];
  let sum = 0;
  counts.forEach((n, hour) => {
    sum += n;
    const time = start + (hour + 1) * HOUR;
    if (time > first && time < last) points.push([time, sum]);
  });
  points.push([last, total]);
  const steady = [
    [first, 0],
    [last, total],
  ];
  const dot = (time, n, word) =>
    svg(
      "circle",
      { class: "bar", cx: x(time), cy: y(n), r: 3.5 },
      svg("title", {}, `${word} seen ${utc(time, 19)} UTC`),
    );
  return picture(
    "Beats over time, added up (steady is straight)",
    frame(
      "beats added up over time",
      svg("path", { class: "expected", d: pathOf(steady, x, y) }),
      svg("path", { class: "line", d: pathOf(points, x, y) }),
      dot(first, 0, "first"),
      dot(last, total, "last"),
      yLabel(whole(total), y(total)),
      yLabel("0", y(0)),
      hourLabels(f, (hour) => x(start + hour * HOUR)),
    ),
  );
}

// --- Bytes --------------------------------------------------------------------------------------

function traffic(f) {
  const title = "Bytes, in all and in the median connection";
  const rows = [
    ["out", f.total_sent_bytes, "bar"],
    ["in", f.total_received_bytes, "bar other"],
    ["out, median", f.median_sent_bytes, "bar"],
    ["in, median", f.median_received_bytes, "bar other"],
  ];
  if (!rows.some(([, n]) => n)) {
    const isKnown = rows.some(([, n]) => n === 0);
    return picture(
      title,
      hint(isKnown ? "the log has 0 bytes throughout" : "the log has no sizes"),
    );
  }
  const left = 104;
  const room = CHART.width - left - 62;
  const top = Math.log10(Math.max(10, ...rows.map(([, n]) => n || 0)));
  const line = ([word, n, kind], i) => {
    const length = n ? Math.max(2, (room * Math.log10(n)) / top) : 0;
    return [
      label(98, 25 + i * 30, "end", word),
      n ? svg("rect", { class: kind, x: left, y: 12 + i * 30, width: length, height: 18 }) : null,
      svg("text", { x: left + 6 + length, y: 25 + i * 30 }, bytes(n)),
    ];
  };
  // That nothing was sent each time is not a size that repeats.
  const repeated = [
    ["send", f.sent_modal_share, f.median_sent_bytes],
    ["receive", f.received_modal_share, f.median_received_bytes],
  ]
    .filter(([, n, median]) => !isMissing(n) && median)
    .map(([verb, n]) => `${percent(Math.round(n * 100))} of the connections ${verb} the same size`);
  return picture(
    title,
    canvas("bytes", CHART.width, CHART.height - 20, rows.map(line)),
    hint(["Length of a bar: logarithm.", ...repeated.map((words) => words + ".")].join(" ")),
  );
}

// --- Score --------------------------------------------------------------------------------------

const TERM_WORDS = { start: "beacons are rare" };

// Terms of the evidence, if the row has them: each adds to the log odds or takes from them.
function evidence(f) {
  const names = data.fields.evidence || [];
  return (f.evidence || []).map((values) => {
    const term = Object.fromEntries(names.map((name, i) => [name, values[i]]));
    const name = TERM_WORDS[term.term] || term.term;
    return { name, delta: term.log_odds, words: term.words };
  });
}

function deltas(all) {
  const sum = all.reduce((total, { delta }) => total + (delta ?? 0), 0);
  const terms = [...all, { name: "in all, log odds", delta: sum, isSum: true }];
  const step = 17;
  const middle = 232;
  const reach = 100;
  const most = Math.max(1, ...terms.map(({ delta }) => Math.abs(delta ?? 0)));
  const line = ({ name, delta, words, isSum }, i) => {
    const y = i * step;
    const length = (reach * Math.abs(delta ?? 0)) / most;
    const place = { x: delta < 0 ? middle - length : middle, y: y + 3, width: length, height: 10 };
    const kind = delta < 0 ? "bar other" : "bar more";
    const sign = delta > 0 ? "+" : delta < 0 ? "−" : "";
    const amount = isMissing(delta) ? "–" : sign + Math.abs(delta).toFixed(1);
    const textAt = { x: 0, y: y + 12, class: isSum ? "mark" : null };
    return svg(
      "g",
      {},
      words ? svg("title", {}, words) : null,
      svg("text", textAt, shortened(name, 20)),
      length ? svg("rect", { class: kind, ...place }) : null,
      svg("text", { ...textAt, x: CHART.width, "text-anchor": "end" }, amount),
    );
  };
  const axis = svg("path", { class: "axis", d: `M${middle} 0V${terms.length * step}` });
  return canvas("evidence", CHART.width, terms.length * step + 4, axis, terms.map(line));
}

// What the score is made of, where the row has no evidence terms: each part with what it is
// measured against.
const PARTS = [
  ["timing", (f) => f.timing_score, (f) => `random traffic reaches ${share(f.null_quantile)}`],
  ["sizes", (f) => f.size_score, () => "1 where sizes repeat"],
  [
    "rarity",
    (f) => f.rarity_score,
    (f) => `${whole(f.sources)} of ${whole(f.active_sources)} sources reach it`,
  ],
];
const met = (n, least) =>
  isMissing(least) ? "" : `, ${n > least ? "" : "not "}met: threshold ${least} %`;
const OTHERS = [
  [
    "percent_beacon",
    (f) => f.percent_beacon,
    (n) => percent(n, 1),
    (f) => "another method" + met(f.percent_beacon, f.percent_beacon_threshold),
  ],
  ["RITA", (f) => f.rita_beacon_score, share, () => "score of RITA, for comparison"],
];

function score(f) {
  const terms = evidence(f);
  const limit = isMissing(f.beacon_score_threshold)
    ? ""
    : `, threshold ${share(f.beacon_score_threshold)}`;
  const title = `Score ${share(f.beacon_score)}${limit}`;
  const others = OTHERS.filter(([, of]) => !isMissing(of(f)));
  const rest = others.map(([name, of, words, note]) => [name, words(of(f)), note(f)]);
  if (terms.length) return picture(title, deltas(terms), table([], rest, [1]));
  const parts = PARTS.filter(([, of]) => !isMissing(of(f)));
  const rows = parts.map(([name, of, note]) => [name, share(of(f)), note(f)]);
  return picture(title, table([], [...rows, ...rest], [1]));
}
