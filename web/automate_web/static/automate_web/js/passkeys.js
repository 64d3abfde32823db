// Passkeys: a button with `data-passkey` (login, use, add) asks the browser for one, then sends the form it belongs to.
const WORDS = {
  NotAllowedError: "It was cancelled, or it took too long. Try again.",
  InvalidStateError: "This passkey is registered already.",
  SecurityError: "Browsers keep passkeys for host names over https, and for localhost.",
};

async function ask(button, form) {
  if (button.dataset.passkey === "login") {
    const answer = await fetch(form.action, { headers: { Accept: "application/json" } });
    return webauthnJSON.get((await answer.json()).request_options);
  }
  const options = JSON.parse(button.dataset.options);
  if (button.dataset.passkey === "use") return webauthnJSON.get(options.request_options);
  const isAlone = form.elements.passwordless.checked; // instead of the password: the key must be found without a name
  const wanted = options.creation_options.publicKey.authenticatorSelection;
  Object.assign(wanted, { residentKey: isAlone ? "required" : "discouraged", requireResidentKey: isAlone });
  if (isAlone) wanted.userVerification = "required";
  return webauthnJSON.create(options.creation_options);
}

function tell(button, error) {
  const said = document.getElementById("passkey-problem") || document.createElement("p");
  Object.assign(said, { id: "passkey-problem", className: "msg bad" });
  said.setAttribute("role", "alert");
  said.textContent = WORDS[error.name] || "This browser could not use a passkey here.";
  button.after(said);
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-passkey]");
  if (!button) return;
  event.preventDefault();
  try {
    button.form.elements.credential.value = JSON.stringify(await ask(button, button.form));
    button.form.submit();
  } catch (error) {
    tell(button, error);
  }
});
