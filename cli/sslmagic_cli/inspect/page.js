"use strict";
(() => {
  const order = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  const step = 100;

  for (const table of document.querySelectorAll("table.sortable")) {
    const body = table.tBodies[0];
    const rows = [...body.rows];
    const text = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
    const tools = document.getElementById(table.dataset.tools || "");
    const words = tools && tools.querySelector("input");
    const kinds = tools && tools.querySelector("select");
    const count = tools && tools.querySelector("output");
    const more = document.createElement("button");
    let shown = step;

    more.type = "button";
    more.className = "more";
    more.addEventListener("click", () => {
      shown += step * 5;
      draw();
    });
    table.closest(".scroll").after(more);

    function draw() {
      const asked = words ? words.value.toLowerCase().split(/\s+/) : [];
      const kind = kinds ? kinds.value : "";
      let found = 0;
      for (const row of rows) {
        const fits =
          (!kind || row.dataset.verdict === kind) &&
          asked.every((word) => text.get(row).includes(word));
        if (fits) {
          found += 1;
        }
        row.hidden = !fits || found > shown;
      }
      more.hidden = found <= shown;
      more.textContent = `Show more (${found - shown} are left)`;
      if (count) {
        count.textContent = `${found} of ${rows.length}`;
      }
    }

    function again() {
      shown = step;
      draw();
    }

    if (tools) {
      tools.hidden = false;
      words.addEventListener("input", again);
      kinds.addEventListener("change", again);
    }
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        for (const other of head.parentNode.cells) {
          other.removeAttribute("aria-sort");
        }
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const turn = down ? -1 : 1;
        const key = new Map(rows.map((row) => [row, row.cells[column].textContent]));
        rows.sort((a, b) => turn * order.compare(key.get(a), key.get(b)));
        body.append(...rows);
        again();
      });
    });
    draw();
  }
})();
