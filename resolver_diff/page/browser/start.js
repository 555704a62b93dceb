// What the others build on. Texts become text nodes and nothing else: no markup is ever made from a text.

const byId = (id) => document.getElementById(id);
const told = (text) => { byId("told").textContent = text; };

/** Return a new element; *properties* are set on it, those with a dash as attributes, and *children* are put in. */
function el(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined) continue;
    if (name === "class") made.className = value;
    else if (name.includes("-") || name === "role" || name === "for") made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

const many = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
const kindClass = (kind) => `state s-${kind.replace(" ", "-")}`;

/** Return what stands in the element, inflated; it is base64 of what zlib deflated. */
async function inflated(element) {
  const octets = Uint8Array.from(atob(element.textContent.trim()), (char) => char.charCodeAt(0));
  const stream = new Blob([octets]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).text();
}

/** Columns of few different texts, as `packed.columns` wrote them. */
class Columns {
  constructor(given) {
    this.rows = given.rows;
    this.columns = given.columns;
  }

  /** Return what stands in a row: a text, a number, a list of texts, or null. */
  get(name, row) {
    const column = this.columns[name];
    if (column.values) return column.values[row];
    const code = column.codes[row];
    if (code === null) return null;
    return column.texts ? column.texts[code] : column.lists[code];
  }

  row(row) {
    return Object.fromEntries(Object.keys(this.columns).map((name) => [name, this.get(name, row)]));
  }

  /** Return the rows, from first to last, whose texts in *names* are those *wanted*. */
  where(names, wanted) {
    const codes = names.map((name, place) => this.columns[name].texts.indexOf(wanted[place]));
    if (codes.includes(-1)) return [];
    const held = names.map((name) => this.columns[name].codes);
    const found = [];
    for (let row = 0; row < this.rows; row += 1) {
      if (held.every((column, place) => column[row] === codes[place])) found.push(row);
    }
    return found;
  }
}

/** The libraries that the page carries, each run when it is first needed. Their hashes are in the policy. */
const loaded = new Map();
function library(file) {
  if (!loaded.has(file)) loaded.set(file, load(file));
  return loaded.get(file);
}
async function load(file) {
  const element = document.querySelector(`[data-library="${file}"]`);
  const text = await inflated(element);
  const made = document.createElement(file.endsWith(".css") ? "style" : "script");
  made.textContent = text;
  if (file.endsWith(".css")) document.head.prepend(made);
  else document.head.append(made);
  element.remove();
}

let shown = null; // the document of `page._document`, once it is inflated
const ready = inflated(byId("data")).then((text) => {
  shown = JSON.parse(text);
  for (const sight of shown.sights) {
    for (const name of ["names", "entries", "cells", "replies", "controls", "others"]) sight[name] = new Columns(sight[name]);
  }
  byId("data").remove();
  return shown;
});

/** Call *then* once, when *element* comes near to what is seen. */
function whenNear(element, then) {
  const watch = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    watch.disconnect();
    then();
  }, { rootMargin: "600px" });
  watch.observe(element);
}

/** Dark or light: as the system has it, until somebody says otherwise; nothing is stored. */
const dark = () => (document.documentElement.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
const themed = []; // what must be drawn anew when the colors change
function theme() {
  const button = byId("theme");
  const label = () => { button.textContent = dark() ? "Light" : "Dark"; button.setAttribute("aria-label", `Switch to ${dark() ? "light" : "dark"} colors`); };
  const changed = () => { label(); themed.forEach((draw) => draw()); };
  button.hidden = false;
  label();
  button.addEventListener("click", () => { document.documentElement.dataset.theme = dark() ? "light" : "dark"; changed(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
}
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
