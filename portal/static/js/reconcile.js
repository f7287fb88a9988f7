/* Reconciling without a mouse: walk the lines, accept, choose, split, search, take back. */
import { on, say } from "./dom.js";
import { ACTIONS } from "./keys.js";

const list = () => document.querySelector("[data-reconcile]");
const lines = () => [...document.querySelectorAll("[data-line]")];
const here = () => document.activeElement?.closest?.("[data-line]");
const accepted = []; // ids, the last one last
let sent = ""; // the line whose answer is awaited
let place = 0; // of it, for when it has gone

const go = (line) => {
  if (!line) return;
  line.focus({ preventScroll: true });
  line.scrollIntoView({ block: "nearest" });
};

const step = (by) => {
  const all = lines();
  const at = all.indexOf(here());
  go(all[at === -1 ? 0 : Math.min(Math.max(at + by, 0), all.length - 1)]);
};

const press = (what) => (here() ?? lines().find((line) => line.dataset.line === "todo"))?.querySelector(what)?.click();

const choose = (number) => {
  const choice = here()?.querySelectorAll("input[type=radio]")[number - 1];
  if (!choice) return;
  choice.checked = true;
  const fold = choice.closest("details");
  if (fold) fold.open = true;
  say(`${list().dataset.wordChosen} ${choice.closest("label").innerText}`);
};

const undo = () => {
  const mine = here()?.querySelector("[data-undo]");
  const last = mine ?? document.getElementById(accepted.pop() ?? "")?.querySelector("[data-undo]");
  last?.click();
};

const KEYS = {
  j: () => step(1),
  k: () => step(-1),
  Enter: (event) => {
    if (event.target !== here()) return; // a button or link does what it does
    event.preventDefault();
    press("[data-accept]");
  },
  s: () => press(here()?.querySelector("[data-split]") ? "[data-split]" : "[data-suspense]"),
  u: undo,
  "/": (event) => {
    event.preventDefault();
    press("[data-search]");
  },
  ...Object.fromEntries([1, 2, 3, 4, 5].map((number) => [String(number), () => choose(number)])),
};

Object.entries(KEYS).forEach(([key, act]) => {
  const elsewhere = ACTIONS[key];
  ACTIONS[key] = (event) => (list() ? act(event) : elsewhere?.(event));
});

on("htmx:beforeRequest", "[data-line] form", (form) => {
  const line = form.closest("[data-line]");
  sent = line.id;
  place = lines().indexOf(line);
});

document.addEventListener("htmx:afterSettle", () => {
  if (!sent || !list()) return;
  const line = document.getElementById(sent);
  sent = "";
  if (line?.dataset.line !== "done") {
    go(line ?? lines()[place]);
    return;
  }
  accepted.push(line.id);
  const all = lines();
  const next = all.slice(place + 1).find((one) => one.dataset.line === "todo") ?? all.find((one) => one.dataset.line === "todo");
  go(next ?? line);
});

if (list()) go(lines()[0]);
else if (lines().length) document.querySelector("[data-find]")?.focus(); // the page of one line is there to search
