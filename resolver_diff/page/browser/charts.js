// Charts, by Vega-Lite. Expressions are interpreted from their syntax tree, as the policy forbids to make code of texts.

const KINDS_WRONG = ["denial", "other address", "no reply", "failure", "injected", "policy"];
const day = (text) => `${Number(text.slice(8))} ${["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"][Number(text.slice(5, 7)) - 1]}`;

/** Return what all charts look like, in the colors of now. */
function look() {
  const axis = { labelColor: color("faint"), titleColor: color("faint"), domainColor: color("line"), tickColor: color("line"), gridColor: color("line"), labelFontSize: 11, titleFontSize: 11, titleFontWeight: 400 };
  const font = getComputedStyle(document.body).fontFamily;
  return { background: null, font, aria: false, axis, legend: { labelColor: color("ink"), titleColor: color("faint"), labelFontSize: 11, symbolType: "square" }, view: { stroke: null }, text: { color: color("ink") } };
}

/** Draw *spec* into *place*, which *label* tells to those who do not see it. */
async function draw(place, spec, label) {
  await library("vega.js");
  await library("vega-lite.js");
  await library("vega-embed.js");
  const canvas = el("div", { "aria-hidden": "true" });
  const tooltip = { disableDefaultStyle: true };
  await window.vegaEmbed(canvas, { ...spec, config: look() }, { actions: false, ast: true, renderer: "svg", defaultStyle: false, tooltip });
  place.setAttribute("role", "img");
  place.setAttribute("aria-label", label);
  place.replaceChildren(canvas);
}

/** Draw now, and anew whenever the colors change. */
function chart(place, make) {
  const drawn = () => draw(place, ...make());
  themed.push(drawn);
  return drawn();
}

/** How far each event reached, date by date: names above, resolvers below. */
function timelines() {
  for (const place of document.querySelectorAll(".timeline")) {
    place.hidden = false;
    place.style.minHeight = "7.6rem";
    whenNear(place, () => chart(place, () => timeline(place)));
  }
}

function timeline(place) {
  const rows = [...place.parentElement.querySelectorAll(".reach tbody tr")].map((row) => {
    const [date, names, resolvers] = [...row.children].map((cell) => cell.textContent);
    const [count, of] = resolvers.split(" of ").map(Number);
    return { date: day(date), order: date, names: Number(names), resolvers: count || 0, of: of || 0 };
  });
  const few = rows.length <= 8;
  const width = Math.max(120, place.clientWidth - 60);
  const x = (axis) => ({ field: "date", type: "ordinal", sort: null, axis, scale: { paddingInner: 0.25 } });
  const y = (field, title, most) => ({ field, type: "quantitative", axis: { title, tickCount: 2, format: "d", grid: false, minExtent: 30 }, scale: { nice: false, domainMin: 0, ...(most ? { domainMax: most } : {}) } });
  const bars = (field, title, fill, height, axis, of, most) => ({
    width, height,
    layer: [
      { mark: { type: "bar", color: fill }, encoding: { x: x(axis), y: y(field, title, most), tooltip: [{ field: "order", title: "date" }, { field: "names" }, { field: "resolvers" }, { field: "of", title: "of resolvers" }] } },
      ...(few ? [{ transform: [{ filter: `datum.${field} > 0` }], mark: { type: "text", dy: -6, fontSize: 10 }, encoding: { x: x(axis), y: y(field, title, most), text: { field: of || field } } }] : []),
    ],
  });
  const labels = { title: null, labelAngle: few ? 0 : -60, labelOverlap: true, ticks: false };
  const spec = {
    data: { values: rows.map((row) => ({ ...row, share: row.of ? `${row.resolvers} of ${row.of}` : "" })) },
    vconcat: [bars("names", "names", color("denial"), 52, null), bars("resolvers", "resolvers", color("no-reply"), 36, labels, "share", Math.max(1, ...rows.map((row) => row.of)))],
    spacing: 10,
  };
  const last = rows[rows.length - 1];
  return [spec, `Names and resolvers of this event on ${many(rows.length, "date")}; on the last, ${last.names} at ${last.resolvers}. The numbers stand below, date by date.`];
}

/** What was wrong on each date, by kind, of all vantages together. */
function overview() {
  const dates = [...new Set(shown.sights.flatMap((sight) => sight.dates))].sort();
  if (dates.length < 2) return;
  const place = byId("overview");
  const values = [];
  for (const date of dates) {
    const counts = Object.fromEntries(KINDS_WRONG.map((kind) => [kind, 0]));
    for (const sight of shown.sights) {
      const codes = sight.codes[sight.dates.indexOf(date)] || "";
      for (const code of codes) if (shown.kinds[code] in counts) counts[shown.kinds[code]] += 1;
    }
    for (const kind of KINDS_WRONG) values.push({ date: day(date), order: date, kind, count: counts[kind], place: KINDS_WRONG.indexOf(kind) });
  }
  const present = KINDS_WRONG.filter((kind) => values.some((row) => row.kind === kind && row.count));
  if (!present.length) return;
  place.hidden = false;
  const narrow = place.clientWidth < 600;
  place.style.minHeight = narrow ? "12rem" : "10.3rem"; // so that what is below stays where a link has brought it
  const make = () => [{
    width: Math.max(180, Math.min(place.clientWidth - (narrow ? 45 : 170), 1000)), height: 110,
    title: { text: "Names at resolvers where something was wrong, date by date", anchor: "start", fontSize: 12, fontWeight: 600, color: color("ink") },
    data: { values: values.filter((row) => present.includes(row.kind)) },
    mark: { type: "bar", stroke: color("paper"), strokeWidth: 0.5 },
    encoding: {
      x: { field: "date", type: "ordinal", sort: null, axis: { title: null, labelAngle: dates.length > 16 ? -60 : 0, ticks: false, labelOverlap: true } },
      y: { field: "count", type: "quantitative", axis: { title: null, tickCount: 3, format: "d" } },
      color: { field: "kind", type: "nominal", scale: { domain: present, range: present.map((kind) => color(kind.replace(" ", "-"))) }, legend: { title: null, orient: narrow ? "bottom" : "right" } },
      order: { field: "place", type: "ordinal" },
      tooltip: [{ field: "order", title: "date" }, { field: "kind" }, { field: "count", title: "places" }],
    },
  }, `Bars of how many names at resolvers were wrong on ${many(dates.length, "date")}: ${dates.map((date) => `${date} ${values.filter((row) => row.order === date).reduce((sum, row) => sum + row.count, 0)}`).join(", ")}.`];
  chart(place, make);
}
