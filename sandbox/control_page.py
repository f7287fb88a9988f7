"""`/control`: a stand-in at a glance, with buttons for time and trouble that work without script.

The page is `control.html` of the stand-in, an extension of `control_frame.html`. A stand-in adds its
own pages and buttons to the blueprint; what they find wrong is told on the page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from sandbox.control import change_clock, clock_state, in_words
from sandbox.world import World

UNITS = {"seconds": 1, "hours": 3600, "days": 86400}
SHOWN = 40  # requests
PLACES = ("kind", "method", "endpoint", "package", "division", "seconds")


def blueprint(
    world: World[Any, Any], *, due: Callable[[], object], shown: Callable[[], Mapping[str, Any]], unit: str,
    details: tuple[str, ...] = (),
) -> Blueprint:  # fmt: skip
    """`due` does what time has brought; `shown` is what the page shows besides.

    `unit` is what the page moves the clock in, `details` are fields of a fault's own.
    """
    routes = Blueprint("control", __name__, url_prefix="/control")

    @routes.get("/")
    def home() -> str:
        return _page(world, unit, shown())

    @routes.post("/time")
    def time() -> Response:
        change_clock(world, _moved(request.form, unit, world.clock.frozen))
        due()
        return back()

    @routes.post("/trouble")
    def trouble() -> Response:
        remove = request.form.get("remove")
        if remove:
            world.remove_faults(None if remove == "all" else int(remove))
        else:
            world.add_fault(_specified(request.form, details))
        return back()

    def wrong(error: Exception) -> tuple[str, int]:
        return _page(world, unit, shown(), in_words(error)), 400

    routes.register_error_handler(ValueError, wrong)
    routes.register_error_handler(LookupError, wrong)
    return routes


def back() -> Response:
    """To the page that the button stands on."""
    return redirect(url_for("control.home"), 303)


def _page(world: World[Any, Any], unit: str, shown: Mapping[str, Any], problem: str = "") -> str:
    return render_template(
        "control.html", problem=problem, clock=clock_state(world), unit=unit, kinds=world.faults.kinds,
        ahead=f"{world.clock.offset / UNITS[unit]:.{0 if unit == 'seconds' else 1}f} {unit}",
        faults=world.faults.all(), log=list(world.log)[-SHOWN:][::-1], **shown,
    )  # fmt: skip


def _moved(form: MultiDict[str, str], unit: str, frozen: bool) -> dict[str, Any]:
    """What the clock is told. Raises ValueError."""
    match form.get("what"):
        case "advance":
            return {"advance": UNITS[unit] * float(form.get(unit) or 0)}
        case "freeze":
            return {"freeze": not frozen}
        case "real":
            return {"real": True}
    raise ValueError("what must be advance, freeze or real")


def _specified(form: MultiDict[str, str], details: tuple[str, ...]) -> dict[str, Any]:
    """A fault as the form tells it; without a number of times it stays until it is removed. Raises ValueError."""
    spec: dict[str, Any] = {name: form[name] for name in PLACES if form.get(name)}
    spec["times"] = int(form["times"]) if form.get("times") else None
    given = {name: form[name] for name in details if form.get(name)}
    return spec | ({"details": given} if given else {})
