"""Exact Online on the same journeys: it has a stand-in of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portal.connectors.login import Form
from sandbox.exact import serve
from tests.connectors.contract.world import Fault
from tests.connectors.exact.test_contract import APP, DOSSIER, ENVIRONMENT, Control, ExactWorld
from tests.journeys.apps import BACK, App


class ExactControl(Control):
    relation = ""

    @property
    def host(self) -> str:
        return f"{self.url}/{ENVIRONMENT}"


class JourneyWorld(ExactWorld):
    """With what a journey asks of a world besides."""

    def __init__(self, control: ExactControl) -> None:
        self.control = control
        super().__init__(control)

    def fault(self, fault: Fault, *, write: bool, times: int = 1) -> None:
        if fault is Fault.RATE_LIMITED:
            self._control.post("faults", division=DOSSIER, method="POST", kind="429", times=times)
        else:
            super().fault(fault, write=write, times=times)

    def _relation(self) -> str:
        """Made once: two of the same number could not be told apart."""
        self.control.relation = self.control.relation or super()._relation()
        return self.control.relation

    def log_in(self) -> str:
        return str(self.secret)

    def fill_in(self) -> Form:
        return Form()


@dataclass(frozen=True)
class Exact(App):
    def serve(self, data: Path) -> Iterator[Any]:
        running = serve(port=0, data=data)
        control = ExactControl(running.url)
        for client_id in (APP, self.ours.id):
            control.post(
                "apps", client_id=client_id, name="Test", secret=self.ours.secret,
                redirect_uris=["http://127.0.0.1:*", BACK],
            )  # fmt: skip
        control.post("divisions", code=DOSSIER, name="Bakkerij", country="BE", environment=ENVIRONMENT)
        control.post("users", login="kantoor", environment=ENVIRONMENT, current=DOSSIER)
        yield control
        running.stop()

    def meet(self, control: Any) -> Any:
        control("DELETE", "faults")
        control.post("clock", real=True, freeze=True)
        control.post("settings", per_minute=0, per_day=0, errors_per_hour=0, auto_approve="kantoor")
        return JourneyWorld(control)

    def lock(self, control: Any, closed: bool) -> None:
        state: Mapping[str, Any] = {"division": DOSSIER, "year": 2026, "journal": "20"}
        control.post("periods", **state, period=3, status="closed" if closed else "open")
