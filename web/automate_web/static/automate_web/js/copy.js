// Copy buttons: [data-copy="#id"] copies that element's text, [data-copy-text] its own value. Says "Copied" to eyes and ears.
(() => {
  const show = (root) => root.querySelectorAll("[data-copy], [data-copy-text]").forEach((button) => { button.hidden = false; });
  document.addEventListener("click", async (click) => {
    const button = click.target.closest("[data-copy], [data-copy-text]");
    if (!button) return;
    const source = button.dataset.copy ? document.querySelector(button.dataset.copy) : null;
    const text = source ? (source.value ?? source.textContent) : button.dataset.copyText;
    try {
      await navigator.clipboard.writeText(text);
    } catch { // plain http on a name other than localhost has no clipboard
      const area = Object.assign(document.createElement("textarea"), { value: text });
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
      button.focus();
    }
    button.dispatchEvent(new CustomEvent("copied", { bubbles: true }));
    const word = button.querySelector(".word");
    const before = word ? word.textContent : button.getAttribute("aria-label");
    const say = (text) => (word ? (word.textContent = text) : button.setAttribute("aria-label", text));
    say("Copied");
    button.classList.add("done");
    document.getElementById("announce").textContent = "Copied";
    setTimeout(() => { say(before); button.classList.remove("done"); }, 2000);
  });
  const close = (sheet) => { sheet.open = false; };
  document.addEventListener("keydown", (key) => { // "Copy as": Escape closes it and gives the focus back
    const sheet = key.key === "Escape" && document.querySelector("details.copy-as[open]");
    if (!sheet) return;
    close(sheet);
    sheet.querySelector("summary").focus();
  });
  document.addEventListener("click", (click) => {
    document.querySelectorAll("details.copy-as[open]").forEach((sheet) => { if (!sheet.contains(click.target)) close(sheet); });
  });
  show(document);
  document.addEventListener("htmx:afterSwap", () => show(document));
})();
