// The matrix: a grid that arrow keys walk, a page of names at a time, with a slider over the dates.

const PAGE = 60; // names

class Matrix {
  constructor(place) {
    this.place = place;
    this.at = [0, 0];
    this.choose(0);
  }

  /** Show the vantage number *index*. */
  choose(index) {
    this.sight = shown.sights[index];
    this.day = this.sight.dates.length - 1;
    this.page = 0;
    this.wanted = "";
    this.entries = Array.from({ length: this.sight.entries.rows }, (_, row) => this.sight.entries.row(row));
    this.several = new Set(this.entries.map((entry) => entry.resolver)).size < this.entries.length;
    this.frame(index);
    this.fill();
  }

  unwell(entry) {
    return entry.condition && !["well", "lossy"].includes(entry.condition);
  }

  called(entry) {
    return this.several || entry.transport !== "udp" ? `${entry.resolver} ${entry.transport}` : entry.resolver;
  }

  code(name, entry, date = this.day) {
    return Number(this.sight.codes[date][name * this.entries.length + entry]);
  }

  frame(index) {
    const { dates } = this.sight;
    const output = el("output", { textContent: dates[this.day] });
    const slider = el("input", { type: "range", min: 0, max: dates.length - 1, value: this.day, disabled: dates.length < 2 });
    slider.setAttribute("aria-valuetext", dates[this.day]);
    slider.addEventListener("input", () => { this.day = Number(slider.value); output.textContent = dates[this.day]; slider.setAttribute("aria-valuetext", dates[this.day]); this.recolor(); });
    const search = el("input", { type: "search", autocomplete: "off", spellcheck: false });
    search.addEventListener("input", () => { this.wanted = search.value.trim().toLowerCase(); this.page = 0; this.fill(); });
    const vantage = el("select", {}, ...shown.sights.map((sight, place) => el("option", { value: place, textContent: sight.vantage, selected: place === index })));
    vantage.addEventListener("change", () => this.choose(Number(vantage.value)));
    this.table = el("table", { role: "grid", "aria-label": "States of names at resolvers" });
    this.table.addEventListener("keydown", (event) => this.key(event));
    this.table.addEventListener("click", (event) => this.open(event.target.closest("td[data-name]")));
    this.pages = el("div", { class: "pages" });
    this.place.replaceChildren(
      el("div", { class: "controls" },
        shown.sights.length > 1 ? el("label", {}, "Seen from", vantage) : null,
        el("label", { class: "slider" }, el("span", {}, "Date ", output), slider),
        el("label", { class: "grow" }, "Name or domain set", search)),
      el("div", { class: "grid" }, this.table), this.pages);
  }

  /** Return the places of the names that are wanted, and of which page. */
  found() {
    const { names } = this.sight;
    const rows = [];
    for (let row = 0; row < names.rows; row += 1) {
      if (!this.wanted || names.get("qname", row).includes(this.wanted) || names.get("domain_set", row).toLowerCase().includes(this.wanted)) rows.push(row);
    }
    return rows;
  }

  fill() {
    const rows = this.found();
    const here = rows.slice(this.page * PAGE, (this.page + 1) * PAGE);
    this.at = [0, 0];
    this.cells = [];
    const bodies = [];
    let set = null;
    for (const name of here) {
      const its = this.sight.names.get("domain_set", name);
      if (its !== set) {
        set = its;
        bodies.push(el("tbody", {}, el("tr", { class: "set" }, el("th", { scope: "rowgroup", textContent: its }), el("td", { colSpan: this.entries.length }))));
      }
      bodies[bodies.length - 1].append(this.line(name));
    }
    this.table.replaceChildren(this.head(), ...bodies);
    this.recolor();
    this.turn(rows.length);
  }

  group(entry) {
    return entry.role === "control" ? "controls" : `${entry.country || "–"} ${entry.role === "register" ? "reg." : entry.role}`;
  }

