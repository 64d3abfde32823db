// The `?` of a page, and the links inside, open their page of the documentation beside the page. Without this they are links.
(() => {
  const panel = document.getElementById("help");
  if (!panel || !panel.showModal) return;
  const text = document.getElementById("help-text"), title = document.getElementById("help-title"), whole = panel.querySelector("[data-help-page]");
  let shown = "", asked = 0;

  const find = (hash) => {
    const part = hash && document.getElementById(`help-${hash.slice(1)}`);
    if (part) part.scrollIntoView({ block: "start" });
    else text.scrollTop = 0;
  };
  const open = async (address) => {
    const url = new URL(address, location.href), number = ++asked;
    whole.href = url.href;
    if (!panel.open) panel.showModal();
    text.focus();
    if (shown !== url.pathname) {
      const answer = await fetch(url.pathname, { headers: { "HX-Request": "true" } }).catch(() => null);
      if (number !== asked) return; // another page was asked for meanwhile
      if (!answer?.ok) return location.assign(url.href); // the page itself says what is wrong
      text.innerHTML = await answer.text();
      text.dispatchEvent(new CustomEvent("htmx:afterSwap", { bubbles: true })); // shows the copy buttons
      title.textContent = text.firstElementChild.dataset.title;
      shown = url.pathname;
    }
    find(url.hash);
  };
  document.addEventListener("click", (click) => {
    const link = click.target.closest("a.help, #help-text a[data-doc]");
    if (!link || click.button || click.ctrlKey || click.metaKey || click.shiftKey || click.altKey) return;
    click.preventDefault();
    open(link.href);
  });
  panel.addEventListener("click", (click) => { if (click.target === panel || click.target.closest("[data-close]")) panel.close(); });
})();
