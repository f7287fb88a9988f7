"""Makes docs/connectors.md: what each connector can, and how it keeps the contract against its stand-in.

`python -m scripts.connectors_page` writes the page. A test makes it too and compares.
"""

from __future__ import annotations

import importlib
import json
import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import structlog

from portal import conformance
from portal.conformance import Row
from portal.connectors import registry
from portal.connectors.login import AuthMode
from portal.connectors.manifest import Manifest
from tests.connectors import package_world
from tests.connectors.exact import test_contract as exact
from tests.connectors.package_world import Control, PackageWorld

PAGE = Path(__file__).resolve().parents[1] / "docs" / "connectors.md"
FOLDERS = {"acd": "chift", "cegid_loop": "chift", "inqom": "chift"}  # of the tests, where several apps share one
OURS = ("koppelpoort-page", "secret-of-the-page")  # our registration at the stand-ins, for this page only
WAYS = {
    AuthMode.OAUTH2: "log-in", AuthMode.HOSTED: "log-in on its page", AuthMode.KEY: "key", AuthMode.FILE: "files",
}  # fmt: skip
PROOF = {
    "live": "a real server", "official": "the official description", "notes": "third-party notes",
}  # fmt: skip
SIGNS = {"ok": "✓", "skipped": "–", "failed": "✗"}
HEAD = """# Connectors

Made by `python -m scripts.connectors_page`; a test fails when this page is not what it makes. Each connector was
tried with `portal conformance KEY`, rows that book included, against the stand-in that comes with the project; apps
that take files book in a database of the moment. Against a real server it is the same command:

    portal conformance odoo --option url=https://… --option database=… --option user=… --option key=@FILE \\
        --option write=yes

It asks for what it needs. A secret is given as the path of its file after an @, so that it stands in no list of
commands.

## What they can
"""
ROWS_HEAD = """
## How they keep the contract

✓ holds · – cannot be tried there, with the reason below · ✗ does not hold
"""


def page(results: Mapping[str, Sequence[Row]]) -> str:
    """The whole page, from the rows of each connector by its key."""
    manifests = {key: registry.load(key).MANIFEST for key in results}
    parts = [
        HEAD,
        _table(["App", "Key", "Way in", "Verified against", "Countries", *CAN], [_can(m) for m in manifests.values()]),
    ]
    names = [row.name for row in next(iter(results.values()))]
    signs = [[name, *(SIGNS[_row(rows, name).result] for rows in results.values())] for name in names]
    parts += [ROWS_HEAD, _table(["", *(f"`{key}`" for key in results)], signs), "\n"]
    for key, rows in results.items():
        told: dict[str, list[str]] = {}
        for row in rows:
            if row.result != "ok":
                told.setdefault(row.detail if row.result == "skipped" else "failed", []).append(row.name)
        if told:
            reasons = "; ".join(f"{', '.join(where)}: {why}" for why, where in told.items())
            parts.append(f"- **{manifests[key].label}** {reasons}\n")
    return "".join(parts)


CAN = (
    "bank entries", "drafts", "refuses a repetition", "several dossiers", "invoices", "undone by an entry", "batches",
    "look-up is proof",
)  # fmt: skip


def _can(manifest: Manifest) -> list[str]:
    can = manifest.capabilities
    batches = str(can.batch_size) if can.batch_size > 1 else "–"
    flags = [can.bank_entries, can.drafts, can.own_key, can.several_dossiers, can.invoices, can.reversal]
    signs = [*("✓" if flag else "–" for flag in flags), batches, "✓" if can.finds else "–"]
    return [
        manifest.label,
        f"`{manifest.key}`",
        WAYS[manifest.auth],
        PROOF[manifest.proof],
        ", ".join(manifest.countries),
        *signs,
    ]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["-"] * len(head), *rows]
    return "\n" + "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def _row(rows: Sequence[Row], name: str) -> Row:
    return next(row for row in rows if row.name == name)


# ------------------------------------------------------------------------------ the stand-ins


def results_of(key: str) -> Sequence[Row]:
    """Every row of this connector against its stand-in."""
    manifest = registry.load(key).MANIFEST
    if manifest.auth is AuthMode.FILE:
        return conformance.try_all(key, {"write": "yes"})
    options_of = exact_options if key == "exact" else package_options
    with tempfile.TemporaryDirectory(prefix="kp-page-") as folder, options_of(key, Path(folder)) as options:
        return conformance.try_all(key, {**options, "write": "yes"})


@contextmanager
def exact_options(key: str, data: Path) -> Iterator[Mapping[str, str]]:
    for server in exact.serving(data):
        control = exact.Control(server.url)
        world = exact.ExactWorld(control)
        host = f"{server.url}/{exact.ENVIRONMENT}"
        yield {"host": host, "token": world.secret, "dossier": world.dossier, "foreign": world.foreign_dossier}


@contextmanager
def package_options(key: str, data: Path) -> Iterator[Mapping[str, str]]:
    manifest, world_class = registry.load(key).MANIFEST, world_of(key)
    for control in package_world.serving(world_class, data):
        world = package_world.fresh(world_class, control)
        given = {"dossier": world.dossier, "foreign": world.foreign_dossier}
        yield {**given, **_way_in(manifest, world, control)}


def world_of(key: str) -> type[PackageWorld]:
    """What the tests of the connector say its package is like."""
    importlib.import_module(f"tests.connectors.{FOLDERS.get(key, key)}.test_contract")
    waiting = list(PackageWorld.__subclasses__())
    while waiting:
        one = waiting.pop(0)
        if one.key == key:
            return one
        waiting += one.__subclasses__()
    raise LookupError(key)


def _way_in(manifest: Manifest, world: PackageWorld, control: Control) -> Mapping[str, str]:
    host = {} if manifest.host_field else {"host": control.host}
    if manifest.auth is AuthMode.OAUTH2:
        return {**host, **world.form, "token": world.secret}
    control.post("apps", client_id=OURS[0], secret=OURS[1], redirect_uris=[])
    ours = {"app_id": OURS[0], "app_secret": OURS[1]}
    if manifest.auth is AuthMode.HOSTED:
        return {**host, **ours, "kept": json.dumps(world.form)}
    return {**host, **world.form, **(ours if manifest.registered else {})}


def make() -> str:
    """The page, with every connector tried now."""
    return page({key: results_of(key) for key in registry.CONNECTORS})


if __name__ == "__main__":
    logging.disable()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    PAGE.write_text(make(), encoding="utf-8")
