// The charts of the whole run: score against rarity, and the map. A bubble is a group of findings,
// and filters by it.

function namesOf(group) {
  const names = group.slice(0, 8).map(pairOf);
  if (group.length > 8) names.push(`and ${group.length - 8} more`);
  return names.join("\n");
}

function bubble(group, x, y, place) {
  const members = new Set(group);
  const choose = () => {
    only("bubble", place, (f) => members.has(f));
    show("findings");
    byId("top").scrollIntoView();
    views.findings.listing.focus();
  };
  const circle = svg("circle", {
    class: "dot choose " + worst(group),
    cx: x,
    cy: y,
    r: Math.min(24, 5 + 1.7 * Math.sqrt(group.length)),
    role: "button",
    tabindex: -1,
    "aria-label": `${plural(group.length, "finding")}, ${visible(place)}`,
    onclick: choose,
    onkeydown: (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      event.stopPropagation();
      choose();
    },
  });
  // `namesOf` has escaped its values; the line breaks are our own.
  const title = document.createElementNS(SVG, "title");
  title.textContent = plural(group.length, "finding") + "\n" + namesOf(group);
  circle.append(title);
  return circle;
}

// One bubble of a chart can be reached by Tab, the others from there by the arrows.
function walkable(chart) {
  chart.setAttribute("role", "group");
  const bubbles = [...chart.querySelectorAll(".choose")];
  if (bubbles.length) bubbles[0].setAttribute("tabindex", 0);
  chart.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const next = step && bubbles[bubbles.indexOf(document.activeElement) + step];
    if (!next) return;
    event.preventDefault();
    for (const one of bubbles) one.setAttribute("tabindex", one === next ? 0 : -1);
    next.focus();
  });
  return chart;
}

function mean(group, name) {
  return group.reduce((sum, f) => sum + f[name], 0) / group.length;
}

// --- Score against rarity -----------------------------------------------------------------------

function scatter() {
  const scored = shown.filter((f) => !isMissing(f.beacon_score) && !isMissing(f.rarity_score));
  // Points on a line say less than the table does.
  const isSpread = (name) => scored.some((f) => Math.abs(f[name] - scored[0][name]) > 0.01);
  byId("scatter-box").open = isSpread("rarity_score") && isSpread("beacon_score");
  if (!scored.length) {
    byId("scatter").append(hint("No finding has a score."));
    return;
  }
  const width = 560;
  const height = 300;
  const left = 48;
  const base = height - 36;
  const lowest = scored.reduce((least, f) => Math.min(least, f.beacon_score), 1);
  const floor = Math.max(0, Math.floor((lowest - 0.02) * 20) / 20);
  const rise = (n) => (n - floor) / (1 - floor || 1); // share of the height
  const x = (n) => left + 14 + (width - left - 40) * n;
  const y = (n) => base - 8 - (base - 30) * rise(n);
  const cell = (f) => Math.round(f.rarity_score * 50) * 100 + Math.round(rise(f.beacon_score) * 40);
  const limit = scored[0].beacon_score_threshold;
  const ticks = [0, 0.25, 0.5, 0.75, 1];
  const yTick = (n) => label(left - 6, y(n) + 4, "end", n.toFixed(floor > 0.6 ? 3 : 2));
  const bubbles = [...grouped(scored, cell).values()].map((group) => {
    const at = [mean(group, "rarity_score"), mean(group, "beacon_score")];
    return bubble(group, x(at[0]), y(at[1]), `rarity ${share(at[0])}, score ${share(at[1])}`);
  });
  const chart = canvas(
    "score against rarity",
    width,
    height,
    svg("path", { class: "axis", d: `M${left} 16V${base}H${width}` }),
    ticks.map((n) => label(x(n), base + 16, "middle", n)),
    ticks.map((n) => yTick(floor + (1 - floor) * n)),
    label(width, height - 4, "end", "rarity of the destination →"),
    svg("text", { x: 0, y: 10 }, "beacon score"),
    !isMissing(limit) && limit >= floor
      ? svg("path", { class: "expected", d: `M${left} ${y(limit)}H${width}` })
      : null,
    bubbles,
  );
  byId("scatter").append(walkable(chart));
}

// --- Map ----------------------------------------------------------------------------------------

function mapHint(placed) {
  if (!enriched) return "Nothing was looked up: `python -m enrich lookup` does.";
  if (!placed.length) return "No destination has a location: set location.database.";
  const known = new Set(placed);
  const lost = shown.filter((f) => !known.has(f));
  const destinations = distinct(lost, (f) => f.destination_ip).length;
  if (destinations) return plural(destinations, "destination") + " without a location.";
  return "A bubble is a place, as GeoIP knows it.";
}

function map() {
  const isNumber = (n) => typeof n === "number";
  const placed = shown.filter((f) => isNumber(f.latitude) && isNumber(f.longitude));
  byId("map-hint").textContent = mapHint(placed);
  const place = (f) => f.latitude.toFixed(1) + " " + f.longitude.toFixed(1);
  const groups = [...grouped(placed, place).values()].sort((a, b) => b.length - a.length);
  byId("map-box").open = groups.length > 1;
  if (groups.length) {
    // One unit of the outline is half a degree.
    const bubbles = groups.map((group) => {
      const { city, country, longitude, latitude } = group[0];
      const name = city || country || place(group[0]);
      return bubble(group, (longitude + 180) * 2, (90 - latitude) * 2, name);
    });
    const land = svg("path", { class: "land", d: data.outline });
    byId("map").append(walkable(canvas("map of the destinations", 720, 300, land, bubbles)));
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
