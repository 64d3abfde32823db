// An offer to undo, [data-undo], goes by itself after 10 s in sight. While it has the pointer or the focus, or the page is
// hidden, the time begins anew; with reduced motion, and without this script, it stays. What it offers can be had elsewhere.
(() => {
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  document.querySelectorAll("[data-undo]").forEach((offer) => {
    let left = 10;
    const timer = setInterval(() => {
      if (document.hidden || offer.matches(":hover, :focus-within")) { left = 10; return; }
      left -= 1;
      if (left > 0) return;
      clearInterval(timer);
      offer.remove();
    }, 1000);
  });
})();
