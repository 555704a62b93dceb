// The table of cells, by Tabulator: only the rows that are seen are in the document, so that 50,000 do not stall it.

const SEARCHED = ["qname", "resolver", "operator", "answer", "answer_before", "cname", "domain_set"];
const CHOICES = [["what", "What"], ["mechanism", "By"], ["country", "Country"], ["domain_set", "Set"]];

class Cells {
  constructor(place) {
    this.place = place;
    this.rows = shown.sights.flatMap((sight, s) => Array.from({ length: sight.cells.rows }, (_, row) => ({ id: `${s}/${row}`, s, row })));
    this.chosen = {};
    this.event = null;
    this.wanted = "";
  }

  text(row, name) {
    if (name === "vantage") return shown.sights[row.s].vantage;
    if (name === "said") return [...new Set([this.text(row, "outcome_before"), this.text(row, "outcome")])].filter(Boolean).join(" → ");
    if (name === "answers") return this.text(row, "answer") || this.text(row, "cname") || "";
    if (name === "agreeing") return `${this.text(row, "controls_agreeing")} of ${this.text(row, "controls_asked")}`;
    return shown.sights[row.s].cells.get(name, row.row) ?? "";
  }

  async show() {
    this.place.hidden = false;
    this.count = el("p", { class: "count", role: "status" });
    const host = el("div", {});
    this.place.replaceChildren(this.form(), this.count, host);
    await library("tabulator.css");
    await library("tabulator.js");
    byId("plain").hidden = true;
    await new Promise((built) => {
      this.table = new window.Tabulator(host, {
        data: this.rows, index: "id", columns: this.columns(), layout: "fitColumns", responsiveLayout: "hide",
        height: `${Math.min(560, 80 + 35 * this.rows.length)}px`, rowHeight: 34, placeholder: "No such cell",
        headerSortElement: (_, way) => ({ asc: "▲", desc: "▼" }[way] || ""), columnDefaults: { headerHozAlign: "left" }, movableColumns: false,
        autoResize: false, // see fit()
      });
      this.table.on("tableBuilt", built);
      this.table.on("rowClick", (_, row) => this.open(row.getData()));
    });
    this.repair(host);
    this.fit(host);
    this.counted();
  }

  /** Draw the rows anew when there is another width for them: Tabulator itself does so whenever they come into view,
      and a click meanwhile is lost. */
  fit(host) {
    let width = host.clientWidth;
    new ResizeObserver(() => {
      if (host.clientWidth === width) return;
      width = host.clientWidth;
      this.table.redraw();
    }).observe(host);
  }

  /** Say to those who do not see it what Tabulator leaves unsaid. */
  repair(host) {
    host.setAttribute("aria-label", "Cells");
    const holder = host.querySelector(".tabulator-tableholder");
    holder.removeAttribute("tabindex"); // its rows have buttons, and a grid may hold nothing but rows
    holder.setAttribute("role", "presentation");
  }

  columns() {
    const column = (title, name, width, responsive, more = {}) => ({
      title, field: name, minWidth: width, responsive, headerSort: true,
      formatter: (cell) => this.text(cell.getData(), name) === "" ? "" : el("span", { class: more.mono ? "mono" : "", title: this.text(cell.getData(), name), textContent: this.text(cell.getData(), name) }),
      sorter: (a, b, one, other) => this.compare(this.text(one.getData(), name), this.text(other.getData(), name)),
      ...(more.widthGrow ? { widthGrow: more.widthGrow } : {}),
    });
    const transports = new Set(this.rows.map((row) => this.text(row, "transport"))).size > 1;
    return [
      { ...column("What", "what", 130, 0), formatter: (cell) => el("button", { type: "button", class: "open", textContent: this.text(cell.getData(), "what"), "aria-label": `${this.text(cell.getData(), "what")}: ${this.text(cell.getData(), "qname")} at ${this.text(cell.getData(), "resolver")}; show its witnesses` }) },
      column("Name", "qname", 150, 0, { mono: true, widthGrow: 3 }),
      column("Type", "qtype", 72, 3),
      column("Resolver", "resolver", 120, 0, { widthGrow: 2 }),
      ...(transports ? [column("Over", "transport", 70, 5)] : []),
      column("Country", "country", 104, 4),
      column("By", "mechanism", 108, 2),
      column("Said", "said", 172, 3, { widthGrow: 1 }),
      column("First seen", "first_seen", 112, 5),
      column("Controls", "agreeing", 108, 6),
      column("Set", "domain_set", 110, 7),
      column("Answer", "answers", 150, 8, { mono: true, widthGrow: 2 }),
      ...(shown.sights.length > 1 ? [column("Seen from", "vantage", 96, 4)] : []),
    ];
  }

  compare(one, other) {
    if (one === other) return 0;
    return one < other ? -1 : 1;
  }

  form() {
    const search = el("input", { type: "search", id: "search", autocomplete: "off", spellcheck: false, placeholder: "name, resolver, operator, answer" });
    search.addEventListener("input", () => { clearTimeout(this.waiting); this.waiting = setTimeout(() => { this.wanted = search.value.trim().toLowerCase(); this.filter(); }, 120); });
    const selects = CHOICES.map(([name, label]) => {
      const options = [...new Set(this.rows.map((row) => this.text(row, name)))].filter(Boolean).sort();
      const select = el("select", { "data-column": name }, el("option", { value: "", textContent: "all" }), ...options.map((text) => el("option", { value: text, textContent: text })));
      select.addEventListener("change", () => { this.chosen[name] = select.value; this.filter(); });
      return options.length > 1 ? el("label", {}, label, select) : null;
    });
    const clear = el("button", { type: "button", textContent: "Show all" });
    clear.addEventListener("click", () => this.clear());
    return el("div", { class: "controls" }, el("label", { class: "grow" }, "Search", search), ...selects, clear);
  }

  clear() {
    this.event = null;
    this.wanted = "";
    this.chosen = {};
    for (const input of this.place.querySelectorAll("input, select")) input.value = "";
    this.filter();
  }

  /** Return what tells the rows that are wanted; the texts of a column are looked at once each. */
  matching() {
    const hits = shown.sights.map((sight) => SEARCHED.map((name) => {
      const { texts, codes } = sight.cells.columns[name];
      return [codes, new Set(texts.flatMap((text, place) => (text.toLowerCase().includes(this.wanted) ? [place] : [])))];
    }));
    const chosen = Object.entries(this.chosen).filter(([, value]) => value);
    return ({ s, row }) => {
      if (this.event && shown.sights[s].cells.get("event", row) !== this.event) return false;
      if (chosen.some(([name, value]) => shown.sights[s].cells.get(name, row) !== value)) return false;
      return !this.wanted || hits[s].some(([codes, set]) => set.has(codes[row]));
    };
  }

  filter() {
    const all = !this.event && !this.wanted && !Object.values(this.chosen).some(Boolean);
    if (all) this.table.clearFilter();
    else this.table.setFilter(this.matching());
    this.counted();
  }

  counted() {
    const count = this.table.getDataCount("active");
    const of = count === this.rows.length ? many(count, "cell") : `${count.toLocaleString("en")} of ${many(this.rows.length, "cell")}`;
    this.count.textContent = this.event ? `${of}, of one event` : of;
  }

  /** Show the cells of an event, and nothing else. */
  only(event) {
    this.clear();
    this.event = event;
    this.filter();
    byId("cells").scrollIntoView();
    told(this.count.textContent);
  }

  open(row) {
    const sight = shown.sights[row.s];
    const cell = sight.cells.row(row.row);
    openPlace(sight, cell.qname, cell.resolver, cell.transport, row.row);
  }
}
