// A secret shown once: leaving the page before it was copied asks once.
(() => {
  if (!document.querySelector("[data-shown-once]")) return;
  let copied = false;
  document.addEventListener("copied", (event) => { copied ||= Boolean(event.target.closest("[data-shown-once]")); });
  document.addEventListener("submit", () => { copied = true; });
  addEventListener("beforeunload", (event) => { if (!copied) { copied = true; event.preventDefault(); } });
})();
