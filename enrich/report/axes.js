// Frame, scales and labels of the charts.

const CHART = { width: 400, height: 150, left: 40, bottom: 24, top: 16 };
const FLOOR = CHART.height - CHART.bottom;
const HOUR = 3600000; // milliseconds
const DAY = 24 * HOUR;

const picture = (title, ...content) =>
  el("div", { class: "picture" }, el("h3", {}, title), ...content);

function canvas(name, width, height, ...content) {
  const box = { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": name };
  return svg("svg", box, ...content);
}

function frame(name, ...content) {
  const axes = `M${CHART.left} ${CHART.top}V${FLOOR}H${CHART.width}`;
  return canvas(
    name,
    CHART.width,
    CHART.height,
    svg("path", { class: "axis", d: axes }),
    ...content,
  );
}

const scaleX = (from, to) => (value) =>
  CHART.left + ((CHART.width - CHART.left) * (value - from)) / (to - from);
const scaleY = (top) => (n) => FLOOR - ((FLOOR - CHART.top) * n) / top;

const label = (x, y, anchor, text) => svg("text", { x, y, "text-anchor": anchor }, text);
const yLabel = (text, y) => label(CHART.left - 5, y + 4, "end", text);
const xLabel = (text, x, anchor) => label(x, CHART.height - 8, anchor, text);

const pathOf = (points, x, y) =>
  points.map(([a, b], i) => `${i ? "L" : "M"}${x(a).toFixed(1)} ${y(b).toFixed(1)}`).join("");

function windowStart(f) {
  const days = Math.max(1, f.hourly_event_counts.length / 24);
  return Date.parse(f.end_date + "T00:00:00Z") - (days - 1) * DAY;
}

// Labels: hours of one day, or dates of several; `x` turns an hour of the window into a position.
function hourLabels(f, x) {
  const hours = f.hourly_event_counts.length;
  const isOneDay = hours <= 24;
  const step = isOneDay ? 6 : 24 * Math.ceil(hours / 24 / 6);
  const labels = [];
  for (let hour = 0; hour < hours + (isOneDay ? 1 : 0); hour += step) {
    const date = utc(windowStart(f) + hour * HOUR, 10).slice(5);
    const text = isOneDay ? String(hour).padStart(2, "0") + ":00" : date;
    const anchor = !hour ? "start" : hour === hours ? "end" : "middle";
    labels.push(xLabel(text, x(hour), anchor));
  }
  return labels;
}
