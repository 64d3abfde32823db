// Live pages: one stream from the gateway; each change becomes a "live" event on <body>, which htmx elements wait for.
// Without the stream the page asks every 3 s and says "Reconnecting". Nothing is lost: a refresh always reads the whole state.
(() => {
  const url = document.body.dataset.live;
  if (!url || !document.querySelector("[hx-trigger*='live']")) return;
  const chip = document.getElementById("live-state");
  let timer = null, due = null, renewals = 0;

  const refresh = () => { // changes that come together make one refresh
    if (due) return;
    due = setTimeout(() => { due = null; document.body.dispatchEvent(new CustomEvent("live")); }, 60);
  };
  const poll = (on) => {
    if (on === Boolean(timer)) return;
    chip.hidden = !on;
    timer = on ? setInterval(refresh, 3000) : clearInterval(timer);
  };
  const renewed = async () => {
    const answer = await fetch(document.body.dataset.liveToken, { headers: { Accept: "application/json" } }).catch(() => null);
    return answer && answer.ok ? (await answer.json()).url : null;
  };
  let current = null, next = null;
  const connect = (address) => {
    if (!("EventSource" in window)) return poll(true);
    const stream = new EventSource(address);
    stream.addEventListener("open", () => {
      if (current && current !== stream) current.close(); // the fresh one has begun: nothing falls between the two
      current = stream;
      refresh(); // what changed before it opened is caught up
      poll(false);
      renewals = 0;
      clearTimeout(next); // a token lives five minutes: take the next one before it ends
      next = setTimeout(async () => { const fresh = await renewed(); if (fresh) connect(fresh); }, document.body.dataset.liveSeconds * 1000);
    });
    stream.addEventListener("change", refresh);
    stream.addEventListener("error", () => {
      if (current && current !== stream && current.readyState === EventSource.OPEN) return stream.close();
      poll(true);
      if (stream.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
      setTimeout(async () => connect((await renewed()) ?? address), Math.min(3000 * 2 ** renewals++, 60000)); // old token, or the gateway restarts
    });
  };
  connect(url);

  // what was unfolded stays unfolded when its part of the page is drawn anew
  let unfolded = [];
  document.addEventListener("htmx:beforeSwap", (swap) => {
    unfolded = [...swap.detail.target.querySelectorAll("details[id][open]")].map((element) => element.id);
  });
  document.addEventListener("htmx:afterSwap", () => unfolded.forEach((id) => document.getElementById(id)?.setAttribute("open", "")));

  // one polite message at most every 3 s; of several the last is heard, and none is lost
  let latest = 0, words = "", waiting = null;
  const say = (tell) => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      const text = tell();
      latest = Date.now();
      document.getElementById("announce").textContent = text;
      document.dispatchEvent(new CustomEvent("said"));
    }, Math.max(0, latest + 3000 - Date.now()));
  };
  document.addEventListener("say", (event) => say(event.detail));
  document.addEventListener("htmx:afterSettle", () => {
    const text = [...document.querySelectorAll("[data-announce]")].map((element) => element.dataset.announce).join(" ");
    if (!text || text === words) return;
    words = text;
    say(() => text);
  });
})();