  head() {
    const groups = [];
    for (const entry of this.entries) {
      const name = this.group(entry);
      if (groups.length && groups[groups.length - 1].name === name) groups[groups.length - 1].size += 1;
      else groups.push({ name, size: 1 });
    }
    const who = this.entries.map((entry, place) => el("th", { scope: "col", class: this.first(place), title: [this.called(entry), entry.operator, entry.country, entry.role, this.unwell(entry) ? entry.condition : null].filter(Boolean).join(", ") }, el("span", { class: this.unwell(entry) ? "unwell" : "", textContent: `${this.called(entry)}${this.unwell(entry) ? " !" : ""}` })));
    return el("thead", {},
      el("tr", {}, el("th", { class: "name corner", scope: "col", rowSpan: 2, textContent: "Name" }), ...groups.map((group) => el("th", { class: "group", scope: "colgroup", colSpan: group.size, textContent: group.size > 1 ? group.name : group.name.split(" ")[0], title: group.name }))),
      el("tr", { class: "who" }, ...who));
  }

  first(place) {
    return place === 0 || this.group(this.entries[place - 1]) !== this.group(this.entries[place]) ? "first" : "";
  }

  line(name) {
    const qname = this.sight.names.get("qname", name);
    const row = this.cells.length;
    const cells = this.entries.map((_, place) => el("td", { tabIndex: -1, class: this.first(place), "data-name": name, "data-entry": place, "data-row": row }, el("span", { class: "state" })));
    this.cells.push(cells);
    return el("tr", {}, el("th", { scope: "row", class: "name", title: shown.readable[qname] ? `${qname} (${shown.readable[qname]})` : qname, textContent: qname }), ...cells);
  }

  recolor() {
    for (const cells of this.cells) {
      for (const cell of cells) {
        const kind = shown.kinds[this.code(Number(cell.dataset.name), Number(cell.dataset.entry))];
        const letter = shown.letters[shown.kinds.indexOf(kind)];
        const mark = cell.firstChild;
        if (mark.textContent === letter && mark.className === kindClass(kind)) continue;
        mark.className = kindClass(kind);
        mark.textContent = letter;
        const entry = this.entries[Number(cell.dataset.entry)];
        const about = `${this.sight.names.get("qname", Number(cell.dataset.name))} at ${this.called(entry)}: ${shown.meanings[kind] || kind}`;
        cell.title = about;
        cell.setAttribute("aria-label", about);
      }
    }
    if (this.cells.length) this.cells[this.at[0]][this.at[1]].tabIndex = 0;
  }

  turn(count) {
    const last = Math.max(0, Math.ceil(count / PAGE) - 1);
    const go = (step) => { this.page += step; this.fill(); };
    const said = count ? `Names ${(this.page * PAGE + 1).toLocaleString("en")} to ${Math.min(count, (this.page + 1) * PAGE).toLocaleString("en")} of ${count.toLocaleString("en")}` : "No such name.";
    const wrong = `; ${this.sight.asked.toLocaleString("en")} were asked for, the others were never wrong on these dates`;
    this.pages.replaceChildren(el("span", { textContent: said + (this.wanted ? "" : wrong) }),
      ...(last ? [el("button", { type: "button", textContent: "Back", disabled: this.page === 0, onclick: () => go(-1) }), el("button", { type: "button", textContent: "More", disabled: this.page === last, onclick: () => go(1) })] : []));
  }

  key(event) {
    const cell = event.target.closest("td[data-name]");
    if (!cell) return;
    const [row, column] = [Number(cell.dataset.row), Number(cell.dataset.entry)];
    const [rows, columns] = [this.cells.length - 1, this.entries.length - 1];
    const to = {
      ArrowUp: [row - 1, column], ArrowDown: [row + 1, column], ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1],
      Home: [event.ctrlKey ? 0 : row, 0], End: [event.ctrlKey ? rows : row, columns], PageUp: [row - 10, column], PageDown: [row + 10, column],
    }[event.key];
    if (to) {
      event.preventDefault();
      this.move(Math.min(rows, Math.max(0, to[0])), Math.min(columns, Math.max(0, to[1])));
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this.open(cell);
    }
  }

  move(row, column) {
    this.cells[this.at[0]][this.at[1]].tabIndex = -1;
    this.at = [row, column];
    const cell = this.cells[row][column];
    cell.tabIndex = 0;
    cell.focus();
  }

  open(cell) {
    if (!cell) return;
    const entry = this.entries[Number(cell.dataset.entry)];
    this.move(Number(cell.dataset.row), Number(cell.dataset.entry));
    openPlace(this.sight, this.sight.names.get("qname", Number(cell.dataset.name)), entry.resolver, entry.transport);
  }
}
