/* After an htmx answer: keep the screen on our failures, put focus on mistakes, tell progress in quarters. */
import { on, say } from "./dom.js";

const banner = () => document.getElementById("failure");

const fail = (code) => {
  const box = banner();
  if (!box) return;
  box.querySelector("[data-failure-code]").textContent = code;
  box.hidden = false;
};

document.addEventListener("htmx:responseError", ({ detail: { xhr } }) =>
  fail(xhr.getResponseHeader("X-Request-ID") || `HTTP-${xhr.status}`));
document.addEventListener("htmx:sendError", () => fail("NETWORK"));
document.addEventListener("htmx:timeout", () => fail("TIMEOUT"));
document.addEventListener("htmx:afterOnLoad", ({ detail: { xhr } }) => {
  const box = banner();
  if (box && xhr.status < 400) box.hidden = true;
});
on("click", "[data-failure-close]", () => { banner().hidden = true; });

const focusMistakes = () => document.querySelector("[data-focus]")?.focus();
document.addEventListener("htmx:afterSettle", ({ detail: { xhr } }) => { if (xhr?.status === 422) focusMistakes(); });
focusMistakes();

const told = new Map();
const announce = () =>
  document.querySelectorAll("[data-announce]").forEach((bar) => {
    const most = Number(bar.getAttribute("aria-valuemax"));
    const quarter = most ? Math.floor((Number(bar.getAttribute("aria-valuenow")) / most) * 4) : 0;
    if (told.has(bar.id) && told.get(bar.id) !== quarter) say(bar.getAttribute("aria-valuetext"));
    told.set(bar.id, quarter);
  });
document.addEventListener("htmx:afterSettle", announce);
announce();
