// Relative times grow older while a page is open. The absolute time is their title, on hover and on focus; who chose local
// time gets it, and every absolute time, in the browser's own zone.
(() => {
  const words = (seconds) => {
    if (seconds < 5) return "just now";
    if (seconds < 60) return `${Math.floor(seconds)} s ago`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
    if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
    return `${Math.floor(seconds / 86400)} d ago`;
  };
  const two = { month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" };
  const local = document.body.dataset.times === "local" && new Intl.DateTimeFormat("sv-SE", { year: "numeric", ...two, timeZoneName: "short" });
  const draw = () => {
    document.querySelectorAll("time[data-relative]:not([data-drawn])").forEach((time) => {
      time.dataset.drawn = "";
      if (local) time.title = local.format(new Date(time.dateTime));
      if (!time.closest("tr, a, button, label")) time.tabIndex = 0; // in a row, the row's own focus shows it
    });
    if (local) document.querySelectorAll("time[data-absolute]:not([data-drawn])").forEach((time) => {
      time.dataset.drawn = "";
      time.textContent = local.format(new Date(time.dateTime));
    });
  };
  draw();
  document.addEventListener("htmx:afterSettle", draw);
  setInterval(() => document.querySelectorAll("time[data-relative]").forEach((time) => {
    const text = words((Date.now() - Date.parse(time.dateTime)) / 1000);
    if (time.textContent !== text) time.textContent = text;
  }), 5000);
})();
