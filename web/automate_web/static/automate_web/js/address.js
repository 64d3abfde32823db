// Sign-up: the workspace's address follows its name until a person types one.
(() => {
  const name = document.getElementById("id_workspace_name");
  const address = document.getElementById("id_address");
  if (!name || !address) return;
  let typed = Boolean(address.value);
  address.addEventListener("input", (event) => { if (event.isTrusted) typed = Boolean(address.value); });
  name.addEventListener("input", () => {
    if (typed) return;
    address.value = name.value.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 40);
    address.dispatchEvent(new Event("input", { bubbles: true }));
  });
})();
