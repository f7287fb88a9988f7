"""What is asked of every page: no barriers, no sideways scrolling, parts that are parts."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page

from tests.browser.windows import DESK, NARROW, PHONE

AXE = (Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
# What is folded away is looked at too.
RUN_AXE = """async rules => {
  document.querySelectorAll("details").forEach(d => { d.open = true; });
  const found = await axe.run(document, { runOnly: rules, resultTypes: ["violations"] });
  return found.violations.map(v => `${v.id}: ${v.nodes.map(n => n.target.join(" ")).slice(0, 4).join(" | ")}`);
}"""
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# Each place that a script fills asks as the script would; a whole page in the answer would end up inside the page.
# An answer that is put nowhere is only asked for where it leads.
PARTS = """async () => {
  const asked = new Map();
  for (const element of document.querySelectorAll('[hx-get]:not([hx-swap="none"])')) {
    const selector = element.closest("[hx-target]")?.getAttribute("hx-target");
    const target = selector && selector !== "this" ? document.querySelector(selector) : element;
    const url = new URL(element.getAttribute("hx-get") || location.href, location.href);
    asked.set(`${url.pathname} → #${target?.id}`, [url, target?.id ?? ""]);
  }
  const wrong = [];
  for (const [name, [url, id]] of asked) {
    const reply = await fetch(url, { headers: { "HX-Request": "true", "HX-Target": id } });
    const text = await reply.text();
    if (!reply.ok || /<html/i.test(text)) wrong.push(`${name}: ${reply.status}, a whole page`);
  }
  return wrong;
}"""


def examine(page: Page) -> list[str]:
    """What is wrong with the page that is open: on a desk in light, on a phone in dark."""
    found = [f"part {text}" for text in page.evaluate(PARTS)]
    page.evaluate(AXE)
    for width, theme, size in ((1440, "light", DESK), (390, "dark", PHONE)):
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]  # one of its words
        found += [f"{width} {theme} {text}" for text in page.evaluate(RUN_AXE, RULES)]
        found += sideways(page, width)
    page.set_viewport_size(NARROW)
    found += sideways(page, 320)
    page.set_viewport_size(DESK)
    page.emulate_media(color_scheme="light")
    return found


def sideways(page: Page, width: int) -> list[str]:
    over = page.evaluate(SIDEWAYS)
    return [f"{width} scrolls sideways by {over} px"] if over else []
