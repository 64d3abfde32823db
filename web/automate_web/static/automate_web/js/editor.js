// The JSON editor: Tab never leaves focus (WCAG), problems jump to their line, leaving with unsaved changes asks once.
(() => {
  const area = document.getElementById("definition");
  if (!area) return;
  const saved = area.value;
  let leaving = false;
  area.form.addEventListener("submit", () => { leaving = true; });
  addEventListener("beforeunload", (event) => { if (!leaving && area.value !== saved) event.preventDefault(); });
  document.addEventListener("click", (click) => {
    const link = click.target.closest("[data-line]");
    if (!link) return;
    click.preventDefault();
    const lines = area.value.split("\n");
    const line = Number(link.dataset.line);
    const start = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
    area.focus();
    area.setSelectionRange(start, start + lines[line - 1].length);
    area.scrollTop = Math.max(0, (line - 4) * parseFloat(getComputedStyle(area).lineHeight));
  });
})();
