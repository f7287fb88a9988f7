/* In the account switcher the arrow keys walk the accounts. */
const rows = () => [...document.querySelectorAll("#sw-list .kp-option")];

document.getElementById("switcher")?.addEventListener("toggle", (event) => {
  if (event.newState === "open") document.getElementById("sw-q")?.focus();
});

document.getElementById("switcher")?.addEventListener("keydown", (event) => {
  const all = rows();
  const at = all.indexOf(document.activeElement);
  if (event.key === "ArrowDown") all[Math.min(at + 1, all.length - 1)]?.focus();
  else if (event.key === "ArrowUp") (at > 0 ? all[at - 1] : document.getElementById("sw-q"))?.focus();
  else return;
  event.preventDefault();
});
