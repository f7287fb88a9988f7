"""What is different between apps on a journey: who we are there, and how people come in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from portal.connectors.login import Application
from tests.connectors.package_world import LOGIN, OPEN_CODE, Control, PackageWorld, fresh, serving

PLAIN = Application("koppelpoort", "secret-of-koppelpoort")
BACK = "https://portal.example.com/oauth/*"


@dataclass(frozen=True)
class App:
    """`module` and `world` name the package's world of the contract; `ours` is what we are there."""

    module: str
    world: str
    ours: Application = PLAIN

    def world_class(self) -> type[PackageWorld]:
        found: type[PackageWorld] = getattr(import_module(f"tests.connectors.{self.module}.test_contract"), self.world)
        return found

    def serve(self, data: Path) -> Iterator[Control]:
        """The stand-in, which knows us and lets people in without a page."""
        for control in serving(self.world_class(), data):
            given = {"client_id": self.ours.id.rpartition("/")[2], "secret": self.ours.secret, "redirect_uris": [BACK]}
            control.post("apps", **given)
            yield control

    def meet(self, control: Control) -> PackageWorld:
        world = fresh(self.world_class(), control)
        control.post("settings", auto_approve=LOGIN)
        return world

    def lock(self, control: Any, closed: bool) -> None:
        """Close the period of the journey's statement in the books of the package, or open it."""
        control.post("lock", dossier=OPEN_CODE, until="2026-12-31" if closed else "2024-12-31")


CHIFT = Application("7a0c5c51-1f0d-4a0e-8c55-2f4a4b1f7f10/koppelpoort", "koppelpoort-chift-secret")
APPS: Mapping[str, App] = {
    "xero": App("xero", "XeroWorld"),
    "odoo": App("odoo", "OdooWorld"),
    "business_central": App("business_central", "BusinessCentralWorld"),
    "pennylane": App("pennylane", "PennylaneWorld"),
    "myunisoft": App("myunisoft", "MyUnisoftWorld", Application("koppelpoort", "koppelpoort-partner-secret")),
    "minox": App("minox", "MinoxWorld"),
    "acd": App("chift", "AcdWorld", CHIFT),
    "cegid_loop": App("chift", "CegidWorld", CHIFT),
    "inqom": App("chift", "ChiftWorld", CHIFT),
}
