"use strict";
// Nothing in the page depends on this: it only spares looking and typing.
(() => {
  const all = (what, inside = document) => [...inside.querySelectorAll(what)];

  // Copy buttons beside commands. Without a clipboard the command is selected, for Ctrl-C.
  for (const pre of all("pre[data-copy]")) {
    const row = document.createElement("div");
    row.className = "copied";
    pre.replaceWith(row);
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Copy";
    button.setAttribute("aria-label", "Copy the command");
    row.append(pre, button);
    button.addEventListener("click", async () => {
      const told = (word) => {
        button.textContent = word;
        setTimeout(() => { button.textContent = "Copy"; }, 2000);
      };
      try {
        await navigator.clipboard.writeText(pre.textContent);
        told("Copied");
      } catch {
        getSelection().selectAllChildren(pre);
        told(document.execCommand("copy") ? "Copied" : "Selected");
      }
    });
  }

  // Sort a table by a column: a button in its heading, so that Tab and Enter do.
  for (const table of all("table.sortable")) {
    const heads = all("thead th", table);
    const body = table.tBodies[0];
    const first = [...body.rows];
    const value = (row, place, numbers) => {
      const cell = row.cells[place];
      const text = cell.dataset.value ?? cell.textContent.trim();
      return numbers ? Number(text) : text;
    };
    heads.forEach((head, place) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const was = head.getAttribute("aria-sort");
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        if (was === "descending") { // the third time: as it came
          body.append(...first);
          return;
        }
        const down = was === "ascending";
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const numbers = head.dataset.sort === "number";
        const rows = first.map((row) => [value(row, place, numbers), row]);
        rows.sort(([one], [two]) => numbers ? one - two : one.localeCompare(two, "en", { numeric: true }));
        if (down) rows.reverse();
        body.append(...rows.map(([, row]) => row));
      });
    });
  }

  // Filter rows and the cards that belong to them.
  for (const form of all("form[data-filter]")) {
    const items = all(`[data-item="${form.dataset.filter}"]`).map((row) => {
      const card = row.dataset.also ? document.getElementById(row.dataset.also) : null;
      const text = `${row.textContent} ${card ? card.textContent : ""}`.toLowerCase();
      return { row, card, text };
    });
    const input = form.querySelector("input[type=search]");
    const told = form.querySelector("[data-told]");
    const boxes = all("input[type=checkbox]", form);
    const apply = () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      const wanted = new Set(boxes.filter((one) => one.checked).map((one) => one.value));
      let shown = 0;
      for (const { row, card, text } of items) {
        const asked = !boxes.length || wanted.has(row.dataset.severity);
        const on = asked && words.every((word) => text.includes(word));
        row.hidden = !on;
        if (card) card.hidden = !on;
        shown += on;
      }
      told.textContent = `${shown} of ${items.length} shown`;
    };
    let waiting = 0;
    form.addEventListener("input", () => {
      cancelAnimationFrame(waiting);
      waiting = requestAnimationFrame(apply);
    });
    form.addEventListener("submit", (event) => event.preventDefault());
    form.hidden = false;
    apply();
  }

  // Paper has nothing to open, so all is open there.
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = all("details:not([open])");
    closed.forEach((one) => { one.open = true; });
  });
  addEventListener("afterprint", () => closed.forEach((one) => { one.open = false; }));
})();
