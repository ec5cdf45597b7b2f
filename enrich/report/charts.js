// The charts of one finding.

// --- Connections per hour -----------------------------------------------------------------------

function hourly(f) {
  const counts = f.hourly_event_counts || [];
  if (!counts.length) return picture("Connections per hour", hint("no hours in the export"));
  const most = Math.max(...counts);
  const beat = f.period_seconds ? 3600 / f.period_seconds : null;
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
    label(CHART.width, y(beat) - 4, "end", "one every " + seconds(f.period_seconds)),
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

function spark(f) {
  const counts = f.hourly_event_counts || [];
  const top = Math.max(1, ...counts);
  const width = 120 / Math.max(1, counts.length);
  const bar = (n, hour) => {
    const height = (24 * n) / top;
    const place = { x: hour * width, y: 25 - height, width: width * 0.85, height };
    return n ? svg("rect", { class: "bar", ...place }) : null;
  };
  const image = canvas(
    "connections per hour",
    120,
    26,
    svg("path", { class: "axis", d: "M0 25.5H120" }),
    counts.map(bar),
  );
  image.setAttribute("preserveAspectRatio", "none");
  return el("div", { class: "spark" }, image);
}

// --- Intervals between beats --------------------------------------------------------------------

// Rare long gaps would squeeze the beat into one line, so 1 % of the events at either end is left out.
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
  const sleep = f.estimated_sleep_seconds;
  const jitter = f.estimated_jitter_percent || 0;
  const shortest = sleep * (1 - jitter / 100);
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
  const tick = (delta, i) => xLabel(seconds(delta), x(delta), ["start", "middle", "end"][i]);
  return picture(
    title,
    frame(
      "histogram of intervals",
      sleep === null ? [] : jitterBand(x(shortest), x(sleep)),
      [...counts].map(bar),
      sleep === null ? [] : sleepMark(x(sleep), sleep, jitter),
      yLabel(whole(most), y(most)),
      yLabel("0", y(0)),
      [from, (from + to) / 2, to].map(tick),
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

function sleepMark(x, sleep, jitter) {
  const text = `sleep ${seconds(sleep)}, jitter ${Math.round(jitter)} %`;
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
  const first = Math.max(start, Date.parse(f.first_seen));
  const last = Math.min(end, Date.parse(f.last_seen));
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

// --- Bytes and scores ---------------------------------------------------------------------------

function traffic(f) {
  const title = "Bytes, in all and in the middle connection";
  const rows = [
    ["sent", f.total_sent_bytes, "bar"],
    ["received", f.total_received_bytes, "bar other"],
    ["sent, middle", f.median_sent_bytes, "bar"],
    ["received, middle", f.median_received_bytes, "bar other"],
  ];
  if (rows.every(([, n]) => n === null)) return picture(title, hint("the log has no sizes"));
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
  const repeated = [
    ["send", f.sent_modal_share],
    ["receive", f.received_modal_share],
  ]
    .filter(([, n]) => n !== null)
    .map(([verb, n]) => `${percent(Math.round(n * 100))} of the connections ${verb} the same size`);
  const words = repeated.length ? repeated.join(", ") + "." : "";
  return picture(
    title,
    canvas("bytes", CHART.width, CHART.height - 20, rows.map(line)),
    hint("Length of a bar: logarithm. " + words),
  );
}

// Column, label, and the threshold if there is one.
const SCORES = [
  ["beacon_score", "beacon score", (f) => f.beacon_score_threshold],
  ["timing_score", "timing", (f) => f.null_quantile],
  ["size_score", "size"],
  ["rarity_score", "rarity"],
  ["jitter_share", "one sleep with jitter"],
  ["cadence_share", "two sleeps"],
  ["regularity", "regularity"],
  ["uniform_fit", "uniform jitter"],
  ["clock_lock_share", "same second"],
  ["rita_timestamp_score", "RITA time"],
  ["rita_data_size_score", "RITA size"],
  ["rita_histogram_score", "RITA histogram"],
  ["rita_duration_score", "RITA duration"],
  ["rita_beacon_score", "RITA in all"],
];

function scores(f) {
  const step = 17;
  const left = 138;
  const x = (n) => left + (CHART.width - left - 38) * Math.min(1, Math.max(0, n));
  const line = ([name, word, limitOf], i) => {
    const y = i * step;
    const value = f[name];
    const limit = limitOf ? limitOf(f) : null;
    const kind = name.startsWith("rita") ? "bar other" : "bar";
    const width = Math.max(1, x(value) - x(0));
    return [
      label(left - 6, y + 12, "end", word),
      svg("path", { class: "axis", d: `M${x(0)} ${y + 8}H${x(1)}` }),
      value === null ? null : svg("rect", { class: kind, x: x(0), y: y + 3, width, height: 10 }),
      isMissing(limit) ? null : svg("path", { class: "sleep", d: `M${x(limit)} ${y}V${y + 16}` }),
      label(CHART.width, y + 12, "end", share(value)),
    ];
  };
  return picture(
    "Scores, 0 to 1; a line marks what must be passed",
    canvas("scores", CHART.width, SCORES.length * step + 4, SCORES.map(line)),
  );
}
