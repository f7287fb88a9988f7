"""Log-ins with accounts that are in the demo's books already, the same every time; made-up holders."""

from __future__ import annotations

from datetime import timedelta

from sandbox.exact import demo_data
from sandbox.saltedge.banks import BY_CODE
from sandbox.saltedge.core import Sandbox
from sandbox.saltedge.visits import add_bank_account

COUNT = 40
HISTORY = timedelta(days=120)
BANK = {"BE": "kbc_be", "NL": "rabobank_nl", "FR": "bnp_paribas_fr"}


def seed(sandbox: Sandbox) -> None:
    """Once: a sandbox that has accounts stays as it is. Holders are those of the Exact stand-in's demo."""
    if sandbox.store.one("SELECT 1 FROM bank_accounts") is not None:
        return
    sandbox.change_settings({"refresh_gap": 60})  # whoever looks at a demo does not wait an hour
    since = sandbox.clock.now().date() - HISTORY
    with sandbox.store.transaction():
        for position, division in enumerate(demo_data.divisions()):
            if position == COUNT:
                break
            bank = BY_CODE[BANK[str(division["country"])]]
            add_bank_account(
                sandbox, bank, f"klant{position + 1:02d}", str(division["iban"]), name="Zichtrekening",
                nature="account", holder=str(division["name"]), opening=1_250_000, pace=1.5, since=since,
            )  # fmt: skip
