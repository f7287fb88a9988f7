/* Light or dark: shown at once, kept in a cookie so that the server renders the next page right. */
import { on, remember } from "./dom.js";

const root = document.documentElement;

on("click", "[data-theme-toggle]", () => {
  const now = root.dataset.bsTheme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  root.dataset.bsTheme = now === "dark" ? "light" : "dark";
  remember("kp-theme", root.dataset.bsTheme);
});
