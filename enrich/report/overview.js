// The charts of the whole run: score against rarity, and the map. A bubble is a group of findings.

const worst = (group) =>
  SEVERITIES.find((severity) => group.some((f) => f.severity === severity)) || "";

function namesOf(group) {
  const names = group.slice(0, 8).map((f) => visible(f.source_ip) + " → " + visible(endpoint(f)));
  if (group.length > 8) names.push(`and ${group.length - 8} more`);
  return names.join("\n");
}

// `text` is escaped already; its line breaks are our own, so `visible` must not escape them.
function titled(node, text) {
  const title = document.createElementNS(SVG, "title");
  title.textContent = text;
  node.append(title);
  return node;
}

function bubble(group, x, y) {
  const circle = svg("circle", {
    class: "dot choose " + worst(group),
    cx: x,
    cy: y,
    r: Math.min(24, 5 + 1.7 * Math.sqrt(group.length)),
    onclick: () => choose({ only: new Set(group.map((f) => f.place)) }),
  });
  return titled(circle, plural(group.length, "finding") + "\n" + namesOf(group));
}

function mean(group, name) {
  return group.reduce((sum, f) => sum + f[name], 0) / group.length;
}

function scatter() {
  const scored = shown.filter((f) => f.beacon_score !== null && f.rarity_score !== null);
  if (!scored.length) {
    byId("scatter").append(hint("No finding has a score."));
    return;
  }
  const width = 560;
  const height = 300;
  const left = 48;
  const base = height - 36;
  const lowest = Math.min(...scored.map((f) => f.beacon_score));
  const floor = Math.max(0, Math.floor((lowest - 0.02) * 20) / 20);
  const rise = (score) => (score - floor) / (1 - floor || 1); // share of the height
  const x = (n) => left + 14 + (width - left - 40) * n;
  const y = (n) => base - 8 - (base - 30) * rise(n);
  const cell = (f) => Math.round(f.rarity_score * 50) + " " + Math.round(rise(f.beacon_score) * 40);
  const limit = scored[0].beacon_score_threshold;
  const ticks = [0, 0.25, 0.5, 0.75, 1];
  const yTick = (n) => label(left - 6, y(n) + 4, "end", n.toFixed(floor > 0.6 ? 3 : 2));
  byId("scatter").append(
    canvas(
      "score against rarity",
      width,
      height,
      svg("path", { class: "axis", d: `M${left} 16V${base}H${width}` }),
      ticks.map((n) => label(x(n), base + 16, "middle", n)),
      ticks.map((n) => yTick(floor + (1 - floor) * n)),
      label(width, height - 4, "end", "rarity of the destination →"),
      svg("text", { x: 0, y: 10 }, "beacon score"),
      limit !== null && limit >= floor
        ? svg("path", { class: "expected", d: `M${left} ${y(limit)}H${width}` })
        : null,
      [...grouped(scored, cell).values()].map((group) =>
        bubble(group, x(mean(group, "rarity_score")), y(mean(group, "beacon_score"))),
      ),
    ),
  );
}

function mapHint(placed) {
  if (!enriched) return "Nothing was looked up: `python -m enrich lookup` does.";
  if (!placed.length) return "No destination has a location: set location.database.";
  const lost = shown.filter((f) => !placed.includes(f));
  const destinations = distinct(lost, (f) => f.destination_ip).length;
  if (destinations) return plural(destinations, "destination") + " without a location.";
  return "A bubble is a place, as GeoIP knows it.";
}

function map() {
  const placed = shown.filter(
    (f) => typeof f.latitude === "number" && typeof f.longitude === "number",
  );
  byId("map-hint").textContent = mapHint(placed);
  if (placed.length) {
    const place = (f) => f.latitude.toFixed(1) + " " + f.longitude.toFixed(1);
    const groups = [...grouped(placed, place).values()].sort((a, b) => b.length - a.length);
    // One unit of the outline is half a degree.
    const bubbles = groups.map((group) =>
      bubble(group, (group[0].longitude + 180) * 2, (90 - group[0].latitude) * 2),
    );
    const land = svg("path", { class: "land", d: data.outline });
    byId("map").append(canvas("map of the destinations", 720, 300, land, bubbles));
  }
  if (enriched && shown.length) byId("owners").append(owners());
}

function owners() {
  const groups = grouped(shown, (f) => JSON.stringify([f.country, ownerOf(f)]));
  const rows = [...groups.values()]
    .sort((a, b) => b.length - a.length)
    .slice(0, 8)
    .map((group) => [
      group[0].country,
      ownerOf(group[0]),
      whole(group.length),
      whole(distinct(group, (f) => f.destination_ip).length),
    ]);
  return table(["country", "owner", "findings", "destinations"], rows, [2, 3]);
}
