// Links that can be shared, and the beginning of everything.

/** Copy a link to a part of this page; where nothing may be copied, show it so that a person can. */
async function copied(button) {
  const link = `${location.href.split("#")[0]}#${button.dataset.link}`;
  try {
    await navigator.clipboard.writeText(link);
    told("Link copied.");
    button.firstChild.textContent = "Copied";
    setTimeout(() => { button.firstChild.textContent = "Copy link"; }, 2000);
  } catch {
    window.prompt("The link to this part of the page:", link);
  }
}

/** Open the cell that the address names, if it is listed. */
function follow() {
  const target = location.hash.startsWith("#event-") ? byId(location.hash.slice(1)) : null;
  if (target) {
    for (let at = target; at; at = at.parentElement.closest("details")) if (at.tagName === "DETAILS") at.open = true;
    target.scrollIntoView();
    target.focus({ preventScroll: true });
  }
  if (!location.hash.startsWith("#cell-")) return;
  const [vantage, qname, qtype, resolver, transport] = location.hash.slice(6).split("/").map((part) => {
    try { return decodeURIComponent(part); } catch { return part; }
  });
  const sight = shown.sights.find((each) => each.vantage === vantage);
  const [row] = sight ? sight.cells.where(CELL, [qname, qtype, resolver, transport]) : [];
  if (row === undefined) told("The cell of this link is not listed on this page.");
  else openPlace(sight, qname, resolver, transport, row);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button.copy");
  if (button) copied(button);
});

// paper cannot be opened
window.addEventListener("beforeprint", () => {
  for (const rest of document.querySelectorAll("details.rest")) rest.open = true;
});

theme();
for (const button of document.querySelectorAll("button.copy")) button.hidden = false;
timelines();
ready.then(() => {
  witnesses();
  overview();
  const grid = byId("grid");
  if (shown.sights.some((sight) => sight.names.rows)) {
    grid.hidden = false;
    new Matrix(grid);
  }
  const cells = new Cells(byId("table"));
  let showing = null;
  const show = () => (showing ||= cells.show());
  if (cells.rows.length) {
    whenNear(byId("cells"), show);
    for (const button of document.querySelectorAll(".show-cells")) {
      button.hidden = false;
      button.addEventListener("click", () => show().then(() => cells.only(button.dataset.event)));
    }
  }
  follow();
  window.addEventListener("hashchange", follow);
});
