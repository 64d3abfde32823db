// Tabs by the ARIA pattern: [data-tabs] holds buttons and panels. Without this script all panels are shown one below the other.
(() => {
  const setUp = (root) => {
    if (root.dataset.ready) return;
    root.dataset.ready = "yes";
    const list = root.querySelector("[data-tablist]");
    const panels = [...root.querySelectorAll("[data-panel]")];
    list.setAttribute("role", "tablist");
    const tabs = panels.map((panel, index) => {
      const tab = document.createElement("button");
      tab.type = "button";
      tab.id = `${panel.id}-tab`;
      tab.textContent = panel.dataset.panel;
      tab.setAttribute("role", "tab");
      tab.setAttribute("aria-controls", panel.id);
      panel.setAttribute("role", "tabpanel");
      panel.setAttribute("aria-labelledby", tab.id);
      panel.querySelector("[data-panel-title]")?.remove();
      tab.addEventListener("click", () => select(index));
      list.append(tab);
      return tab;
    });
    const select = (chosen, focus = false) => tabs.forEach((tab, index) => {
      tab.setAttribute("aria-selected", String(index === chosen));
      tab.tabIndex = index === chosen ? 0 : -1;
      panels[index].hidden = index !== chosen;
      if (focus && index === chosen) tab.focus();
    });
    list.addEventListener("keydown", (key) => {
      const now = tabs.indexOf(document.activeElement);
      const to = { ArrowRight: now + 1, ArrowLeft: now - 1, Home: 0, End: tabs.length - 1 }[key.key];
      if (to === undefined) return;
      key.preventDefault();
      select((to + tabs.length) % tabs.length, true);
    });
    list.hidden = false;
    select(Math.max(0, panels.findIndex((panel) => panel.id === root.dataset.selected)));
  };
  document.querySelectorAll("[data-tabs]").forEach(setUp);
  document.addEventListener("htmx:afterSwap", () => document.querySelectorAll("[data-tabs]").forEach(setUp));
})();
