"""Cegid Loop behind Chift: see `sandbox.chift`."""

from sandbox import chift

PACKAGE = chift.package("cegid_loop", "Cegid Loop", 8043)
