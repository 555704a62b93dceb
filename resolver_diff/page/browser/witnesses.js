// What stands behind a cell: what was said before and after, the controls, the others, and the evidence.

const CELL = ["qname", "qtype", "resolver", "transport"];
const cellId = (sight, cell) => `cell-${[sight.vantage, ...CELL.map((name) => cell[name])].map(encodeURIComponent).join("/")}`;
const quoted = (text) => (/^[\w.:@%+=,/-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

/** Return the lines of one observation as dig would show them; TTLs of single records are not kept. */
function digged(cell, said) {
  const lines = [];
  const nth = (what, number) => (number ? `, ${what} ${number + 1}` : "");
  const when = said.asked_at === null ? "never" : `${new Date(said.asked_at * 1000).toISOString().slice(0, 19).replace("T", " ")} UTC`;
  if (said.asked_at === null && said.reply === null && said.trouble !== null) return [`;; over ${cell.transport}: ${said.trouble}`];
  lines.push(`;; asked ${when} over ${cell.transport}${nth("repeat", said.repeat)}${nth("attempt", said.attempt)}${nth("reply", said.reply)}`);
  if (said.rcode === null) {
    lines.push(`;; no answer: ${said.outcome}`);
    if (said.trouble !== null) lines.push(`;; ${said.trouble}`);
    return lines;
  }
  const flags = ["qr", ...["aa", "tc", "ra", "ad"].filter((flag) => said[flag])].join(" ");
  lines.push(`;; status: ${said.rcode}, flags: ${flags}${said.authority === null ? "" : `; AUTHORITY: ${said.authority}`}`);
  let owner = cell.qname;
  for (const target of (said.cname || "").split(" ").filter(Boolean)) {
    lines.push(`${owner}. CNAME ${target.replace(/\.$/, "")}.`);
    owner = target.replace(/\.$/, "");
  }
  for (const rdata of (said.answer || "").split(" ").filter(Boolean)) lines.push(`${owner}. ${cell.qtype} ${rdata}`);
  if (said.soa !== null) lines.push(`;; SOA of ${`${said.soa}.`.replace("..", ".")}`);
  else if (said.answer === null) lines.push(";; no SOA");
  for (const code of said.ede || []) lines.push(`;; EDE: ${code} (${shown.extended[code] || "unassigned"})`);
  if (said.ede_text !== null) lines.push(`;; EDE text: ${said.ede_text}`);
  if (said.nsid !== null) lines.push(`;; NSID: ${said.nsid}`);
  const facts = [];
  if (said.rtt !== null) facts.push(`query time: ${Math.round(said.rtt)} ms`);
  if (said.size !== null) facts.push(`received: ${said.size} octets`);
  if (said.ttl !== null) facts.push(`smallest TTL: ${said.ttl}`);
  if (facts.length) lines.push(`;; ${facts.join(", ")}`);
  return lines;
}

function sentence(cell) {
  let answer = cell.answer || cell.cname || "";
  if (answer.length > 60) answer = `${answer.slice(0, 60).replace(/ [^ ]*$/, "")} ...`;
  return cell.says.split(/(\{name\}|\{answer\})/).map((part) => ({ "{name}": cell.qname, "{answer}": answer }[part] ?? part)).join("");
}

/** Return the states of a name at a resolver over all dates, as letters. */
function strip(sight, qname, resolver, transport) {
  const [name] = sight.names.where(["qname"], [qname]);
  const [entry] = sight.entries.where(["resolver", "transport"], [resolver, transport]);
  if (name === undefined || entry === undefined) return null;
  return el("ul", { class: "strip", "aria-label": "All record types, date by date" }, ...sight.dates.map((date, place) => {
    const kind = shown.kinds[Number(sight.codes[place][name * sight.entries.rows + entry])];
    return el("li", { title: `${date}: ${shown.meanings[kind] || kind}` }, el("span", { class: kindClass(kind), textContent: shown.letters[shown.kinds.indexOf(kind)] }), day(date), el("span", { class: "apart", textContent: ` ${shown.meanings[kind] || kind}` }));
  }));
}

function before(sight, cell, replies, place) {
  const date = place ? shown.date : sight.before;
  const state = place ? cell.state : cell.state_before;
  const mechanism = place ? cell.mechanism : cell.mechanism_before;
  const mine = replies.filter((said) => said.day === place);
  const blocks = mine.map((said) => digged(cell, said).join("\n"));
  const head = date ? `${date}: ${state || "not asked"}${mechanism ? ` by ${mechanism}` : ""}` : "No date before";
  return el("div", {}, el("h4", { textContent: head }), blocks.length ? el("pre", { textContent: blocks.join("\n\n") }) : el("p", { class: "facts", textContent: date ? "Nothing was asked or kept." : "This is the first date." }));
}

function controlsSaid(sight, cell) {
  const rows = sight.controls.where(["qname", "qtype"], [cell.qname, cell.qtype]).map((row) => sight.controls.row(row));
  const head = ["Control", "Operator", "Over", "Outcome", "Said"];
  const body = rows.map((row) => el("tr", {}, el("th", { scope: "row", textContent: row.resolver }), ...[row.operator, row.transport, row.outcome, [row.cname, row.answer].filter(Boolean).join(" ")].map((text) => el("td", { textContent: text || "" }))));
  const others = sight.others.where(["qname", "qtype"], [cell.qname, cell.qtype]).map((row) => `${sight.others.get("resolvers", row)} ${sight.others.get("outcome", row)}`);
  const agreed = cell.consensus ? `${cell.controls_agreeing} of ${cell.controls_asked} control operators say ${cell.consensus}.` : `No consensus of ${cell.controls_asked} control operators.`;
  return el("div", {}, el("h4", { textContent: `What the controls said on ${shown.date}` }), el("p", { class: "facts", textContent: agreed }),
    rows.length ? el("div", { class: "plain", tabIndex: 0, role: "region", "aria-label": `What the controls said of ${cell.qtype}` }, el("table", {}, el("thead", {}, el("tr", {}, ...head.map((text) => el("th", { scope: "col", textContent: text })))), el("tbody", {}, ...body))) : null,
    others.length ? el("p", { class: "facts", textContent: `All the others: ${others.join(", ")}.` }) : null);
}

function evidenceOf(heading, list) {
  if (!list || !list.length) return null;
  return el("div", {}, el("h4", { textContent: heading }), el("ul", { class: "evidence" }, ...list.map((text) => {
    const name = text.split(":")[0];
    const about = shown.evidence[name];
    return el("li", {}, el("code", { textContent: name }), text.slice(name.length), about ? el("details", {}, el("summary", { textContent: "What it claims, and when it is wrong" }), ...about.says.map((part) => el("p", { textContent: part }))) : null);
  })));
}

/** Return all that is known of one cell of the table. */
function witness(sight, row) {
  const cell = sight.cells.row(row);
  const replies = [];
  const places = sight.replies.columns.cell.values;
  for (let at = places.indexOf(row); at >= 0 && places[at] === row; at += 1) replies.push(sight.replies.row(at));
  const id = cellId(sight, cell);
  const event = cell.event && byId(`event-${cell.event}`) ? el("a", { href: `#event-${cell.event}`, textContent: "its event", onclick: () => closeWitnesses() }) : null;
  const facts = [`set ${cell.domain_set}`, cell.operator, cell.country, cell.role, cell.first_seen ? `so since ${cell.first_seen}, of the dates compared` : null, cell.repeats > 1 ? `in ${cell.repeats_alike} of ${cell.repeats} repeats` : null, cell.confidence_says ? `confidence ${cell.confidence_says}` : null];
  return el("article", { "data-cell": id },
    el("h3", { textContent: `${cell.qtype}: ${cell.what}${cell.mechanism ? ` by ${cell.mechanism}` : ""}` }),
    el("p", { class: "sentence", textContent: sentence(cell) }),
    el("p", { class: "facts" }, facts.filter(Boolean).join("; "), event ? "; " : null, event),
    el("div", { class: "said" }, before(sight, cell, replies, 0), before(sight, cell, replies, 1)),
    controlsSaid(sight, cell),
    evidenceOf("Evidence for a difference", cell.speaks_for),
    evidenceOf("Evidence against a difference", cell.speaks_against),
    el("p", { class: "facts" }, "More of it, and a command that asks again: ", el("code", { textContent: `resolver-diff explain ${quoted(cell.qname)} ${quoted(cell.resolver)} --date ${shown.date} --qtype ${quoted(cell.qtype)}` })),
    el("p", {}, el("button", { type: "button", class: "copy", "data-link": id }, "Copy link", el("span", { class: "apart", textContent: " to this cell" }))));
}

/** Open what is known of a name at a resolver: every listed cell of it, the one *first* in front. */
function openPlace(sight, qname, resolver, transport, first = null) {
  const [entry] = sight.entries.where(["resolver", "transport"], [resolver, transport]).map((row) => sight.entries.row(row));
  const unwell = entry && entry.condition && entry.condition !== "well";
  const about = unwell ? el("p", { class: "warning", textContent: `${resolver} was ${entry.condition} on ${shown.date}${entry.says ? `: ${entry.says}` : ""}.` }) : null;
  const rows = sight.cells.where(["qname", "resolver", "transport"], [qname, resolver, transport]);
  const readable = shown.readable[qname] ? ` (${shown.readable[qname]})` : "";
  byId("w-title").textContent = `${qname}${readable} at ${resolver} over ${transport}${shown.sights.length > 1 ? `, from ${sight.vantage}` : ""}`;
  rows.sort((one, other) => (other === first) - (one === first) || one - other);
  const none = el("p", { class: "sentence", textContent: `On ${shown.date} nothing is wrong here and nothing changed, or its resolver was not well; such cells are counted and not listed.` });
  const dates = strip(sight, qname, resolver, transport);
  byId("w-body").replaceChildren(...(about ? [about] : []), ...(dates ? [el("h3", { textContent: "All dates of this page, all record types" }), dates] : []), ...(rows.length ? rows.map((row) => witness(sight, row)) : [none]));
  const dialog = byId("witnesses");
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  byId("w-title").focus();
}

function closeWitnesses() {
  byId("witnesses").close();
}

function witnesses() {
  const dialog = byId("witnesses");
  byId("w-close").addEventListener("click", closeWitnesses);
  dialog.addEventListener("click", (event) => { if (event.target === dialog) closeWitnesses(); });
}
