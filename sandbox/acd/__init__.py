"""ACD behind Chift: see `sandbox.chift`."""

from sandbox import chift

PACKAGE = chift.package("acd", "ACD", 8003, number_length=16)
