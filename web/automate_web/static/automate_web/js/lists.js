// A live list that can be read: [data-live-bar] pauses it, or holds it while one has scrolled down or ticked rows, and counts what is new.
(() => {
  const bar = document.querySelector("[data-live-bar]");
  const list = document.getElementById("list");
  if (!bar || !list) return;
  const [pause, badge, word] = ["pause", "new", "word"].map((part) => bar.querySelector(`[data-live-${part}]`));
  const what = bar.dataset.liveBar;
  const ticked = () => list.querySelector("input:checked") !== null; // somebody is choosing: nothing moves
  const rows = () => [...list.querySelectorAll("a.row[id]")].map((row) => row.id);
  let paused = false, looking = false, passing = false, unsaid = 0, before = new Set(rows());
  bar.hidden = false;

  const say = (number) => { // heard at most every 3 s, then all that came together
    unsaid = number;
    document.dispatchEvent(new CustomEvent("say", { detail: () => `${unsaid} new ${unsaid === 1 ? what.slice(0, -1) : what}` }));
  };
  const show = (count) => {
    badge.hidden = !count;
    if (count && badge.textContent !== `${count} new`) {
      badge.textContent = `${count} new`;
      say(count);
    }
  };
  const refresh = () => { passing = true; htmx.trigger(document.body, "live"); };
  const look = async () => {
    if (looking) return;
    looking = true;
    const url = new URL(location.href);
    url.searchParams.set("newer_than", rows()[0]?.replace("row-", "") ?? "0".repeat(32));
    const answer = await fetch(url, { headers: { "HX-Request": "true" } }).catch(() => null);
    const count = answer?.ok ? (await answer.text()).trim() : "";
    looking = false;
    if (count === "0" && !paused && !ticked()) return refresh(); // nothing would move: only states change
    show(count === "0" ? "" : count);
  };
  list.addEventListener("htmx:beforeRequest", (request) => {
    if (request.target !== list) return;
    const holds = paused || ticked() || list.getBoundingClientRect().top < 0;
    if (!holds || passing) { passing = false; return; }
    request.preventDefault();
    look();
  });
  list.addEventListener("htmx:afterSettle", () => {
    const now = rows(), fresh = now.filter((id) => !before.has(id));
    if (before.size && fresh.length && fresh[0] === now[0]) {
      fresh.forEach((id) => document.getElementById(id).closest("tr").classList.add("fresh"));
      say(unsaid + fresh.length);
    }
    before = new Set(now);
    show("");
  });
  document.addEventListener("said", () => { unsaid = 0; });
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    word.textContent = paused ? "Paused: the list holds still." : `Live: new ${what} show by themselves.`;
    if (!paused) refresh();
  });
  badge.addEventListener("click", () => {
    refresh();
    window.scrollTo({ top: 0 });
    pause.focus(); // the badge is about to go
  });
})();
