"use strict";
(() => {
  const root = document.documentElement;
  const KEY = "udb-theme";
  const remembered = () => { try { return localStorage.getItem(KEY); } catch { return null; } };
  const remember = (theme) => { try { localStorage.setItem(KEY, theme); } catch { /* private mode */ } };
  const chosen = remembered();
  if (chosen === "light" || chosen === "dark") root.dataset.theme = chosen;

  const isDark = () => root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;

  function themes(button) {
    const label = () => {
      button.textContent = isDark() ? "Light" : "Dark";
      button.setAttribute("aria-label", isDark() ? "Switch to the light theme" : "Switch to the dark theme");
    };
    button.hidden = false;
    button.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      remember(root.dataset.theme);
      label();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", label);
    label();
  }

  function sorting(table) {
    const heads = [...table.tHead.rows[0].cells];
    const body = table.tBodies[0];
    const compare = (index, kind) => (a, b) => {
      const x = a.cells[index].dataset.v, y = b.cells[index].dataset.v;
      return kind === "number" ? x - y : x.localeCompare(y, "en", { numeric: true });
    };
    heads.forEach((head, index) => {
      if (!head.dataset.sort) return;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const rows = [...body.rows].sort(compare(index, head.dataset.sort));
        body.append(...(down ? rows.reverse() : rows));
      });
    });
  }

  // Reports of many columns carry the cards as text; each is laid out when it is about to be seen, or printed.
  function cards(stored) {
    let bodies;
    const fill = (card) => {
      bodies ??= new Map(Object.entries(JSON.parse(stored.textContent)));
      const body = card && bodies.get(card.id);
      if (!body) return;
      bodies.delete(card.id);
      watch.unobserve(card);
      card.insertAdjacentHTML("beforeend", body);
    };
    const watch = new IntersectionObserver(
      (entries) => entries.forEach((entry) => { if (entry.isIntersecting) fill(entry.target); }),
      { rootMargin: "100% 0px" });
    const fillTarget = () => {
      const card = document.getElementById(decodeURIComponent(location.hash.slice(1)));
      fill(card);
      // Not smoothly: the cards passed on the way would be laid out, grow, and move the target.
      card?.scrollIntoView({ behavior: "instant" });
    };
    document.querySelectorAll(".card").forEach((card) => watch.observe(card));
    addEventListener("hashchange", fillTarget);
    addEventListener("beforeprint", () => document.querySelectorAll(".card").forEach(fill));
    if (location.hash) fillTarget();
  }

  function filtering(tools, table) {
    const [text, kind, found, shown, nothing] =
      ["filter", "kind", "found", "shown", "nothing"].map((id) => document.getElementById(id));
    const entries = [...table.tBodies[0].rows].map((row) => {
      const card = document.getElementById(row.dataset.for);
      return { row, card, words: row.cells[1].dataset.v.toLowerCase() + " " + card.dataset.type };
    });
    const apply = () => {
      const words = text.value.trim().toLowerCase();
      let count = 0;
      for (const { row, card, words: own } of entries) {
        const fits = own.includes(words) && (!kind.value || card.dataset.type === kind.value)
          && (!found.checked || card.dataset.findings !== "0");
        row.hidden = card.hidden = !fits;
        count += fits;
      }
      shown.textContent = count === entries.length ? "" : `${count} of ${entries.length} columns`;
      nothing.hidden = count > 0;
    };
    const reveal = () => {
      const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
      if (!target || !target.hidden) return;
      tools.reset();
      apply();
      target.scrollIntoView();
    };
    tools.hidden = false;
    tools.addEventListener("input", apply);
    tools.addEventListener("submit", (event) => event.preventDefault());
    addEventListener("hashchange", reveal);
    apply();
  }

  function printing() {
    let opened = [];
    addEventListener("beforeprint", () => {
      opened = [...document.querySelectorAll("details:not([open])")];
      opened.forEach((details) => { details.open = true; });
    });
    addEventListener("afterprint", () => opened.forEach((details) => { details.open = false; }));
  }

  addEventListener("DOMContentLoaded", () => {
    const [theme, table, tools, later] =
      ["theme", "table", "tools", "later"].map((id) => document.getElementById(id));
    themes(theme);
    if (later) cards(later);
    if (table) sorting(table);
    if (tools) filtering(tools, table);
    printing();
  });
})();
