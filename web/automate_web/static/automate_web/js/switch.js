// A switch of a list shows its new state at once; should the server not agree, it goes back and says so.
(() => {
  document.addEventListener("submit", async (event) => {
    const form = event.target.closest("form[data-switch]");
    if (!form) return;
    event.preventDefault();
    const button = form.querySelector("[role=switch]");
    if (button.getAttribute("aria-busy") === "true") return;
    const flip = () => button.setAttribute("aria-checked", String(button.getAttribute("aria-checked") !== "true"));
    flip();
    button.setAttribute("aria-busy", "true");
    const answer = await fetch(form.action, { method: "POST", body: new FormData(form), headers: { "HX-Request": "true" } }).catch(() => null);
    button.removeAttribute("aria-busy");
    if (!answer || !answer.ok || answer.redirected) {
      flip();
      form.querySelector("[role=alert]").textContent = form.dataset.switch;
      return;
    }
    const row = document.createElement("template");
    row.innerHTML = await answer.text();
    const fresh = row.content.querySelector("tr");
    form.closest("tr").replaceWith(fresh);
    fresh.querySelector("[role=switch]").focus();
  });
})();
