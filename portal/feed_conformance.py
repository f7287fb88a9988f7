"""`portal conformance KEY` for a bank feed: does a provider behave as the product relies on?

Only reads, unless the option `write=yes` allows a fetch at the bank.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property, partial
from typing import TextIO

from portal import conformance
from portal.conformance import BadOption, Skipped, Unmet
from portal.connectors import registry
from portal.connectors.errors import Rejected, Temporary
from portal.connectors.feed import BankFeed, Directory, FeedAccount, FeedTransaction, TransactionStatus
from portal.connectors.login import AuthMode

OPTIONS = {
    "host": "environment of the connector (live, sandbox) or the address of a server; needed",
    "token": "access token, or @FILE that holds it; needed",
    "account": "id or number of the account to read; default: the first",
    "country": "whose banks are listed; default: BE",
    "certificate": "PEM file with our client certificate, where the provider wants one",
    "key": "PEM file with its key; default: the same file",
    "write": "yes: also ask the provider to fetch from the bank",
    "address": "internet address of the person who asks for that fetch; needed with write=yes",
}


@dataclass
class Trial:
    """The rows, and what they learn for those after them."""

    directory: Directory
    connection: BankFeed
    options: Mapping[str, str]
    pages: int = field(default=0, init=False)
    cursor: str = field(default="", init=False)

    @cached_property
    def account(self) -> FeedAccount:
        wanted = self.options.get("account")
        for account in self.connection.accounts():
            if wanted in (None, account.id, account.number):
                return account
        raise Unmet(f"there is no account {wanted or ''}")

    @cached_property
    def transactions(self) -> list[FeedTransaction]:
        found: list[FeedTransaction] = []
        for page in self.connection.transactions(self.account.id):
            self.pages += 1
            self.cursor = page.cursor or self.cursor
            found += page.transactions
        return found

    def log_in(self) -> str:
        identity = self.connection.identity()
        return f"{identity.user_name or identity.user_id} of {identity.company or 'unknown company'}"

    def list_banks(self) -> str:
        return f"{len(self.directory.institutions(self.options.get('country') or 'BE'))} banks"

    def list_accounts(self) -> str:
        return f"{len(self.connection.accounts())} accounts; using {self.account.number}, {self.account.currency}"

    def read_all(self) -> str:
        booked = [one for one in self.transactions if one.status is TransactionStatus.BOOKED]
        twice = [key for key, count in Counter(one.id for one in booked).items() if count > 1]
        if twice:
            raise Unmet(f"{len(twice)} ids are told twice")
        days = sorted(one.line.date for one in booked)
        span = f", {days[0]} to {days[-1]}" if days else ""
        return f"{len(booked)} booked transactions on {self.pages} pages{span}"

    def exact_amounts(self) -> str:
        odd = [one.line.amount for one in self.transactions if one.line.amount != round(one.line.amount, 2)]
        if odd:
            raise Unmet(f"{len(odd)} amounts have more than two decimals, e.g. {odd[0]}")
        return f"sum {sum((one.line.amount for one in self.transactions), Decimal(0))}"

    def read_on(self) -> str:
        """From the cursor nothing is missing: what comes was there, or is new."""
        known = {one.id for one in self.transactions}
        again = [
            one for page in self.connection.transactions(self.account.id, self.cursor) for one in page.transactions
        ]
        if len(known) > 1000 and len(again) >= len(known):
            raise Unmet("the cursor reads everything again")
        return f"{len(again)} told again or new, {len({one.id for one in again} - known)} of them new"

    def pending(self) -> str:
        found = self.connection.pending(self.account.id)
        booked = {one.id for one in self.transactions if one.status is TransactionStatus.BOOKED}
        if any(one.id in booked for one in found):
            raise Unmet("an announced transaction is told as booked too")
        return f"{len(found)} announced"

    def consent(self) -> str:
        status = self.connection.status()
        if status.consent_ends_at is None:
            return "the end of the consent is not told"
        return f"until {status.consent_ends_at:%Y-%m-%d %H:%M}{', ' + status.ended if status.ended else ''}"

    def refuse_unknown_account(self) -> str:
        try:
            for _page in self.connection.transactions("00000000-0000-4000-8000-000000000000"):
                raise Unmet("an unknown account was read")
        except Rejected as refused:
            return f"{refused.code}: {refused.provider_text}"
        raise Unmet("an unknown account is an empty one")

    def fetch(self) -> str:
        if self.options.get("write") != "yes":
            raise Skipped("asks the bank: needs write=yes and address")
        try:
            refresh = self.connection.refresh(self.account.id, self.options.get("address", ""))
        except Temporary as later:
            return f"{later.code}, wait {later.retry_after or 0:.0f} s"
        return f"{refresh}: {self.connection.refreshed(refresh).status}"


ROWS: tuple[tuple[str, Callable[[Trial], str]], ...] = (
    ("log in", Trial.log_in),
    ("list banks", Trial.list_banks),
    ("list accounts", Trial.list_accounts),
    ("read all transactions", Trial.read_all),
    ("amounts to the cent", Trial.exact_amounts),
    ("read on from the cursor", Trial.read_on),
    ("what is announced", Trial.pending),
    ("end of the consent", Trial.consent),
    ("refuse an unknown account", Trial.refuse_unknown_account),
    ("fetch now", Trial.fetch),
)


def run(key: str, options: Mapping[str, str], out: TextIO) -> int:
    """Print the table. 0: nothing failed; 1: a row failed. Raises BadOption."""
    connector = registry.load_feed(key)
    if connector.MANIFEST.auth is not AuthMode.OAUTH2:
        raise BadOption(f"{connector.MANIFEST.label} signs with keys of ours, not with a token")
    session, host = conformance.signed(connector.MANIFEST, options, OPTIONS)
    gate = conformance.Open()
    trial = Trial(connector.directory(session, host, gate), connector.connect(session, host, gate), options)
    print(f"{connector.MANIFEST.label} at {options['host']}", file=out)
    return conformance.printed([(name, partial(method, trial)) for name, method in ROWS], out)
