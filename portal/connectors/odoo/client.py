"""What is asked of Odoo, and in which order."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date
from types import ModuleType
from typing import Any, TypeVar

import requests

from portal.connectors import base, ledgers, paging
from portal.connectors.calls import Calls, decode
from portal.connectors.errors import AlreadyPosted, ConnectorError, Rejected, UnexpectedReply
from portal.connectors.login import Form
from portal.connectors.odoo import invoices, mapping
from portal.connectors.odoo.mapping import Row
from portal.connectors.odoo.wire import Wire
from portal.kernel import clock

T = TypeVar("T")

PAGE = 1000
ENGLISH = {"lang": "en_US"}  # so that refusals are known by their words
COMPANY = ["name", "country_code", "vat", "company_registry", "siret", "currency_id", "active"]
LOCKS = [f"{user}{name}" for user in ("", "user_") for name in mapping.LOCKS]


class Client:
    """See `portal.connectors.base.Bookkeeping`. A dossier is a company of the database, by its number.

    Keeps what fields the server's models have, the journals, and the language of our user while it lives.
    """

    def __init__(
        self,
        session: requests.Session,
        host: str,
        gate: base.Gate,
        form: Form,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._calls = Calls("odoo", session, host, gate, mapping.failure, sleep=sleep)
        self._wire = Wire(self._calls, form)
        self._database = form.get("database", "")  # a connection that only renders has no form
        self._asked: dict[str, dict[str, bool]] = {}
        self._journals: dict[str, list[Row]] = {}
        self._language: Row = {}

    # -------------------------------------------------------------------------- master data

    def identity(self) -> base.Identity:
        context = self._wire.read("", "res.users", "context_get")
        with self._calls.reading():
            uid = int(context["uid"])
        rows = self._wire.read("", "res.users", "read", [uid], fields=["name", "login", "email", "company_id"])
        with self._calls.reading():
            return mapping.identity(rows[0], self._database)

    def dossiers(self) -> Sequence[base.Dossier]:
        fields = self._known("", "res.company", COMPANY)
        rows = self._rows("", "res.company", [], fields, {"active_test": False})
        return self._calls.each(mapping.dossier, rows)

    def ledger_accounts(self, dossier: str) -> Sequence[base.LedgerAccount]:
        model = "account.account"
        owner = self._known(dossier, model, ["company_id", "company_ids"])[-1]
        fields = self._known(dossier, model, ["code", "name", "account_type", "deprecated", "active"])
        rows = self._rows(dossier, model, [_of(dossier, owner)], fields, self._spoken(dossier))
        self._check_seen(dossier, rows)
        with self._calls.reading():
            return [mapping.ledger_account(row) for row in rows if row["code"]]

    def journals(self, dossier: str) -> Sequence[base.Journal]:
        rows = self._journal_rows(dossier, self._spoken(dossier))
        self._check_seen(dossier, rows)
        return self._calls.each(mapping.journal, rows)

    def vat_codes(self, dossier: str) -> Sequence[base.VatCode]:
        wanted = ["name", "amount", "amount_type", "type_tax_use", "price_include", "has_negative_factor"]
        fields = self._known(dossier, "account.tax", wanted)
        rows = self._rows(dossier, "account.tax", [_of(dossier)], fields, self._spoken(dossier))
        with self._calls.reading():
            return mapping.vat_codes(rows)

    def relations(self, dossier: str) -> Sequence[base.Relation]:
        wanted = ["name", "ref", "vat", "company_registry", "country_code", "customer_rank", "supplier_rank"]
        fields = self._known(dossier, "res.partner", wanted)
        own = [["parent_id", "=", False], ["company_id", "in", [False, int(dossier)]]]
        rows = self._rows(dossier, "res.partner", own, fields, _context(dossier))
        return self._calls.each(mapping.relation, rows)

    def periods(self, dossier: str) -> Sequence[base.Period]:
        journals, books = self._journal_rows(dossier), self._books(dossier)
        this = clock.today().year
        with self._calls.reading():
            return mapping.periods(books, journals, range(this - 5, this + 2))

    # -------------------------------------------------------------------------- entries

    def render(self, entry: base.OutgoingEntry, accounts: Mapping[str, base.LedgerAccount]) -> bytes:
        return invoices.render(entry, accounts) if entry.kind.is_invoice else mapping.render(entry, accounts)

    def post(self, dossier: str, kind: base.EntryKind, payload: bytes) -> base.RemoteEntry:
        (answer,) = self.post_many(dossier, kind, [payload])
        if isinstance(answer, ConnectorError):
            raise answer
        return answer

    def post_many(
        self, dossier: str, kind: base.EntryKind, payloads: Sequence[bytes]
    ) -> Sequence[base.RemoteEntry | ConnectorError]:
        """Drafts in one call, booked in one more. Until the second, nothing stands in the books."""
        documents = [decode(payload) for payload in payloads]
        answers: dict[int, base.RemoteEntry | ConnectorError] = {}
        with ledgers.preparing("odoo"):
            ready = self._checked(dossier, kind, documents, answers)
            drafts = self._drafted(dossier, kind, ready, answers)
            if kind.is_invoice:
                self._count(dossier, drafts, documents, answers)
        posted = self._posted(dossier, drafts, answers)
        rows = self._moves(dossier, kind, [["id", "in", list(posted.values())]]) if posted else []
        there = self._read_back(dossier, kind, [row for row in rows if row["state"] == "posted"])
        answers |= {index: there.get(number) or Rejected("odoo.not_booked") for index, number in posted.items()}
        return [answers[index] for index in range(len(payloads))]

    def find(
        self, dossier: str, kind: base.EntryKind, reference: str, journal: str, on: date
    ) -> Sequence[base.RemoteEntry]:
        return self._entries(dossier, kind, [[_book(kind).OURS, "=", reference]])

    def entries(
        self, dossier: str, kind: base.EntryKind, journal: str, since: date, until: date
    ) -> Iterator[base.RemoteEntry]:
        span = [["date", ">=", since.isoformat()], ["date", "<=", until.isoformat()]]
        yield from self._entries(dossier, kind, [["journal_id.code", "=", journal], *span])

    def _entries(self, dossier: str, kind: base.EntryKind, domain: list[Any]) -> list[base.RemoteEntry]:
        """What is booked and passes `domain`; drafts and what was cancelled are no part of the books."""
        types = [["move_type", "in", list(invoices.TYPES[kind])]] if kind.is_invoice else []
        wanted = [["company_id", "=", int(dossier)], ["state", "=", "posted"], *types, *domain]
        return list(self._read_back(dossier, kind, self._moves(dossier, kind, wanted)).values())

    def _read_back(self, dossier: str, kind: base.EntryKind, heads: Sequence[Row]) -> dict[int, base.RemoteEntry]:
        """With their lines, by number; of bank entries without the bank's side."""
        lines = self._lines(dossier, kind, [row["id"] for row in heads])
        journals = {row["id"]: row for row in self._journal_rows(dossier)} if heads else {}
        found: dict[int, base.RemoteEntry] = {}
        with self._calls.reading():
            for row in heads:
                journal = journals[row["journal_id"][0]]
                bank = mapping.code_of(journal["default_account_id"]) if kind is base.EntryKind.BANK else ""
                found[row["id"]] = _book(kind).entry(row, lines.get(row["id"], []), journal["code"], bank)
        return found

    # -------------------------------------------------------------------------- booking, step by step

    def _checked(
        self, dossier: str, kind: base.EntryKind, documents: Sequence[Row], answers: dict[int, Any]
    ) -> dict[int, Row]:
        """The values to send, by place in the batch; what Odoo would do silently wrong is refused here."""
        companies = self._books(dossier)
        journals = {row["code"]: row for row in self._journal_rows(dossier)}
        ready: dict[int, Row] = {}
        with self._calls.reading():
            currency = mapping.name_of(next(row["currency_id"] for row in companies if str(row["id"]) == dossier))
            for index, document in enumerate(documents):
                journal = journals.get(document["journal"])
                refusal = mapping.hindrance(kind, document, journal, companies, currency)
                if refusal or journal is None:
                    answers[index] = refusal
                else:
                    owner = {"company_id": int(dossier), "journal_id": journal["id"]}
                    ready[index] = document["values"] | owner
        return ready

    def _drafted(
        self, dossier: str, kind: base.EntryKind, ready: Mapping[int, Row], answers: dict[int, Any]
    ) -> dict[int, int]:
        """Numbers of drafts, by place: those that a lost answer left behind, and new ones."""
        ours = _book(kind).OURS
        references = [values[ours] for values in ready.values()]
        wanted = [["company_id", "=", int(dossier)], [ours, "in", references], ["state", "in", ["draft", "posted"]]]
        there = self._moves(dossier, kind, wanted) if ready else []
        lines = self._lines(dossier, kind, [row["id"] for row in there])
        drafts: dict[int, int] = {}
        for index, values in ready.items():
            with self._calls.reading():
                own = [row for row in there if row[ours] == values[ours]]
                booked = [row for row in own if row["state"] == "posted"]
                if booked:
                    answers[index] = AlreadyPosted(str(booked[0]["id"]))
                elif not own:
                    continue
                elif _book(kind).same(own[0], lines.get(own[0]["id"], []), values):
                    drafts[index] = own[0]["id"]
                else:
                    answers[index] = Rejected("odoo.other_draft", values={"reference": values[ours]})
        missing = {index: values for index, values in ready.items() if index not in {*drafts, *answers}}
        return drafts | self._together(missing, answers, lambda some: self._created(dossier, some))

    def _created(self, dossier: str, values: Sequence[Row]) -> list[int]:
        context = _context(dossier) | ENGLISH
        made = self._wire.write(dossier, "account.move", "create", vals_list=list(values), context=context, books=False)
        with self._calls.reading():
            numbers = [int(number) for number in made]
        if len(numbers) != len(values):
            raise UnexpectedReply("odoo.unreadable")
        return numbers

    def _count(self, dossier: str, drafts: dict[int, int], documents: Sequence[Row], answers: dict[int, Any]) -> None:
        """Take away those whose taxes Odoo counted otherwise than their document says."""
        rows = self._moves(dossier, base.EntryKind.SALES, [["id", "in", list(drafts.values())]]) if drafts else []
        there, wrong = {row["id"]: row for row in rows}, dict[int, Rejected]()
        with self._calls.reading():
            for index, number in drafts.items():
                if refusal := invoices.miscounted(there[number], documents[index]):
                    wrong[index] = refusal
        self._take_away(dossier, [drafts.pop(index) for index in wrong])
        answers |= wrong

    def _posted(self, dossier: str, drafts: Mapping[int, int], answers: dict[int, Any]) -> dict[int, int]:
        def post(moves: Sequence[int]) -> Sequence[int]:
            context = _context(dossier) | ENGLISH
            self._wire.write(dossier, "account.move", "action_post", list(moves), context=context, books=True)
            return moves

        posted = self._together(drafts, answers, post)
        self._take_away(dossier, [number for index, number in drafts.items() if index not in posted])
        return posted

    def _take_away(self, dossier: str, drafts: Sequence[int]) -> None:
        """A draft that stays does no harm: the next attempt finds it."""
        if drafts:
            with suppress(ConnectorError):
                self._wire.write(
                    dossier, "account.move", "unlink", list(drafts), context=_context(dossier), books=False
                )

    def _together(
        self, wanted: Mapping[int, T], answers: dict[int, Any], do: Callable[[Sequence[T]], Sequence[int]]
    ) -> dict[int, int]:
        """In one call, all or nothing; one by one when that is refused, so that each has its own answer."""
        if not wanted:
            return {}
        try:
            return dict(zip(wanted, do(list(wanted.values())), strict=True))
        except Rejected as refused:
            if len(wanted) == 1:
                answers[next(iter(wanted))] = refused
                return {}
        done: dict[int, int] = {}
        for index, one in wanted.items():
            done |= self._together({index: one}, answers, do)
        return done

    # -------------------------------------------------------------------------- lists

    def _books(self, dossier: str) -> list[Row]:
        """The company and those above it that our user may see: their lock dates count too."""
        fields = self._known(dossier, "res.company", ["currency_id", *LOCKS])
        rows = self._rows(dossier, "res.company", [_of(dossier, "id")], fields, {})
        with self._calls.reading():
            if not any(str(row["id"]) == dossier for row in rows):
                raise Rejected("odoo.company_foreign", status=404)
        return rows

    def _check_seen(self, dossier: str, rows: Sequence[Row]) -> None:
        """A company that is not there has empty lists at Odoo 19, and no company in use has these."""
        if not rows:
            self._books(dossier)

    def _journal_rows(self, dossier: str, context: Row | None = None) -> list[Row]:
        if dossier not in self._journals or context is not None:
            fields = ["code", "name", "type", "currency_id", "default_account_id", "bank_acc_number", "active"]
            whole = {**(context or _context(dossier)), "active_test": False}
            self._journals[dossier] = self._rows(dossier, "account.journal", [_of(dossier)], fields, whole)
        return self._journals[dossier]

    def _moves(self, dossier: str, kind: base.EntryKind, domain: list[Any]) -> list[Row]:
        return self._rows(dossier, "account.move", domain, _book(kind).MOVE, _context(dossier))

    def _lines(self, dossier: str, kind: base.EntryKind, moves: Sequence[int]) -> dict[int, list[Row]]:
        """By their entry, in the order in which they were made; headings are no lines."""
        found: dict[int, list[Row]] = {}
        for start in range(0, len(moves), PAGE):
            some = ["move_id", "in", list(moves[start : start + PAGE])]
            shown = ["display_type", "not in", ["line_section", "line_subsection", "line_note"]]
            rows = self._rows(dossier, "account.move.line", [some, shown], _book(kind).LINE, _context(dossier))
            with self._calls.reading():
                for row in rows:
                    found.setdefault(row["move_id"][0], []).append(row)
        return found

    def _rows(self, dossier: str, model: str, domain: list[Any], fields: list[str], context: Row) -> list[Row]:
        """All rows, each page from where the last one ended: what is added meanwhile shifts nothing."""

        def page(after: int) -> tuple[list[Row], int | None]:
            onward = [["id", ">", after]] if after else []
            told = self._wire.read(
                dossier, model, "search_read", domain=[*domain, *onward], fields=fields, limit=PAGE, order="id",
                context=context,
            )  # fmt: skip
            with self._calls.reading():
                rows = [row for row in told if row["id"]]
                return rows, rows[-1]["id"] if len(told) >= PAGE else None

        return paging.all_rows("odoo", 0, page)

    def _known(self, dossier: str, model: str, wanted: Sequence[str]) -> list[str]:
        """Which of the fields this version of Odoo has, and our user may see."""
        missing = [name for name in wanted if name not in self._asked.setdefault(model, {})]
        if missing:
            told = self._wire.read(dossier, model, "fields_get", allfields=missing, attributes=["type"])
            with self._calls.reading():
                self._asked[model] |= {name: name in told for name in missing}
        return [name for name in wanted if self._asked[model][name]]

    def _spoken(self, dossier: str) -> Row:
        """Names in the language of our user: Odoo speaks English unless told otherwise."""
        if not self._language:
            context = self._wire.read(dossier, "res.users", "context_get")
            with self._calls.reading():
                self._language = {"lang": str(context.get("lang") or "en_US")}
        return _context(dossier) | self._language


def _book(kind: base.EntryKind) -> ModuleType:
    """How entries of a kind are written and read: both modules offer the same."""
    return invoices if kind.is_invoice else mapping


def _context(dossier: str) -> Row:
    """Without it, what is asked and made would be that of our user's own company."""
    return {"allowed_company_ids": [int(_number(dossier))]}


def _of(dossier: str, field: str = "company_id") -> list[Any]:
    """A branch has the accounts and journals of the companies above it."""
    return [field, "parent_of", [int(_number(dossier))]]


def _number(dossier: str) -> str:
    if not dossier.isdigit():
        raise Rejected("odoo.company_foreign", status=404)
    return dossier
