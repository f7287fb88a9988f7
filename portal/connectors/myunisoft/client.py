"""The HTTP side of MyUnisoft: which address, in which order."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import requests

from portal.connectors import base, ledgers
from portal.connectors.calls import JSON, JSON_BODY, Calls, decode, encode
from portal.connectors.errors import AlreadyPosted, Rejected, UnexpectedReply
from portal.connectors.login import Form
from portal.connectors.myunisoft import mapping

DRAFT = "draft"
# What the key must be allowed to call, as its own list names it.
NEEDED = {
    ("get", "society"), ("get", "society/exercice"), ("get", "account"), ("get", "diary"), ("post", "entry"),
    ("post", "entries"), ("get", "entry/id"),
}  # fmt: skip


class Client:
    """See `portal.connectors.base.Bookkeeping`. Remembers the numbers of journals, which never change."""

    def __init__(
        self,
        session: requests.Session,
        host: str,
        gate: base.Gate,
        form: Form,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._drafts = form.get("booking") == DRAFT
        self._calls = Calls("myunisoft", session, host, gate, mapping.failure, sleep=sleep)
        self._diaries: dict[str, Mapping[str, str]] = {}

    # -------------------------------------------------------------------------- master data

    def identity(self) -> base.Identity:
        """Also what activates a new key. Raises Rejected for one that may not do what is needed."""
        info = self._list("", "key/info", mode="extended")
        with self._calls.reading():
            if not info["isActivated"] and not info["canBeActivated"]:
                raise Rejected("myunisoft.not_activated")
            missing = NEEDED - mapping.routes(info)
            if missing:
                told = ", ".join(sorted(f"{method.upper()} {path}" for method, path in missing))
                raise Rejected("myunisoft.routes_missing", provider_text=told)
            return mapping.identity(info)

    def dossiers(self) -> Sequence[base.Dossier]:
        document = self._list("", "society")
        with self._calls.reading():
            return mapping.societies(document)

    def ledger_accounts(self, dossier: str) -> Sequence[base.LedgerAccount]:
        document = self._list(dossier, "account", mode="2")
        with self._calls.reading():
            found = [mapping.ledger_account(row) for row in document["account_array"]]
            if (document.get("rows_number") or 0) > len(found):  # how to ask for more is written nowhere
                raise UnexpectedReply("myunisoft.list_cut")
            return found

    def journals(self, dossier: str) -> Sequence[base.Journal]:
        found = self._calls.each(mapping.journal, self._list(dossier, "diary"))
        self._diaries[dossier] = {journal.code: journal.id for journal in found}
        return found

    def vat_codes(self, dossier: str) -> Sequence[base.VatCode]:
        return self._calls.each(mapping.vat_code, self._list(dossier, "vat_param"))

    def relations(self, dossier: str) -> Sequence[base.Relation]:
        """Customers and suppliers are ledger accounts here (401…, 411…)."""
        return []

    def periods(self, dossier: str) -> Sequence[base.Period]:
        rows = self._list(dossier, "society/exercice")
        with self._calls.reading():
            closed = any(row["closed"] for row in rows)
        journals = [journal.code for journal in self.journals(dossier)] if closed else []
        with self._calls.reading():
            return mapping.periods(rows, journals)

    # -------------------------------------------------------------------------- entries

    def render(self, entry: base.OutgoingEntry, accounts: Mapping[str, base.LedgerAccount]) -> bytes:
        return mapping.render(entry, accounts)

    def post(self, dossier: str, kind: base.EntryKind, payload: bytes) -> base.RemoteEntry:
        """Completes what was rendered with the dossier's own numbers, and sends it once.

        How a repeated reference is refused is written nowhere: so a refusal that is not known is
        answered by asking whether the reference is there.
        """
        document = decode(payload)
        reference, code = str(document["entry_origin_partner_id"]), document["diary_code"]
        if code not in self._diaries.get(dossier, {}):
            with ledgers.preparing("myunisoft"):
                self.journals(dossier)
        body = mapping.completed(document, self._society(dossier), self._diaries[dossier])
        path, query = ("entry/temp", {"type": "o"}) if self._drafts else ("entry", {"type": "e"})
        try:
            reply = self._calls.write(
                dossier, path, f"api/v1/{path}", body, query=query, headers=self._headers(dossier)
            )
        except Rejected as refused:
            found = self._origin(dossier, reference)[0] if refused.code == "myunisoft.refused" else ""
            if found:
                raise AlreadyPosted(found, provider_text=refused.provider_text) from None
            raise
        echo = self._calls.json(reply)
        with self._calls.reading(reply):
            return mapping.posted(echo, reference, waits=self._drafts)

    def find(
        self, dossier: str, kind: base.EntryKind, reference: str, journal: str, on: date
    ) -> Sequence[base.RemoteEntry]:
        """By our reference, booked or waiting for approval: its id changes when it is approved, the reference not."""
        number, waits = self._origin(dossier, reference)
        if not number:
            return []
        found = self._entries(dossier, "o" if waits else "e", {"id_entry": number})
        own = [replace(entry, reference=reference) for entry in found if entry.id == number]
        return own or [mapping.only_known(number, reference, journal, on, waits=waits)]

    def entries(
        self, dossier: str, kind: base.EntryKind, journal: str, since: date, until: date
    ) -> Iterator[base.RemoteEntry]:
        span = {"diary": journal, "start_date": since.isoformat(), "end_date": until.isoformat()}
        for type_ in ("e", "o") if self._drafts else ("e",):
            yield from self._entries(dossier, type_, span)

    # -------------------------------------------------------------------------- calls

    def _origin(self, dossier: str, reference: str) -> tuple[str, bool]:
        try:
            document = self._list(dossier, "entry/id", id_origin=reference)
        except Rejected as refused:
            if refused.code == "myunisoft.not_found" and refused.status == 404:
                return "", False
            raise
        with self._calls.reading():
            return mapping.origin(document)

    def _entries(self, dossier: str, type_: str, filters: Mapping[str, str]) -> list[base.RemoteEntry]:
        """A question that is asked by POST."""
        wanted = [{"name": name, "value": value} for name, value in ({"type": type_} | dict(filters)).items()]
        reply = self._calls.read(
            dossier, "entries", "api/v1/entries", {"type": type_}, method="POST",
            body=encode({"sort": {"ecr": "asc"}, "filters": wanted}), headers=self._headers(dossier),
        )  # fmt: skip
        document = self._calls.json(reply)
        with self._calls.reading(reply):
            return mapping.entries(document, waits=type_ == "o")

    def _list(self, dossier: str, path: str, **query: str) -> Any:
        reply = self._calls.read(dossier, path, f"api/v1/{path}", query, headers=self._headers(dossier))
        return self._calls.json(reply)

    def _headers(self, dossier: str) -> Mapping[str, str]:
        return {**JSON, **JSON_BODY, "society-id": self._society(dossier)} if dossier else JSON

    def _society(self, dossier: str) -> str:
        if not (dossier.isascii() and dossier.isdigit()):
            raise Rejected("myunisoft.not_found", values={"dossier": dossier})
        return dossier
