/* Single keys on lists. They can be switched off (WCAG 2.1.4) and rest while somebody types. */
import { on, recall, remember } from "./dom.js";

const COOKIE = "kp-keys";
const off = () => (recall(COOKIE) || document.body.dataset.keys) === "off";

const paint = () =>
  document.querySelectorAll("[data-keys-toggle]").forEach((b) => b.setAttribute("aria-pressed", String(off())));

on("click", "[data-keys-toggle]", () => {
  remember(COOKIE, off() ? "on" : "off");
  paint();
});
paint();

const openSwitcher = () => {
  document.getElementById("switcher")?.showPopover?.();
  document.getElementById("sw-q")?.focus();
};

const step = (by) => {
  const names = [...document.querySelectorAll("tbody .kp-name")];
  const here = document.activeElement?.closest?.("tr");
  const at = names.findIndex((name) => name.closest("tr") === here);
  const next = at === -1 ? 0 : Math.min(Math.max(at + by, 0), names.length - 1);
  names[next]?.focus();
};

export const ACTIONS = {
  j: () => step(1),
  k: () => step(-1),
  x: () => document.activeElement?.closest?.("tr")?.querySelector("[data-row]")?.click(),
  "/": (event) => {
    const field = document.querySelector("[data-find]");
    if (!field) return;
    event.preventDefault();
    field.focus();
  },
};

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    openSwitcher();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || off()) return;
  if (event.target.closest?.("input:not([type=checkbox],[type=radio]),select,textarea,[contenteditable]")) return;
  ACTIONS[event.key]?.(event);
});
