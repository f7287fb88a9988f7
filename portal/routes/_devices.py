"""What a browser calls itself, as a person would: "Chrome on Windows"."""

from __future__ import annotations

import re

from flask_babel import gettext as _

# The first that is found counts: each of them also claims to be those below it.
BROWSERS = {
    r"Edg(e|A|iOS)?/": "Edge", r"OPR/": "Opera", r"SamsungBrowser/": "Samsung Internet", r"Firefox/|FxiOS/": "Firefox",
    r"Chrome/|CriOS/": "Chrome", r"Safari/": "Safari",
}  # fmt: skip
SYSTEMS = {
    r"iPhone": "iPhone", r"iPad": "iPad", r"Android": "Android", r"Windows": "Windows", r"Mac OS X|Macintosh": "macOS",
    r"CrOS": "ChromeOS", r"Linux|X11": "Linux",
}  # fmt: skip


def device(agent: str) -> str:
    """`agent` is a User-Agent header; of another program its beginning stays as it is."""
    browser = next((name for sign, name in BROWSERS.items() if re.search(sign, agent)), "")
    system = next((name for sign, name in SYSTEMS.items() if re.search(sign, agent)), "")
    if browser and system:
        return str(_("%(browser)s on %(system)s", browser=browser, system=system))
    return browser or system or agent[:40] or str(_("Unknown"))
