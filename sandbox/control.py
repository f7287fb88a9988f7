"""`/control/api`: what every stand-in lets a test do to time, faults and settings, and what it remembers, as JSON.

A stand-in adds its own routes to the blueprint. No real provider has anything like it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, request

from sandbox import wsgi
from sandbox.world import World

SEEDS = ("empty", "demo")
Told = Callable[[], Mapping[str, Any]]


def blueprint(
    world: World[Any, Any], *, due: Callable[[], object], demo: Callable[[], object], told: Told
) -> Blueprint:
    """`due` does what time has brought; `demo` fills an empty world; `told` is what `state` tells besides."""
    routes = Blueprint("control_api", __name__, url_prefix="/control/api")
    _world_routes(routes, world, demo, told)
    _time_routes(routes, world, due)
    _fault_routes(routes, world)
    routes.register_error_handler(ValueError, _wrong)
    routes.register_error_handler(LookupError, _wrong)
    return routes


def _wrong(error: Exception) -> Response:
    return wsgi.json_answer({"error": in_words(error)}, 400)


def in_words(error: Exception) -> str:
    """Of a ValueError or LookupError: what is wrong with the input."""
    return f"missing: {error.args[0]}" if isinstance(error, KeyError) and error.args else str(error)


def body() -> dict[str, Any]:
    """The JSON object that was sent, or an empty one. Raises ValueError."""
    sent = request.get_json(silent=True) if request.data else {}
    if not isinstance(sent, dict):
        raise ValueError("a JSON object was expected")
    return sent


def clock_state(world: World[Any, Any]) -> dict[str, Any]:
    clock = world.clock
    return {"now": clock.now().isoformat(), "ahead_seconds": clock.offset, "frozen": clock.frozen}


def change_clock(world: World[Any, Any], values: Mapping[str, Any]) -> None:
    """Keys: real, set (ISO), advance (seconds), freeze (true or false), in this order. Raises ValueError."""
    clock = world.clock
    try:
        if values.get("real"):
            clock.real()
        if "set" in values:
            moment = datetime.fromisoformat(str(values["set"]))
            clock.set(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
        if "advance" in values:
            clock.advance(float(values["advance"]))
    except OverflowError:
        raise ValueError("no clock goes that far") from None
    if "freeze" in values:
        (clock.freeze if values["freeze"] else clock.thaw)()


def _world_routes(routes: Blueprint, world: World[Any, Any], demo: Callable[[], object], told: Told) -> None:
    @routes.get("/state")
    def state() -> Response:
        found = {"clock": clock_state(world), "settings": world.told_settings(), "calls": world.calls}
        return wsgi.json_answer(found | dict(told()))

    @routes.post("/reset")
    def reset() -> Response:
        wanted = body().get("seed", "empty")
        if wanted not in SEEDS:
            raise ValueError(f"seed must be {' or '.join(SEEDS)}")
        world.reset()
        if wanted == "demo":
            demo()
        return wsgi.json_answer({"seed": wanted})

    @routes.get("/requests")
    def requests() -> Response:
        limit = int(request.args.get("limit", 200))
        return wsgi.json_answer({"requests": [asdict(one) for one in list(world.log)[-limit:]]})


def add_settings(routes: Blueprint, world: World[Any, Any]) -> None:
    """The switches of a stand-in that has one set of them."""

    @routes.route("/settings", methods=["GET", "PATCH", "POST"])
    def settings() -> Response:
        if request.method != "GET":
            world.change_settings(body())
        return wsgi.json_answer(world.told_settings())


def _time_routes(routes: Blueprint, world: World[Any, Any], due: Callable[[], object]) -> None:
    @routes.route("/clock", methods=["GET", "POST"])
    def clock() -> Response:
        if request.method == "POST":
            change_clock(world, body())
            due()
        return wsgi.json_answer(clock_state(world))


def _fault_routes(routes: Blueprint, world: World[Any, Any]) -> None:
    @routes.get("/faults")
    def faults() -> Response:
        return wsgi.json_answer({"faults": [asdict(one) for one in world.faults.all()], "kinds": world.faults.kinds})

    @routes.post("/faults")
    def add_fault() -> Response:
        return wsgi.json_answer({"id": world.add_fault(body())}, 201)

    @routes.delete("/faults")
    def remove_faults() -> Response:
        world.remove_faults()
        return Response(status=204)

    @routes.delete("/faults/<int:fault>")
    def remove_fault(fault: int) -> Response:
        world.remove_faults(fault)
        return Response(status=204)
