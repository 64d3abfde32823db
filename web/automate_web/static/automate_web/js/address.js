// Sign-up: the address that the workspace would get is shown while its name is typed; a taken one offers the next free.
(() => {
  const name = document.getElementById("id_workspace_name");
  const address = document.getElementById("id_address");
  if (!name || !address) return;
  name.addEventListener("input", () => {
    if (!address.value) address.dispatchEvent(new Event("input", { bubbles: true })); // asks the server for a free one
  });
  document.addEventListener("htmx:afterSwap", () => {
    const free = document.querySelector("[data-free-address]");
    if (free) address.placeholder = free.dataset.freeAddress;
  });
  document.addEventListener("click", (click) => {
    const button = click.target.closest("[data-use-address]");
    if (!button) return;
    address.value = button.dataset.useAddress;
    address.dispatchEvent(new Event("input", { bubbles: true }));
    address.focus();
  });
})();
