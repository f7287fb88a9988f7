"""The ledger account that somebody probably meant, and the usual ones of each country."""

from __future__ import annotations

import re
from collections.abc import Iterable

from portal.connectors.base import LedgerAccount

# The usual suspense account: codes as they begin, then what it is called.
_SUSPENSE = {
    "BE": (("499", "498"), r"wacht|attente|suspense|te verdelen|à imputer"),
    "FR": (("471", "472"), r"attente|suspens|à imputer|imputer"),
    "NL": (
        ("2999", "299", "2990"),
        r"vraagpost|tussenrekening|nog te (boeken|rubriceren|verwerken)|te verwerken|suspense",
    ),
}


def nearest_account(accounts: Iterable[LedgerAccount], code: str, kind: str = "") -> str:
    """The usable account that begins most like `code`, of `kind` if there are such; "" when none begins alike."""
    usable = [account for account in accounts if not account.blocked]
    of_kind = [account for account in usable if account.kind == kind]
    candidates = [(_shared(account.code, code), account) for account in of_kind or usable]
    best = max((shared for shared, _ in candidates), default=0)
    if best < 2:
        return ""
    alike = [account.code for shared, account in candidates if shared == best]
    return min(alike, key=lambda found: (abs(_number(found) - _number(code)), found))


def suspense_account(accounts: Iterable[LedgerAccount], country: str) -> str:
    """By the country's usual code, else by its name; "" when nothing fits."""
    prefixes, names = _SUSPENSE.get(country, _SUSPENSE["BE"])
    usable = sorted((a for a in accounts if not a.blocked and a.kind not in ("bank", "cash")), key=lambda a: a.code)
    named = [account for account in usable if re.search(names, account.name.lower())]
    for prefix in prefixes:
        for account in (*named, *usable):
            if account.code.startswith(prefix):
                return account.code
    return named[0].code if named else ""


# Customers' and suppliers' accounts as each country numbers them.
_PARTIES = {
    ("BE", "receivable"): "400", ("BE", "payable"): "440", ("FR", "receivable"): "411", ("FR", "payable"): "401",
    ("NL", "receivable"): "13", ("NL", "payable"): "16",
}  # fmt: skip


def party_account(accounts: Iterable[LedgerAccount], country: str, kind: str) -> str:
    """The account of customers (`kind` "receivable") or suppliers ("payable"): the only one, else the usual; or ""."""
    codes = sorted(account.code for account in accounts if account.kind == kind and not account.blocked)
    usual = [code for code in codes if code.startswith(_PARTIES.get((country, kind), " "))]
    return usual[0] if usual else codes[0] if len(codes) == 1 else ""


def _shared(one: str, other: str) -> int:
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count


def _number(code: str) -> int:
    digits = re.sub(r"\D", "", code)[:12]
    return int(digits.ljust(12, "0"))
