/* Copy buttons, the eye in a password field, and printing. */
import { on, say } from "./dom.js";

on("click", "[data-copy]", async (button) => {
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
  } catch {
    return; // no permission: the text stays on the page to be selected
  }
  say(button.dataset.copied ?? "");
  const sign = button.querySelector(".bi-copy");
  if (!sign) return;
  sign.classList.replace("bi-copy", "bi-check-lg");
  setTimeout(() => sign.classList.replace("bi-check-lg", "bi-copy"), 2000);
});

on("click", "[data-reveal]", (button) => {
  const field = document.getElementById(button.dataset.reveal);
  if (!field) return;
  field.type = field.type === "password" ? "text" : "password";
  button.setAttribute("aria-pressed", String(field.type === "text"));
});

on("click", "[data-print]", () => window.print());
