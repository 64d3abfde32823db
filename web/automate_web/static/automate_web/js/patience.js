// A form whose answer may take a while: after 1 s it says what is going on, each 3 s a little more, and takes no second click.
// data-patience holds the sentences, separated by "|". Without a script the browser shows that it waits.
document.querySelectorAll("form[data-patience]").forEach((form) => {
  const words = document.createElement("p");
  words.className = "quiet line patience";
  words.setAttribute("role", "status");
  form.append(words);
  let timers = [];
  const calm = () => { timers.forEach(clearTimeout); timers = []; words.textContent = ""; delete form.dataset.isSent; };
  form.addEventListener("submit", (event) => {
    if (form.dataset.isSent) return event.preventDefault();
    form.dataset.isSent = "yes";
    timers = form.dataset.patience.split("|").map((text, n) => setTimeout(() => { words.textContent = text.trim(); }, 1000 + 3000 * n));
  });
  addEventListener("pageshow", calm); // back from the next page
});
