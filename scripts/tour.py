"""Take the pictures of docs/tour.md, by walking it: `.venv/bin/python -m scripts.tour`.

Starts the demo in a folder of its own, goes through the main job by clicking, and leaves the
pictures in docs/pictures. Nothing of a demo that runs already is touched. Takes some minutes.
"""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from portal.demo import cast
from portal.kernel.services.folder import free_port
from tests.browser.chromium import launch_arguments

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "pictures"
STATEMENTS = sorted((ROOT / "docs" / "statements").glob("*.xml"))
CLIENT, NUMBER, STARTS = "Slagerij Goossens BV", "0931.351.735", "01/01/2026"
FED = "Advocatenkantoor Nijs & Verbeke"  # its lines come from the bank
NADIA, KARIN, CLAIRE = cast.STAFF[0].email, cast.STAFF[1].email, cast.OWNERS[0].email
PATIENCE = 120_000  # ms


# A screenshot has thousands of shades of grey between letter and paper; the 256 commonest do.
TO_PALETTE = """async base64 => {
  const image = await createImageBitmap(await (await fetch("data:image/png;base64," + base64)).blob());
  const canvas = new OffscreenCanvas(image.width, image.height);
  const pen = canvas.getContext("2d");
  pen.drawImage(image, 0, 0);
  const pixels = new Uint32Array(pen.getImageData(0, 0, image.width, image.height).data.buffer);
  const counts = new Map();
  for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
  const palette = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 256).map(([pixel]) => pixel);
  const part = (pixel, shift) => (pixel >>> shift) & 255;
  const far = (a, b) => [0, 8, 16].reduce((sum, shift) => sum + (part(a, shift) - part(b, shift)) ** 2, 0);
  const nearest = new Map(palette.map((pixel, index) => [pixel, index]));
  for (const pixel of counts.keys()) {
    if (nearest.has(pixel)) continue;
    const closer = (best, other, index) => far(pixel, other) < far(pixel, palette[best]) ? index : best;
    nearest.set(pixel, palette.reduce(closer, 0));
  }
  const rows = Uint8Array.from(pixels, pixel => nearest.get(pixel));
  return { width: image.width, height: image.height, rows: rows.toBase64(),
           palette: palette.flatMap(pixel => [0, 8, 16].map(shift => part(pixel, shift))) };
}"""


@contextmanager
def demo() -> Iterator[str]:
    """What `make run` runs, on free ports, in a folder that is gone afterwards. Yields its address."""
    with tempfile.TemporaryDirectory(prefix="kp-tour-") as home:
        ports = {"PORT": str(free_port()), "SANDBOX_PORT": str(free_port())}
        said = Path(home) / "said.log"
        with said.open("w") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "portal.supervisor", "run"], cwd=ROOT, stdout=out, stderr=out,
                env={**os.environ, **ports, "KOPPELPOORT_HOME": home},
            )  # fmt: skip
            try:
                while (ready := re.search(r"Ready: (\S+)", said.read_text())) is None:
                    if process.poll() is not None:
                        raise SystemExit(f"the demo did not start:\n{said.read_text()[-2000:]}")
                    time.sleep(0.5)
                yield ready.group(1)
            finally:
                process.terminate()
                process.wait(60)


def smaller(page: Page, picture: bytes) -> bytes:
    """The same PNG with a palette; the browser that drew it does the reading."""
    found = page.evaluate(TO_PALETTE, b64encode(picture).decode())
    width, height, rows = found["width"], found["height"], b64decode(found["rows"])
    lines = b"".join(b"\0" + rows[start : start + width] for start in range(0, width * height, width))
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"PLTE", bytes(found["palette"])), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


