/* Passkeys: a form with data-passkey asks the device, puts its answer in the form, and posts it. */
import { on, say } from "./dom.js";

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

/** Options as JSON, with bytes where the browser wants bytes. */
const understood = (told) => {
  const options = { ...told, challenge: bytes(told.challenge) };
  if (told.user) options.user = { ...told.user, id: bytes(told.user.id) };
  for (const name of ["excludeCredentials", "allowCredentials"])
    if (told[name]) options[name] = told[name].map((one) => ({ ...one, id: bytes(one.id) }));
  return options;
};

const answer = (made) => {
  const response = { clientDataJSON: text(made.response.clientDataJSON) };
  for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"])
    if (made.response[name]) response[name] = text(made.response[name]);
  return JSON.stringify({ id: made.id, rawId: text(made.rawId), type: made.type, response, clientExtensionResults: {} });
};

const ask = async (form) => {
  const headers = { "X-CSRFToken": form.elements.csrf_token.value };
  const reply = await fetch(form.dataset.options, { method: "POST", headers });
  if (!reply.ok) throw new Error(String(reply.status));
  const publicKey = understood(await reply.json());
  const made = form.dataset.passkey === "make"
    ? await navigator.credentials.create({ publicKey })
    : await navigator.credentials.get({ publicKey });
  form.elements.answer.value = answer(made);
  form.submit();
};

on("submit", "form[data-passkey]", (form, event) => {
  event.preventDefault();
  const failed = form.querySelector("[data-passkey-failed]");
  failed.hidden = true;
  ask(form).catch(() => {
    failed.hidden = false;
    say(failed.textContent);
  });
});

/* Without script or without passkeys there is nothing to offer. */
const show = () => {
  if (window.PublicKeyCredential) document.querySelectorAll("[data-passkey-here]").forEach((part) => { part.hidden = false; });
};
show();
document.addEventListener("htmx:afterSettle", show);
