"""What the store says of an app, from its manifest, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask_babel import gettext as _

from portal.connectors.manifest import Manifest
from portal.templating import formats


def kinds() -> Mapping[str, str]:
    return {"bookkeeping": _("Accounting packages"), "file": _("Files"), "feed": _("Bank feeds")}


def countries() -> Mapping[str, str]:
    return {"BE": _("Belgium"), "NL": _("Netherlands"), "FR": _("France")}


def proofs() -> Mapping[str, tuple[str, str, str]]:
    """Icon, label and what it means, by `Manifest.proof`."""
    return {
        "live": (
            "patch-check", _("Verified against a real server"),
            _("It booked on the provider's own server and everything was found again."),
        ),
        "official": (
            "clipboard-check", _("Verified against the official description"),
            _("It speaks as the provider's own description says. No real server was met yet: look at the first runs."),
        ),
        "notes": (
            "cone-striped", _("Verified against third-party notes"),
            _("It speaks as others found out. No real server was met yet: rehearse before you trust it."),
        ),
    }  # fmt: skip


def abilities(manifest: Manifest) -> Sequence[tuple[bool, str]]:
    """Whether it can, and what, in words."""
    if manifest.kind == "feed":
        return ()
    can, fmt, limits = manifest.capabilities, formats(), manifest.limits
    most = _("at most %(count)s calls a minute", count=fmt.number(limits.per_minute or 0))
    return [
        (can.bank_entries, _("Books bank statements in a bank journal, with balances")),
        (can.general_entries, _("Books general journal entries")),
        (can.invoices, _("Books sales and purchase invoices")),
        (can.drafts, _("Can leave entries as a draft in the package")),
        (can.several_dossiers, _("One log-in reaches several dossiers")),
        (can.own_key, _("The package itself refuses a second entry with the same reference")),
        (can.finds, _("An entry can be looked up again by its reference")),
        (can.reversal, _("An entry can be undone as a reversal")),
        (
            can.batch_size > 1,
            _("Takes up to %(count)s entries in one call", count=fmt.number(can.batch_size))
            if can.batch_size > 1
            else _("Takes several entries in one call"),
        ),
        *([(True, most)] if limits.per_minute else []),
    ]
