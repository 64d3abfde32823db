// Command palette (Ctrl/Cmd+K), single-key shortcuts and their list. The server finds; recent choices stay in this browser.
(() => {
  const palette = document.getElementById("palette"), shortcuts = document.getElementById("shortcuts");
  if (!palette || !palette.showModal) return;
  const query = document.getElementById("palette-query"), results = document.getElementById("palette-results");
  const memory = `recent:${document.querySelector("[data-palette]").dataset.palette}`;
  const kept = (name, fallback) => { try { return JSON.parse(localStorage.getItem(name)) ?? fallback; } catch { return fallback; } };
  const keep = (name, value) => { try { localStorage.setItem(name, JSON.stringify(value)); } catch { /* a private window */ } };
  const options = () => [...results.querySelectorAll("a[role=option], button[role=option]")];
  const chosen = () => results.querySelector("[aria-selected=true]");

  const choose = (option) => {
    chosen()?.setAttribute("aria-selected", "false");
    if (!option) return query.removeAttribute("aria-activedescendant");
    option.setAttribute("aria-selected", "true");
    query.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  };
  const showRecent = () => {
    const items = kept(memory, []);
    if (query.value.trim() || !items.length) return;
    const group = Object.assign(document.createElement("div"), { role: "group" });
    const name = Object.assign(document.createElement("div"), { className: "of", id: "found-recent", textContent: "Recent" });
    group.setAttribute("aria-labelledby", name.id);
    group.append(name, ...items.map(({ label, url }, index) => {
      const link = Object.assign(document.createElement("a"), { id: `recent-${index}`, role: "option", href: url, tabIndex: -1, textContent: label });
      link.setAttribute("aria-selected", "false");
      return link;
    }));
    results.prepend(group);
  };
  const open = () => {
    if (shortcuts.open) shortcuts.close();
    if (!palette.open) palette.showModal();
    query.value = "";
    query.dispatchEvent(new CustomEvent("opened"));
    query.focus();
  };
  results.addEventListener("htmx:afterSwap", () => {
    showRecent();
    choose(options()[0]);
    const count = options().length;
    document.getElementById("announce").textContent = count === 1 ? "1 result" : `${count} results`;
  });
  results.addEventListener("click", (click) => {
    const link = click.target.closest("a[role=option]");
    if (!link) return;
    const item = { label: link.textContent.trim().replace(/\s+/g, " "), url: link.getAttribute("href") };
    keep(memory, [item, ...kept(memory, []).filter(({ url }) => url !== item.url)].slice(0, 5));
  });
  query.addEventListener("keydown", (press) => {
    const all = options(), at = all.indexOf(chosen());
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + 8, PageUp: at - 8 }[press.key];
    if (to !== undefined && all.length) {
      press.preventDefault();
      const isStep = press.key.startsWith("Arrow");
      choose(all[isStep ? (to + all.length) % all.length : Math.max(0, Math.min(all.length - 1, to))]);
    } else if (press.key === "Enter") {
      press.preventDefault();
      chosen()?.click();
    }
  });
  document.querySelectorAll("[data-palette]").forEach((button) => button.addEventListener("click", (click) => { click.preventDefault(); open(); }));
  for (const dialog of [palette, shortcuts]) {
    dialog.addEventListener("click", (click) => { if (click.target === dialog || click.target.closest("[data-close], a")) dialog.close(); });
  }

  const toggle = document.getElementById("shortcuts-on");
  toggle.checked = kept("shortcuts", true);
  toggle.addEventListener("change", () => keep("shortcuts", toggle.checked));
  const rows = () => [...document.querySelectorAll("main tbody tr")].map((row) => row.querySelector("a[href]")).filter(Boolean);
  const move = (by) => {
    const all = rows(), at = all.findIndex((link) => link.closest("tr").contains(document.activeElement));
    all[Math.max(0, Math.min(all.length - 1, at < 0 ? 0 : at + by))]?.focus();
  };
  const row = () => document.activeElement?.closest("main tbody tr");
  const tick = (box, on) => {
    if (!box || box.checked === on) return;
    box.checked = on;
    box.dispatchEvent(new Event("change", { bubbles: true }));
  };
  const box = (one) => one?.querySelector("input[type=checkbox]");
  let latest = null; // the row ticked last, where a range begins
  const select = () => {
    const here = box(row());
    if (!here) return;
    tick(here, !here.checked);
    latest = row().querySelector("a[href]")?.id || null;
  };
  const range = () => {
    const all = rows().map((link) => link.closest("tr")), at = all.indexOf(row());
    if (at < 0 || !box(all[at])) return;
    const from = latest ? all.findIndex((one) => one.contains(document.getElementById(latest))) : at;
    const [first, last] = [Math.min(at, Math.max(from, 0)), Math.max(at, from)];
    all.slice(first, last + 1).forEach((one) => tick(box(one), true));
    latest = all[at].querySelector("a[href]")?.id || null;
    const count = document.querySelectorAll("main tbody input[type=checkbox]:checked").length;
    document.getElementById("announce").textContent = `${count} ticked`;
  };
  let after = 0;
  const single = {
    "?": () => shortcuts.showModal(),
    "/": () => { const field = document.querySelector("main input[type=search]"); field ? field.focus() : open(); },
    j: () => move(1),
    k: () => move(-1),
    x: select,
    X: range,
    c: () => document.querySelector("[data-go-at-once=c]")?.click(),
    g: () => { after = Date.now(); },
  };
  document.addEventListener("keydown", (press) => {
    if ((press.ctrlKey || press.metaKey) && !press.altKey && !press.shiftKey && press.key.toLowerCase() === "k") {
      press.preventDefault();
      return palette.open ? palette.close() : open();
    }
    const isTyping = press.target.closest("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable], dialog");
    if (press.ctrlKey || press.metaKey || press.altKey || isTyping || !kept("shortcuts", true)) return;
    const goes = Date.now() - after < 1500 && document.querySelector(`[data-go="${CSS.escape(press.key)}"]`);
    after = 0;
    const here = document.querySelector(`main [data-key="${CSS.escape(press.key)}"]`); // what this page has for the key
    const act = goes ? () => goes.click() : here ? () => here.click() : single[press.key];
    if (!act) return;
    press.preventDefault();
    act();
  });
})();
