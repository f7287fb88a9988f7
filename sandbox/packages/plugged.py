"""Which packages there are: one line each."""

from __future__ import annotations

from importlib import import_module

from sandbox.packages.package import Package

PACKAGES: tuple[str, ...] = (
    "xero",
    "odoo",
    "myunisoft",
    "minox",
    "business_central",
    "pennylane",
    "acd",
    "cegid_loop",
    "inqom",
)  # fmt: skip


def load() -> dict[str, Package]:
    """By key. Each stands in `sandbox/<key>/__init__.py` as `PACKAGE`."""
    return {key: import_module(f"sandbox.{key}").PACKAGE for key in PACKAGES}