class Walk:
    """The tour, step by step, as one person in one window."""

    def __init__(self, browser: Browser, base: str, width: int = 1440, height: int = 900) -> None:
        self.context = browser.new_context(
            base_url=base, viewport={"width": width, "height": height}, locale="en-GB", timezone_id="Europe/Brussels",
            color_scheme="light", reduced_motion="reduce",
        )  # fmt: skip
        self.context.set_default_timeout(PATIENCE)
        self.page: Page = self.context.new_page()
        self.desk: Page = browser.new_page()

    def sign_in(self, email: str) -> None:
        page = self.page
        page.goto("/signin")
        page.get_by_label("E-mail address").fill(email)
        page.get_by_label("Password", exact=True).fill(cast.PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.goto("/me/profile")
        page.locator("select[name=locale]").select_option("en-GB")
        page.locator("main button[type=submit]").click()
        page.goto("/me/accounts")

    def go(self, name: str) -> None:
        self.page.get_by_role("navigation", name="Main menu").get_by_role("link", name=name).click()
        self.page.wait_for_load_state()

    def take(self, name: str) -> None:
        self.page.evaluate("document.activeElement?.blur()")
        picture = smaller(self.desk, self.page.screenshot())
        (PICTURES / f"{name}.png").write_bytes(picture)
        print(f"{name}.png {len(picture) // 1024} KB", flush=True)


def let_the_firm_in(owner: Walk) -> None:
    owner.sign_in(CLAIRE)
    page = owner.page
    page.goto("/me/accounts?all=1")
    page.get_by_role("link", name="Make a client account").click()
    page.get_by_label("Name of the business").fill(CLIENT)
    page.get_by_role("textbox", name="Enterprise number").fill(NUMBER)
    page.get_by_role("button", name="Make the account").click()
    owner.go("Access management")
    page.get_by_label("E-mail address of the firm or person").fill(cast.FIRM_EMAIL)
    page.get_by_role("button", name="Give access").click()
    expect(page.locator("main")).to_contain_text("has access now")
    owner.take("02-access")


def overview(staff: Walk) -> None:
    staff.sign_in(NADIA)
    staff.take("01-overview")
    staff.go("Authorisations")
    staff.page.get_by_role("link", name="kantoor Mechelen").click()
    staff.take("03-authorisation")


def bring_statements(staff: Walk) -> None:
    page = staff.page
    staff.go("Overview")
    page.locator("[data-find]").fill(CLIENT)
    page.get_by_role("row").get_by_role("link", name=CLIENT).click()
    staff.go("Bank")
    page.locator("input[type=file]").set_input_files(STATEMENTS)
    expect(page.locator("[data-drop-list] .kp-drop-ok")).to_have_count(len(STATEMENTS))
    expect(page.locator("#bank tbody tr").first).to_be_visible()
    staff.take("04-statements")


def couple(staff: Walk) -> None:
    page = staff.page
    staff.go("Overview")
    page.get_by_role("link", name="Activate").click()
    page.get_by_role("radio", name="kantoor Mechelen").check()
    page.get_by_role("button", name="Keep and go on").click()
    expect(page.get_by_role("radio", checked=True)).to_be_visible()
    staff.take("05-dossier")
    page.get_by_role("button", name="Keep and go on").click()
    page.get_by_label("From").fill(STARTS)
    page.get_by_label("Prepare; we look at it first").check()
    staff.take("06-configuration")
    page.get_by_role("button", name="Keep and go on").click()
    page.get_by_role("button", name="Activate the coupling").click()
    expect(page.locator("main")).to_contain_text("Coupled with dossier")


def send_one(staff: Walk) -> None:
    page = staff.page
    staff.go("Runs")
    page.get_by_role("button", name="Synchronise now").click()
    expect(page.locator("#run-list tbody tr").first).to_contain_text("drafts wait to be sent")
    staff.go("Entries")
    page.locator("tbody .kp-name").last.click()
    line = page.locator("#entry-lines tbody", has_text="Luminus NV").first
    line.locator("input[name=ledger_account]").fill("612000")
    line.locator("input[name=ledger_account]").press("Tab")
    expect(line).to_contain_text("Changed")
    line.scroll_into_view_if_needed()
    staff.take("07-preview")
    page.locator("#entry-aside").get_by_role("button", name="Send").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("is booked")
    staff.take("08-booked")


def what_needs_you(staff: Walk) -> None:
    """An entry that the package refused, with its cause; and the same portal on a phone."""
    page = staff.page
    page.goto("/me/accounts")
    staff.go("Entries")
    page.locator(".kp-chip", has_text="Refused").click()
    page.wait_for_url("**state=failed**")
    page.reload()
    page.locator("tbody .kp-name").first.click()
    expect(page.locator("#entry-problems article").first).to_be_visible()
    staff.take("09-explained")


def banks_and_packages(staff: Walk) -> None:
    """A client whose bank tells by itself, the consents of all, and what else can be connected."""
    page = staff.page
    page.goto("/me/accounts")
    staff.go("Overview")
    page.locator("[data-find]").fill(FED)
    page.get_by_role("row").get_by_role("link", name=FED).click()
    page.locator("main").get_by_role("link", name="Bank connections").first.click()
    page.wait_for_load_state()
    staff.take("11-bank")
    page.goto("/me/accounts")
    staff.go("Consents")
    staff.take("12-consents")
    staff.go("Modules")
    staff.take("13-modules")


def four_eyes(staff: Walk, colleague: Walk) -> None:
    """What one person sends waits until another has looked at it."""
    page = staff.page
    page.goto("/me/accounts")
    staff.go("Approvals")
    page.get_by_role("link", name="Who must agree").click()
    page.get_by_label("Approvals for Sending an entry by hand").select_option("1")
    page.get_by_role("button", name="Keep Sending an entry by hand").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(re.compile("waits? for approval"))
    colleague.sign_in(KARIN)
    colleague.go("Entries")
    colleague.page.locator(".kp-chip", has_text="Draft").click()
    colleague.page.wait_for_url("**state=draft**")
    waiting = "Waiting for approval"
    colleague.page.locator("tbody tr", has_not_text=waiting).first.locator(".kp-name").click()
    colleague.page.locator("#entry-aside").get_by_role("button", name="Send").click()
    expect(colleague.page.locator("main")).to_contain_text("until then nothing changes")
    colleague.take("14-waits")
    staff.go("Approvals")
    page.locator("tbody .kp-name").first.click()
    expect(page.get_by_role("button", name="Approve")).to_be_visible()
    staff.take("15-approve")
    page.get_by_role("button", name="Approve").click()
    expect(page.locator("main")).to_contain_text("Carried out")


def main() -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=PATIENCE)
    with demo() as base, sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_arguments(playwright))
        staff = Walk(browser, base)
        overview(staff)
        let_the_firm_in(Walk(browser, base))
        bring_statements(staff)
        couple(staff)
        send_one(staff)
        what_needs_you(staff)
        banks_and_packages(staff)
        four_eyes(staff, Walk(browser, base))
        phone = Walk(browser, base, 390, 844)
        phone.sign_in(NADIA)
        phone.take("10-phone")
        browser.close()


if __name__ == "__main__":
    main()
