/* Ticked rows: the box in the head has three states, the bar above the table tells the count. */
import { on } from "./dom.js";

const rows = () => [...document.querySelectorAll("[data-row]")];

const paint = () => {
  const head = document.querySelector("[data-rows]");
  if (!head) return;
  const all = rows();
  const ticked = all.filter((row) => row.checked).length;
  head.checked = ticked > 0 && ticked === all.length;
  head.indeterminate = ticked > 0 && ticked < all.length;
  const bar = document.querySelector("[data-bulk]");
  const idle = document.querySelector("[data-bulk-idle]");
  if (bar) {
    bar.hidden = ticked === 0;
    bar.querySelectorAll("[data-bulk-count]").forEach((place) => { place.textContent = ticked; });
  }
  if (idle) idle.hidden = ticked > 0;
};

const set = (checked) => {
  rows().forEach((row) => { row.checked = checked; });
  paint();
};

on("change", "[data-row]", paint);
on("change", "[data-rows]", (head) => set(head.checked));
on("click", "[data-bulk-clear]", () => set(false));
document.addEventListener("htmx:afterSettle", paint);
window.addEventListener("pageshow", paint); // the browser may restore ticks
paint();
