// Says what went wrong with a passkey, beside the button that asked for it; the script of allauth only logs it.
document.addEventListener("allauth.error", (event) => {
  event.preventDefault();
  const { name } = event.detail.exception || {};
  const words = {
    NotAllowedError: "It was cancelled, or it took too long. Try again.",
    InvalidStateError: "This passkey is registered already.",
    SecurityError: "Browsers keep passkeys for host names over https, and for localhost.",
  };
  const button = document.getElementById("passkey") || document.getElementById("passkey_login");
  let said = document.getElementById("passkey-problem");
  if (!said) {
    said = document.createElement("p");
    said.id = "passkey-problem";
    said.className = "msg bad";
    said.setAttribute("role", "alert");
    button.after(said);
  }
  said.textContent = words[name] || "This browser could not use a passkey here.";
});
