"""Inqom behind Chift: see `sandbox.chift`."""

from sandbox import chift

PACKAGE = chift.package("inqom", "Inqom", 8016)
