"""The HTTP side of Business Central: which address, in which order, and how a batch comes to be posted once."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date

import requests

from portal.connectors import base, ledgers, paging
from portal.connectors.business_central import mapping
from portal.connectors.calls import JSON_BODY, Calls, encode, path_part
from portal.connectors.errors import AlreadyPosted, ConnectorError, Rejected, Temporary, UnexpectedReply
from portal.connectors.values import text
from portal.kernel import clock

KEY = "business_central"
ENVIRONMENTS = "environments/v1.2"
IN_A_BATCH = 100  # requests that a $batch may hold
IN_A_FILTER = 20  # numbers asked for at once, so that an address stays short
PREPARING_SECONDS = 120.0  # after which a batch is not posted any more: others may have taken over
# A copy for reading may lag behind: what was booked must be seen at once.
READS = {"Accept": "application/json", "Prefer": "odata.maxpagesize=5000", "Data-Access-Intent": "ReadWrite"}
GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class Client:
    """See `portal.connectors.base.Bookkeeping` and `Batching`. Keeps the currency of companies while it lives."""

    def __init__(
        self, session: requests.Session, host: str, gate: base.Gate, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._calls = Calls(KEY, session, host, gate, mapping.failure, headers=READS, sleep=sleep)
        self._currencies: dict[str, str] = {}

    # -------------------------------------------------------------------------- master data

    def identity(self) -> base.Identity:
        environments = self._environments()
        with self._calls.reading():
            return mapping.identity(environments)

    def dossiers(self) -> Sequence[base.Dossier]:
        """Of every environment that opens: one that is refused, such as a trial of somebody else's, hides no other."""
        found: list[base.Dossier] = []
        refusal: Rejected | None = None
        for environment in self._environments():
            try:
                found += self._companies(environment)
            except Rejected as refused:
                refusal = refused
        if refusal is not None and not found:
            raise refusal
        return found

    def _companies(self, environment: mapping.Row) -> list[base.Dossier]:
        with self._calls.reading():
            root = f"v2.0/{path_part(KEY, environment['name'])}/api/v2.0"
        companies = self._list("", "companies", f"{root}/companies")
        informations = self._informations(root, companies)
        with self._calls.reading():
            pairs = zip(companies, informations, strict=True)
            return [mapping.dossier(environment, company, told) for company, told in pairs]

    def ledger_accounts(self, dossier: str) -> Sequence[base.LedgerAccount]:
        rows = self._of(dossier, "accounts")
        with self._calls.reading():
            return mapping.ledger_accounts(rows)

    def journals(self, dossier: str) -> Sequence[base.Journal]:
        rows = self._of(dossier, "journals")
        with self._calls.reading():
            return [mapping.journal(row) for row in rows if not mapping.is_ours(row)]

    def vat_codes(self, dossier: str) -> Sequence[base.VatCode]:
        return self._calls.each(mapping.vat_code, self._of(dossier, "vatProductPostingGroups"))

    def relations(self, dossier: str) -> Sequence[base.Relation]:
        """Lines of a journal are read back for ledger accounts only, so none is booked on a customer or vendor."""
        return []

    def periods(self, dossier: str) -> Sequence[base.Period]:
        rows, journals = self._of(dossier, "accountingPeriods"), self.journals(dossier)
        with self._calls.reading():
            return mapping.periods(rows, journals)

    def _environments(self) -> list[mapping.Row]:
        found = self._list("", "environments", ENVIRONMENTS)
        if not found:
            raise Rejected("business_central.no_environment")
        return found

    def _informations(self, root: str, companies: Sequence[mapping.Row]) -> list[mapping.Row | None]:
        """What each company tells of itself, in as few calls as may be; None where it is refused."""
        found: list[mapping.Row | None] = []
        for start in range(0, len(companies), IN_A_BATCH):
            some = companies[start : start + IN_A_BATCH]
            with self._calls.reading():
                body = mapping.information_requests([str(company["id"]) for company in some])
            reply = self._calls.read("", "batch", f"{root}/$batch", method="POST", body=body, headers=JSON_BODY)
            answer = self._calls.json(reply)
            with self._calls.reading(reply):
                for one in mapping.responses(answer, len(some)):
                    refusal = mapping.failure(one)
                    if refusal is not None and not isinstance(refusal, Rejected):
                        raise refusal
                    found.append(None if refusal else self._calls.json(one)["value"][0])
        return found

    # -------------------------------------------------------------------------- entries

    def render(self, entry: base.OutgoingEntry, accounts: Mapping[str, base.LedgerAccount]) -> bytes:
        return mapping.render(entry, accounts)

    def post(self, dossier: str, kind: base.EntryKind, payload: bytes) -> base.RemoteEntry:
        (result,) = self.post_many(dossier, kind, [payload])
        if isinstance(result, ConnectorError):
            raise result
        return result

    def post_many(
        self, dossier: str, kind: base.EntryKind, payloads: Sequence[bytes]
    ) -> Sequence[base.RemoteEntry | ConnectorError]:
        """All in one batch, which is posted as a whole; one by one where the whole is refused.

        What was left behind half-made is thrown away first, so that it can be posted no more; only then is it
        asked what stands in the ledger. README.md goes through every place where this may break off.
        """
        documents = [mapping.document(payload) for payload in payloads]
        with ledgers.preparing(KEY, PREPARING_SECONDS):
            self._clear(dossier, documents)
            known = self._known(dossier, [one.number for one in documents])
        fresh = [one for one in documents if one.number not in known]
        results: dict[str, base.RemoteEntry | ConnectorError] = {number: AlreadyPosted(number) for number in known}
        try:
            if fresh:
                self._book(dossier, fresh)
            results |= {one.number: mapping.posted(one) for one in fresh}
        except Rejected as refused:
            alone = len(fresh) == 1
            results |= {one.number: refused if alone else self._book_alone(dossier, one) for one in fresh}
        if len(documents) > 1:
            results |= self._read_back(
                dossier, [one for one in fresh if not isinstance(results[one.number], Exception)]
            )
        return [results[one.number] for one in documents]

    def _read_back(self, dossier: str, documents: Sequence[mapping.Document]) -> dict[str, base.RemoteEntry]:
        """What stands there now, by number. That it was posted is known, so it does not matter when this fails."""
        journals = {one.number: one.journal for one in documents}
        try:
            found = [entry for some in _portions(list(journals)) for entry in self._booked(dossier, some, "")]
        except ConnectorError:
            return {}
        return {entry.id: replace(entry, journal=journals[entry.id]) for entry in found if entry.id in journals}

    def _book_alone(self, dossier: str, one: mapping.Document) -> base.RemoteEntry | ConnectorError:
        try:
            self._book(dossier, [one])
        except ConnectorError as refused:
            return refused
        return mapping.posted(one)

    def _book(self, dossier: str, documents: Sequence[mapping.Document]) -> None:
        """Make a batch, fill it and post it. A refusal leaves nothing behind; doubt leaves what it left."""
        made: mapping.Row | None = None
        try:
            with ledgers.preparing(KEY, PREPARING_SECONDS):
                made = self._make(dossier, documents)
                self._fill(dossier, made, documents)
        except ConnectorError:
            self._tidy(dossier, made)
            raise
        try:
            address = f"{self._company(dossier)}/journals({made['id']})/Microsoft.NAV.post"
            reply = self._calls.write(dossier, "post", address, b"")
        except Rejected as refused:
            if refused.status == 404:
                raise _taken_over() from None
            self._tidy(dossier, made)
            raise
        if reply.status != 204:
            raise UnexpectedReply("business_central.unreadable", status=reply.status)
        self._tidy(dossier, made)

    def _clear(self, dossier: str, documents: Sequence[mapping.Document]) -> None:
        """Throw away every batch of ours that holds one of these documents, and those that were forgotten."""
        for row in self._own_batches(dossier):
            with self._calls.reading():
                old = mapping.is_old(row, clock.now())
            if old or self._holds(dossier, row, [one.number for one in documents]):
                self._throw_away(dossier, row)

    def _holds(self, dossier: str, row: mapping.Row, numbers: Sequence[str]) -> bool:
        lines = f"journals({_guid(row['id'])})/journalLines"
        return any(self._of(dossier, lines, mapping.any_of("documentNumber", some)) for some in _portions(numbers))

    def _own_batches(self, dossier: str, code: str = "") -> list[mapping.Row]:
        wanted = f"code eq {mapping.literal(code)}" if code else f"startswith(code,{mapping.literal(mapping.OUR_CODE)})"
        rows = self._of(dossier, "journals", wanted)
        with self._calls.reading():
            return [row for row in rows if mapping.is_ours(row)]

    def _make(self, dossier: str, documents: Sequence[mapping.Document]) -> mapping.Row:
        """A new batch. One of the same code is the same documents' own, left behind empty: it makes room."""
        body = mapping.batch(documents)
        try:
            return self._create(dossier, body)
        except Rejected as refused:
            if refused.code != "business_central.duplicate":
                raise
        for row in self._own_batches(dossier, body["code"]):
            self._throw_away(dossier, row)
        return self._create(dossier, body)

    def _create(self, dossier: str, body: Mapping[str, str]) -> mapping.Row:
        address = f"{self._company(dossier)}/journals"
        reply = self._calls.write(dossier, "journals", address, encode(body), headers=JSON_BODY, books=False)
        made: mapping.Row = self._calls.json(reply)
        with self._calls.reading(reply):
            return {"id": _guid(made["id"])}

    def _fill(self, dossier: str, made: mapping.Row, documents: Sequence[mapping.Document]) -> None:
        root, company = self._place(dossier)
        lines = [line for one in documents for line in one.lines]
        for start in range(0, len(lines), IN_A_BATCH):
            some = lines[start : start + IN_A_BATCH]
            reply = self._calls.write(
                dossier, "batch", f"{root}/$batch", mapping.line_requests(company, made["id"], some),
                headers={**JSON_BODY, "Isolation": "snapshot"}, books=False,
            )  # fmt: skip
            answer = self._calls.json(reply)
            with self._calls.reading(reply):
                refusals = [mapping.failure(one) for one in mapping.responses(answer, len(some))]
            # Of a refused $batch all are refused, most of them only because of the one that tells why.
            told = sorted(filter(None, refusals), key=lambda refusal: refusal.status in (424, None))
            if told:
                raise told[0]

    def _throw_away(self, dossier: str, row: mapping.Row) -> None:
        """Delete a batch with its lines. That it is gone already is just as well."""
        address = f"{self._company(dossier)}/journals({_guid(row['id'])})"
        whichever = {"If-Match": "*"}
        try:
            self._calls.write(dossier, "journals", address, b"", method="DELETE", headers=whichever, books=False)
        except Rejected as refused:
            if refused.status != 404:
                raise

    def _tidy(self, dossier: str, made: mapping.Row | None) -> None:
        """What is left is thrown away when the next comes along, if it does not work now."""
        with suppress(ConnectorError):
            if made is not None:
                self._throw_away(dossier, made)

    # -------------------------------------------------------------------------- what is booked

    def find(
        self, dossier: str, kind: base.EntryKind, reference: str, journal: str, on: date
    ) -> Sequence[base.RemoteEntry]:
        """By the number of the document, in the ledger. Lines in a batch are not booked: `post` throws them away."""
        return [entry for entry in self._booked(dossier, [reference], journal) if entry.reference == reference]

    def _booked(self, dossier: str, numbers: Sequence[str], journal: str) -> list[base.RemoteEntry]:
        return self._ledger(dossier, mapping.any_of("documentNumber", numbers), journal)

    def _ledger(self, dossier: str, wanted: str, journal: str) -> list[base.RemoteEntry]:
        rows = self._of(dossier, "generalLedgerEntries", wanted)
        currency = self._currency(dossier) if rows else ""
        with self._calls.reading():
            return mapping.entries(rows, journal, currency)

    def entries(
        self, dossier: str, kind: base.EntryKind, journal: str, since: date, until: date
    ) -> Iterator[base.RemoteEntry]:
        """The ledger does not tell of journals: of all that is booked, what has a number like ours is read."""
        span = f"postingDate ge {mapping.literal(since)} and postingDate le {mapping.literal(until)}"
        yield from self._ledger(
            dossier, f"{span} and startswith(documentNumber,{mapping.literal(mapping.NUMBERS)})", journal
        )

    def _known(self, dossier: str, numbers: Sequence[str]) -> set[str]:
        found = {entry.id for some in _portions(numbers) for entry in self._booked(dossier, some, "")}
        return found & set(numbers)

    def _currency(self, dossier: str) -> str:
        if dossier not in self._currencies:
            rows = self._of(dossier, "companyInformation")
            with self._calls.reading():
                self._currencies[dossier] = text(rows[0]["currencyCode"])
        return self._currencies[dossier]

    # -------------------------------------------------------------------------- calls

    def _place(self, dossier: str) -> tuple[str, str]:
        """(root of the environment, id of the company) of a dossier's code."""
        environment, _, company = dossier.rpartition(".")
        return f"v2.0/{path_part(KEY, environment)}/api/v2.0", _guid(company)

    def _company(self, dossier: str) -> str:
        root, company = self._place(dossier)
        return f"{root}/companies({company})"

    def _of(self, dossier: str, name: str, where: str = "") -> list[mapping.Row]:
        """All rows of a list of a company."""
        endpoint = name.rpartition("/")[2]
        return self._list(dossier, endpoint, f"{self._company(dossier)}/{name}", {"$filter": where} if where else {})

    def _list(
        self, dossier: str, endpoint: str, path: str, query: Mapping[str, str] | None = None
    ) -> list[mapping.Row]:
        return paging.linked(self._calls, dossier, endpoint, path, mapping.page, query)


def _taken_over() -> Temporary:
    """Somebody threw our batch away before it was posted, and so took over."""
    return Temporary("business_central.batch_gone", sent=False, status=404)


def _portions(numbers: Sequence[str]) -> Iterator[Sequence[str]]:
    return (numbers[start : start + IN_A_FILTER] for start in range(0, len(numbers), IN_A_FILTER))


def _guid(told: object) -> str:
    """An id as part of an address. Raises Rejected for what is none."""
    if not isinstance(told, str) or not GUID.fullmatch(told):
        raise Rejected("business_central.not_found")
    return told
