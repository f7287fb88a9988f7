"""Browser windows of the people in the scene, watched for noise."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Response, ViewportSize

from tests.browser.stack import Stack

DESK: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
NARROW: ViewportSize = {"width": 320, "height": 800}  # what WCAG calls reflow
TIMEOUT = 30_000  # ms; generous, as the machine may be busy


class Windows:
    """`open()` gives a page in a browser of its own, signed in when somebody is named."""

    def __init__(self, browser: Browser, product: Stack) -> None:
        self._browser, self._product = browser, product
        self._contexts: list[BrowserContext] = []
        self.noise: list[str] = []
        self.expected: tuple[int, ...] = ()  # failures that the test causes on purpose

    def open(self, who: str = "", *, second_factor: bool = True, **options: Any) -> Page:
        made = self._browser.new_context(
            **{"viewport": DESK, "locale": "en-GB", "base_url": self._product.base, "color_scheme": "light"} | options
        )
        made.set_default_timeout(TIMEOUT)
        self._contexts.append(made)
        if who:
            token = self._product.token(who, second_factor=second_factor)
            made.add_cookies([{"name": "kp", "value": token, "url": self._product.base}])
        made.on("page", self._watch)
        return made.new_page()

    def _watch(self, page: Page) -> None:
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.noise.append(f"{page.url}: {error}"))
        page.on("response", self._answered)

    def _heard(self, message: ConsoleMessage) -> None:
        """Refusals by the content security policy come by here too."""
        ours = message.location["url"].startswith(self._product.base)
        of_status = message.text.startswith("Failed to load resource")  # told by _answered, with its number
        if message.type in ("error", "warning") and ours and not of_status:
            self.noise.append(f"{message.location['url']}: {message.text}")

    def _answered(self, response: Response) -> None:
        ours = response.url.startswith(self._product.base)
        if ours and response.status >= 400 and response.status not in self.expected:
            self.noise.append(f"{response.request.method} {response.url}: {response.status}")

    def close(self) -> None:
        for context in self._contexts:
            context.close()
        assert self.noise == [], "\n".join(self.noise)
