"""General-journal batches: made, filled and posted. What is not posted is in no books."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any

from sandbox.business_central.odata import Json, Wrong
from sandbox.packages.books import Entry, Line, Refusal, cents
from sandbox.packages.core import Stand

BATCH, LINE = "batch", "line"  # what is kept, by company and by batch
CODE_LENGTH, NAME_LENGTH, NUMBER_LENGTH, TEXT_LENGTH = 10, 50, 20, 100
CLOSED = (
    "Posting Date is not within your range of allowed posting dates in Gen. Journal Line Journal Template "
    "Name='GENERAL',Journal Batch Name='{batch}',Line No.='10000'."
)
REFUSALS = {
    "no_lines": "There is nothing to post because the journal does not contain a quantity or amount.",
    "account_blocked": "Blocked must be equal to 'No' in G/L Account: No.={account}. Current value is 'Yes'.",
}


def all_of(stand: Stand, company: str, dossier: int) -> list[Json]:
    """Those that people made, then ours."""
    own = [{"id": row["id"], "code": row["code"], "displayName": row["name"]} for row in stand.books.journals(dossier)]
    return own + list(stand.kept(BATCH, company).values())


def shown(batch: Json) -> Json:
    return {
        "id": batch["id"], "code": batch["code"], "displayName": batch["displayName"],
        "templateDisplayName": "GENERAL", "lastModifiedDateTime": batch.get("made", "2026-01-01T00:00:00.000Z"),
        "balancingAccountId": "00000000-0000-0000-0000-000000000000", "balancingAccountNumber": "",
    }  # fmt: skip


def get(stand: Stand, company: str, dossier: int, id: str) -> Json:
    found = next((one for one in all_of(stand, company, dossier) if one["id"] == id), None)
    if found is None:
        raise Wrong(404, "BadRequest_ResourceNotFound", f"The journal {id} does not exist.")
    return found


def make(stand: Stand, company: str, dossier: int, sent: Json) -> Json:
    code, name = str(sent.get("code", "")).upper(), str(sent.get("displayName", ""))
    if not code or set(sent) - {"code", "displayName"}:
        raise Wrong(400, "BadRequest", "The property is not declared for the type journal.")
    _bounded("code", code, CODE_LENGTH)
    _bounded("displayName", name, NAME_LENGTH)
    with stand.store.transaction():
        if any(one["code"] == code for one in all_of(stand, company, dossier)):
            raise Wrong(400, "Internal_EntityWithSameKeyExists", "The record already exists.")
        id = str(uuid.uuid4())
        now = stand.clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        made = {"id": id, "code": code, "displayName": name, "made": now}
        stand.keep(BATCH, company, id, made)
    return shown(made)


def remove(stand: Stand, company: str, id: str) -> None:
    """With its lines."""
    with stand.store.transaction():
        stand.forget(BATCH, company, id)
        stand.forget(LINE, id)


def lines(stand: Stand, batch: Json) -> list[Json]:
    return list(stand.kept(LINE, batch["id"]).values())


TAKEN = {"accountNumber", "postingDate", "documentNumber", "externalDocumentNumber", "amount", "description", "comment"}


def add_line(stand: Stand, dossier: int, batch: Json, sent: Json) -> Json:
    if set(sent) - TAKEN:
        raise Wrong(400, "BadRequest", f"The property '{min(set(sent) - TAKEN)}' is not declared for journalLine.")
    account = stand.books.by_code("accounts", dossier, str(sent.get("accountNumber", "")))
    if account is None:
        raise Wrong(
            400, "Internal_InvalidTableRelation",
            f"The field Account No. of table Gen. Journal Line contains a value ({sent.get('accountNumber')}) that "
            "cannot be found in the related table (G/L Account).",
        )  # fmt: skip
    _bounded("documentNumber", str(sent.get("documentNumber", "")), NUMBER_LENGTH)
    _bounded("description", str(sent.get("description", "")), TEXT_LENGTH)
    number = stand.store.next_number(f"line/{batch['id']}")
    line = {
        "id": str(uuid.uuid4()), "journalId": batch["id"], "journalDisplayName": batch["code"],
        "lineNumber": 10_000 * number, "accountType": "G/L Account", "accountId": account["id"],
        "accountNumber": account["code"], "postingDate": _day(sent.get("postingDate")),
        "documentNumber": str(sent.get("documentNumber", "")), "externalDocumentNumber": "",
        "amount": _amount(sent.get("amount")), "description": str(sent.get("description", "")), "comment": "",
        "lastModifiedDateTime": "2026-01-01T00:00:00.000Z",
    }  # fmt: skip
    stand.keep(LINE, batch["id"], line["id"], line)
    return line


def post(stand: Stand, dossier: int, batch: Json) -> None:
    """Every document of the batch, or none. The batch stays, empty."""
    documents: dict[tuple[str, str], list[Json]] = {}
    held = lines(stand, batch)
    for line in held:
        documents.setdefault((line["documentNumber"], line["postingDate"]), []).append(line)
    with stand.store.transaction():
        try:
            if not documents:
                raise Refusal("no_lines")
            with stand.books.together():
                _book_all(stand, dossier, held, documents)
        except Refusal as refused:
            raise Wrong(400, "Application_DialogException", _words(refused, batch)) from None
        stand.forget(LINE, batch["id"])


def _book_all(stand: Stand, dossier: int, lines: list[Json], documents: dict[tuple[str, str], list[Json]]) -> None:
    for (number, day), own in documents.items():
        if difference := sum(cents(str(line["amount"])) for line in own):
            raise Refusal("unbalanced", number=number, day=day, difference=str(difference / 100))
    for number in dict.fromkeys(number for number, _ in documents):
        own = [line for line in lines if line["documentNumber"] == number]
        booked = [
            Line(
                line["accountNumber"], cents(str(line["amount"])), line["description"],
                on=date.fromisoformat(line["postingDate"]),
            )
            for line in own
        ]  # fmt: skip
        last = max(date.fromisoformat(line["postingDate"]) for line in own)
        stand.books.book(dossier, Entry("90", last, booked, reference=number))


def _words(refused: Refusal, batch: Json) -> str:
    if refused.code in ("period_closed", "no_period"):
        return CLOSED.format(batch=batch["code"])
    if refused.code == "unbalanced":
        return "Document No. {number} is out of balance by {difference} on {day}.".format(**refused.values)
    return REFUSALS[refused.code].format(**refused.values)


def _bounded(field: str, value: str, most: int) -> None:
    if len(value) > most:
        words = f"The length of the string is {len(value)}, but it must be less than or equal to {most} characters."
        raise Wrong(400, "Application_StringExceededLength", f"{field}: {words}")


def _day(value: Any) -> str:
    try:
        return date.fromisoformat(str(value)).isoformat()
    except ValueError:
        raise Wrong(400, "BadRequest", "Cannot convert the literal to the expected type 'Edm.Date'.") from None


def _amount(value: Any) -> float | int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Wrong(400, "BadRequest", "Cannot convert the literal to the expected type 'Edm.Decimal'.")
    return value
