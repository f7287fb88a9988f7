"""One row in every table of a tenant, so that walks and mutants have something to find."""

from __future__ import annotations

import hashlib
import uuid
from datetime import date, timedelta
from decimal import Decimal

from sqlalchemy.orm import Session

from portal.access import Scope
from portal.activity.service import record
from portal.apikeys.models import ApiCall, ApiKey
from portal.approvals.models import Decision, Policy, Task, Version
from portal.archives.models import Archive, ArchivePart, Erasure, Retention
from portal.authorisations.models import Authorisation, CallBudget, LoginState, RefreshAttempt
from portal.couplings.models import Books, Dossier, Preference, VatMapping
from portal.documents.models import Document, DocumentFile, DocumentLine, DocumentVat
from portal.exchange.models import (
    ExchangeEntry,
    ExchangeFile,
    FileAccount,
    FileDossier,
    FileForm,
    FileJournal,
    FileYear,
)
from portal.feeds.models import (
    CalendarLink,
    Feed,
    FeedAccount,
    FeedFetch,
    FeedReminder,
    FeedVisit,
    RenewalLink,
)
from portal.identity.models import User
from portal.identity.sessions import living, start
from portal.kernel import clock
from portal.kernel.db import Database, Setting, uuid7
from portal.kernel.vault import Vault
from portal.ledger.models import (
    AccountAnswer,
    DeletedLine,
    Entry,
    EntryLine,
    Import,
    LearntMapping,
    LineChange,
    LineSource,
    ParkedFile,
    PendingLine,
    Statement,
    StatementLine,
)
from portal.permissions.models import (
    AccountGroup,
    AccountGroupAccount,
    JobRoleRight,
    JobRoleRow,
    LegalEntity,
    MemberGroup,
    MemberJobRole,
)
from portal.reconciliation.models import Match, PartyAccount
from portal.software.models import SoftwareUser, UngroupedTelling
from portal.store.models import AppAccess, Installation
from portal.sync.models import Comparison, CopyList, CopyRow, Posting, Run, RunBatch
from portal.sync.standing import refresh_standing
from portal.team.models import NewcomerList, NewcomerRow
from portal.tenants.models import AccessRequest, Assignment, Membership, Takeover, Tenant
from tests import factories as make
from tests import furnish_billing

PAYLOAD = b'{"a":1}'


def furnish_client(
    db: Database, vault: Vault, client: Tenant, portal: Tenant, member: User, mark: str = ""
) -> dict[str, uuid.UUID]:
    """A client account with work in it; `portal` must have a living grant. Ids by URL argument name.

    `mark` stands in every text, to be recognised where it should not be.
    """
    authorisation = make.make_authorisation(
        db, vault, portal, access="a", refresh="b", name=f"{mark}login {uuid.uuid4().hex[:6]}"
    )
    coupling = make.make_coupling(db, client, authorisation, number=f"{mark}7")
    account = make.make_bank_account(db, client)
    configuration = make.make_configuration(db, coupling, account)
    tenant_id, now, on = client.id, clock.now(), date(2024, 5, 31)
    ids = {
        key: uuid7()
        for key in (
            "import_id", "statement_id", "line_id", "entry_id", "draft_id", "entry_line_id", "posting_id", "run_id",
            "comparison_id", "membership_id", "grant_id", "api_key_id", "document_file_id", "document_id",
            "deleted_id", "parked_id", "match_id", "takeover_id",
        )
    }  # fmt: skip
    with db.scoped(Setting(tenant=tenant_id)) as session:
        common = {"tenant_id": tenant_id}
        session.add(Preference(**common, app="exact", values={"suspense_account": f"{mark}499"}, changed_at=now))
        session.add(Installation(**common, app="odoo", installed_at=now))
        session.add(AppAccess(**common, app="odoo", client_id=tenant_id, allowed=False, changed_at=now))
        session.add(
            Import(**common, id=ids["import_id"], filename=f"{mark}may.xml", size=1, sha256=b"x" * 32, format="camt053",
                   state="stored", stored=2, known=0, created_at=now)
        )  # fmt: skip
        session.flush()
        session.add(
            Statement(**common, id=ids["statement_id"], bank_account_id=account.id, import_id=ids["import_id"],
                      number=f"{mark}5", opening=Decimal("0.00"), closing=Decimal("12.50"),
                      opening_date=date(2024, 5, 1),
                      closing_date=on, first_date=on, last_date=on, line_count=2, new_lines=2, in_order=True,
                      digest=uuid.uuid4().bytes, created_at=now)
        )  # fmt: skip
        for key, state, sequence in (("entry_id", "offered", 0), ("draft_id", "draft", 1)):
            session.add(
                Entry(**common, id=ids[key], configuration_id=configuration.id, coupling_id=coupling.id, kind="bank",
                      reference=f"KP-{uuid.uuid4().hex[:12].upper()}", period_start=date(2024, 5, 1), period_end=on,
                      sequence=sequence, journal="20", bank_ledger_account="550000", date=on, currency="EUR",
                      opening=Decimal("0.00"), closing=Decimal("12.50"), state=state, version=1, created_at=now)
            )  # fmt: skip
        session.flush()
        for position, (line, entry) in enumerate((("line_id", "entry_id"), ("line_2", "draft_id")), 1):
            ids.setdefault(line, uuid7())
            session.add(
                StatementLine(**common, id=ids[line], bank_account_id=account.id, statement_id=ids["statement_id"],
                              position=position, date=on, value_date=on, amount=Decimal("6.25"), description=f"{mark}d",
                              counterparty=f"{mark}c", counterparty_account="", reference="", end_to_end_id="",
                              bank_reference="", transaction_code="", details=None,
                              fingerprint=uuid.uuid4().bytes, entry_id=ids[entry])
            )  # fmt: skip
            session.flush()
            line_id = ids["entry_line_id"] if entry == "draft_id" else uuid7()
            session.add(
                EntryLine(**common, id=line_id, entry_id=ids[entry], statement_line_id=ids[line], position=1, date=on,
                          ledger_account="499000", amount=Decimal("-6.25"), description=f"{mark}d",
                          drafted_account="499000", drafted_description=f"{mark}d")
            )  # fmt: skip
        session.add(
            Posting(**common, id=ids["posting_id"], entry_id=ids["entry_id"], coupling_id=coupling.id,
                    reference=f"KP-{uuid.uuid4().hex[:12].upper()}", payload=PAYLOAD,
                    payload_hash=hashlib.sha256(PAYLOAD).digest(), approved_at=now, state="intent",
                    next_try_at=now + timedelta(days=3650), created_at=now, changed_at=now)
        )  # fmt: skip
        session.add(
            Run(**common, id=ids["run_id"], configuration_id=configuration.id, cause="person", state="done",
                created_at=now, finished_at=now, next_try_at=now)
        )  # fmt: skip
        session.add(
            Comparison(**common, id=ids["comparison_id"], coupling_id=coupling.id, night=clock.today(), compared_at=now,
                       offered=1,
                       booked=0, found=0, missing=0, doubled=0, altered=0)
        )  # fmt: skip
        _document(session, tenant_id, ids, mark)
        session.add(
            VatMapping(**common, coupling_id=coupling.id, side="purchase", category="S", rate=Decimal("0.21"),
                       code=f"{mark}P21", changed_at=now)
        )  # fmt: skip
        session.flush()
        session.add(
            Match(**common, id=ids["match_id"], line_id=ids["line_2"], how="rest", amount=Decimal("1.25"),
                  reasons=[], matched_at=now)
        )  # fmt: skip
        session.add(
            Takeover(**common, id=ids["takeover_id"], email="heir@example.com", client_name=f"{mark}client",
                     firm_name=f"{mark}firm", state="asked", asked_at=now, ends_at=now + timedelta(days=30))
        )  # fmt: skip
        session.add(PartyAccount(**common, account=f"{mark}BE68539007547034", party_key="kbo:0417497106", times=1))
        _sources(session, tenant_id, account.id, ids, mark)
        furnish_billing.managed(session, client, portal)
        session.flush()
        ids |= _furnish_feed(session, client, account.id, mark)
        _questions(session, tenant_id, account.id, ids["parked_id"], mark)
        refresh_standing(session, tenant_id)
        for kind in ("ledger_accounts", "journals", "vat_codes", "periods"):
            session.add(Books(tenant_id=tenant_id, coupling_id=coupling.id, kind=kind, rows=[], fetched_at=now))
        session.add(Membership(**common, id=ids["membership_id"], user_id=member.id, role="reader", created_at=now))
        ids |= _archives(session, tenant_id, "client", mark)
        record(Scope.system(session, tenant_id), "client.created", ("tenant", tenant_id), name=f"{mark}{client.name}")
    ids["grant_id"] = make.make_grant(db, client, make.make_tenant(db, "portal", "Third firm")).id
    with db.scoped(Setting(tenant=tenant_id)) as session:
        theirs = _permissions(session, tenant_id, ids["membership_id"], (tenant_id, account.id), mark)
        theirs |= _software(session, tenant_id, theirs["group_id"], (tenant_id, account.id), mark)
        ids |= {f"client_{name}": key for name, key in theirs.items()}
        ids |= {f"client_{name}": key for name, key in _furnish_files(session, tenant_id, mark).items()}
    ids["client_task_id"] = _approval(db, client, member, mark)
    own = make.make_authorisation(db, vault, client, access="a", refresh="b", name=f"{mark}own {uuid.uuid4().hex[:6]}")
    return ids | {
        "client_authorisation_id": own.id, "client_membership_id": ids["membership_id"],
        "client": tenant_id, "client_id": tenant_id, "coupling_id": coupling.id,
        "bank_account_id": account.id, "account_id": account.id,
        "configuration_id": configuration.id, "portal_authorisation_id": authorisation.id,
    }  # fmt: skip


def _document(session: Session, tenant_id: uuid.UUID, ids: dict[str, uuid.UUID], mark: str) -> None:
    """An invoice of a supplier, handed in by other software."""
    common, now, on = {"tenant_id": tenant_id}, clock.now(), date(2024, 5, 30)
    key_id, file_id, document_id = ids["api_key_id"], ids["document_file_id"], ids["document_id"]
    session.add(
        ApiKey(**common, id=key_id, name=f"{mark}shop", prefix="kp_12345", key_hash=uuid.uuid4().bytes * 2,
               created_at=now)
    )  # fmt: skip
    session.flush()
    session.add(
        ApiCall(**common, api_key_id=key_id, idempotency_key="1", request_hash=b"x" * 32, status=201,
                answer={}, created_at=now)
    )  # fmt: skip
    session.add(
        DocumentFile(**common, id=file_id, filename=f"{mark}invoice.xml", size=1, sha256=b"x" * 32, format="ubl",
                     source="api", state="stored", stored=1, content=b"<Invoice/>", created_at=now, api_key_id=key_id)
    )  # fmt: skip
    session.flush()
    session.add(
        Document(**common, id=document_id, file_id=file_id, direction="purchase", kind="invoice", format="ubl",
                 number=f"{mark}F24", number_key=f"{mark}F24".upper(), issuer_key="kbo:0417497106", date=on,
                 currency="EUR", party_name=f"{mark}s", party_key="kbo:0417497106", party_country="BE",
                 party_vat="BE0417497106", party_enterprise="0417497106", party_iban="", payment_reference="",
                 net=Decimal("10.00"), vat=Decimal("2.10"), gross=Decimal("12.10"), payable=Decimal("12.10"),
                 due=Decimal("-12.10"), content_hash=b"x" * 32, created_at=now)
    )  # fmt: skip
    session.flush()
    session.add(
        DocumentLine(**common, document_id=document_id, position=1, description=f"{mark}d", net=Decimal("10.00"),
                     vat_category="S", vat_rate=Decimal("0.21"))
    )  # fmt: skip
    session.add(
        DocumentVat(**common, document_id=document_id, category="S", rate=Decimal("0.21"), net=Decimal("10.00"),
                    vat=Decimal("2.10"))
    )  # fmt: skip


def _sources(
    session: Session, tenant_id: uuid.UUID, account_id: uuid.UUID, ids: dict[str, uuid.UUID], mark: str
) -> None:
    """Who told a line, what was changed in it, one that was taken out, and one that is announced."""
    common = {"tenant_id": tenant_id, "bank_account_id": account_id}
    now, on = clock.now(), date(2024, 5, 31)
    session.add(
        LineSource(**common, provider="ponto", remote_id=f"{mark}r", line_id=ids["line_id"],
                   statement_id=ids["statement_id"], created_at=now)
    )  # fmt: skip
    session.add(
        PendingLine(**common, provider="ponto", remote_id=f"{mark}p", date=on, amount=Decimal("1.00"),
                    description=f"{mark}d", counterparty=f"{mark}c", counterparty_account="", created_at=now)
    )  # fmt: skip
    session.add(
        LineChange(**common, line_id=ids["line_id"], source="person", changed_name=f"{mark}n", changed_at=now,
                   before={"description": f"{mark}b"}, after={"description": f"{mark}d"}, applied=True)
    )  # fmt: skip
    session.add(
        DeletedLine(**common, id=ids["deleted_id"], statement_id=ids["statement_id"], position=3, date=on,
                    value_date=on, amount=Decimal("3.00"), description=f"{mark}d", counterparty=f"{mark}c",
                    counterparty_account="", reference="", end_to_end_id="", bank_reference="", transaction_code="",
                    fingerprint=uuid.uuid4().bytes, reason=f"{mark}why", deleted_name=f"{mark}n", deleted_at=now)
    )  # fmt: skip


def _furnish_feed(session: Session, client: Tenant, account_id: uuid.UUID, mark: str) -> dict[str, uuid.UUID]:
    """A bank feed with one of everything that hangs on it."""
    now, common = clock.now(), {"tenant_id": client.id}
    ids = {key: uuid7() for key in ("feed_id", "feed_account_id", "renewal_link_id")}
    feed = Feed(
        **common, id=ids["feed_id"], provider="saltedge", environment="live", institution=f"{mark}bank",
        institution_name=f"{mark}Bank", country="BE", state="connected", state_since=now, created_at=now,
    )  # fmt: skip
    session.add(feed)
    session.flush()
    session.add(
        FeedAccount(**common, id=ids["feed_account_id"], feed_id=ids["feed_id"], bank_account_id=account_id,
                    remote_id=f"{mark}{uuid.uuid4().hex}", number=f"{mark}1", currency="EUR", ticked=True,
                    created_at=now)
    )  # fmt: skip
    session.flush()
    feed.state = "paused"  # after a day on which it worked
    session.add(FeedFetch(**common, feed_account_id=ids["feed_account_id"], state="done", started_at=now))
    session.add(
        FeedVisit(**common, feed_id=ids["feed_id"], state_hash=uuid.uuid4().bytes, browser_hash=b"x",
                  purpose="connect", created_at=now, expires_at=now)
    )  # fmt: skip
    session.add(
        RenewalLink(**common, id=ids["renewal_link_id"], feed_id=ids["feed_id"], email=f"{mark}a@example.com",
                    created_at=now, expires_at=now)
    )  # fmt: skip
    session.add(
        FeedReminder(**common, feed_id=ids["feed_id"], ends_on=clock.today(), days_before=30, sent_at=now, mails=1)
    )
    return ids


def furnish_portal(
    db: Database, vault: Vault, portal: Tenant, client: Tenant, user: User, mark: str = ""
) -> dict[str, uuid.UUID]:
    """The firm's own rows."""
    authorisation = make.make_authorisation(
        db, vault, portal, access="a", refresh="b", name=f"{mark}login {uuid.uuid4().hex[:6]}"
    )
    now, ids = clock.now(), {key: uuid7() for key in ("batch_id", "request_id", "membership_id", "dossier_id")}
    with db.scoped() as session:
        start(session, user)
        session.flush()
        session_id = living(session, user.id)[0].id
    with db.scoped(Setting(tenant=portal.id)) as session:
        common = {"tenant_id": portal.id}
        session.add(Preference(**common, app="exact", values={"suspense_account": f"{mark}499"}, changed_at=now))
        session.add(AppAccess(**common, app="odoo", client_id=client.id, allowed=False, changed_at=now))
        session.add(Installation(**common, app="odoo", installed_at=now))
        session.add(RunBatch(**common, id=ids["batch_id"], started_at=now, total=1))
        session.add(
            AccessRequest(**common, id=ids["request_id"], email="asked@example.com", firm_name=portal.name,
                          firm_email=portal.email, role="editor", state="asked", asked_at=now)
        )  # fmt: skip
        session.add(
            Membership(**common, id=ids["membership_id"], user_id=make.make_user(db).id, role="reader", created_at=now)
        )
        session.add(Assignment(**common, client_id=client.id, user_id=user.id))
        session.add(
            Dossier(**common, id=ids["dossier_id"], authorisation_id=authorisation.id, code="1", number="1",
                    name=f"{mark}x",
                    status="active", country="BE", currency="EUR", vat_number="", enterprise_number="", siret="",
                    customer_name="", blocking="", seen_at=now)
        )  # fmt: skip
        session.add(CalendarLink(**common, user_id=user.id, token_hash=uuid.uuid4().bytes, created_at=now))
        session.add(RefreshAttempt(**common, authorisation_id=authorisation.id, generation=1, started_at=now))
        session.add(CallBudget(**common, authorisation_id=authorisation.id, dossier="1", endpoint=""))
        session.add(
            LoginState(**common, state_hash=uuid.uuid4().bytes, session_id=session_id, app="exact", environment="be",
                       authorisation_id=authorisation.id, verifier=b"x", created_at=now, expires_at=now)
        )  # fmt: skip
        session.add(
            LearntMapping(**common, fingerprint=uuid.uuid4().hex, headings=[f"{mark}Dag", "Bedrag"],
                          mapping={"key": "learnt"}, created_at=now)
        )  # fmt: skip
        ids |= _furnish_files(session, portal.id, mark)
        ids |= furnish_billing.billed(session, portal, client, mark)
        ids |= _permissions(session, portal.id, ids["membership_id"], None, mark)
        ids |= _archives(session, portal.id, "portal", mark)
        ids |= list_of_newcomers(session, portal.id, user.id, mark)
        ids |= list_of_copies(session, portal.id, client.id, user.id, mark)
        ids |= _software(session, portal.id, ids["group_id"], None, mark)
        record(Scope.system(session, portal.id, "portal"), "portal.created", ("tenant", portal.id), name=portal.name)
    ids["task_id"] = _approval(db, portal, user, mark)
    return ids | {"portal": portal.id, "authorisation_id": authorisation.id}


def _archives(session: Session, tenant_id: uuid.UUID, kind: str, mark: str) -> dict[str, uuid.UUID]:
    """An archive that can be fetched, chosen periods, and a deletion that was taken back."""
    now, key, common = clock.now(), uuid7(), {"tenant_id": tenant_id}
    session.add(
        Archive(**common, id=key, with_clients=False, state="ready", asked_at=now, asked_name=f"{mark}n",
                next_try_at=now, made_at=now, expires_at=now + timedelta(days=3), files=1, size=1, sha256=b"x" * 32)
    )  # fmt: skip
    session.flush()
    session.add(ArchivePart(**common, archive_id=key, number=0, content=f"{mark}zip".encode()))
    session.add(Retention(**common, original_months=120, trace_days=90, hold=False, changed_at=now))
    due = now + timedelta(days=30)
    session.add(Erasure(**common, kind=kind, state="cancelled", asked_at=now, due_at=due, ended_at=now))
    return {"archive_id": key} if kind == "portal" else {"client_archive_id": key}


def list_of_newcomers(session: Session, portal_id: uuid.UUID, user_id: uuid.UUID, mark: str) -> dict[str, uuid.UUID]:
    """A list of businesses of which one could not be made."""
    now, list_id, common = clock.now(), uuid7(), {"tenant_id": portal_id}
    session.add(
        NewcomerList(**common, id=list_id, asked_at=now, asked_by=user_id, asked_name=f"{mark}n", next_try_at=now,
                     ended_at=now)
    )  # fmt: skip
    session.flush()
    address = dict.fromkeys(("street", "postcode", "city", "billing_email"), "")
    session.add(
        NewcomerRow(**common, list_id=list_id, row=2, name=f"{mark}x", scheme="kbo", enterprise_number="0417497106",
                    state="refused", code="newcomers.gave_up", **address)
    )  # fmt: skip
    return {"list_id": list_id}


def list_of_copies(
    session: Session, portal_id: uuid.UUID, client_id: uuid.UUID, user_id: uuid.UUID, mark: str
) -> dict[str, uuid.UUID]:
    """A configuration that was copied to a client, where it could not be made."""
    now, list_id, common = clock.now(), uuid7(), {"tenant_id": portal_id}
    choices = {"journal": "20", "frequency": "daily"}
    session.add(
        CopyList(**common, id=list_id, client_id=client_id, configuration_id=uuid7(), app="exact", choices=choices,
                 asked_at=now, asked_by=user_id, asked_name=f"{mark}n", next_try_at=now, ended_at=now)
    )  # fmt: skip
    session.flush()
    session.add(
        CopyRow(**common, list_id=list_id, position=0, client_id=client_id, name=f"{mark}x", state="refused",
                reasons=[["copy.gave_up", {}]])
    )  # fmt: skip
    return {"copy_id": list_id}


def _questions(session: Session, tenant_id: uuid.UUID, account: uuid.UUID, parked: uuid.UUID, mark: str) -> None:
    """A table that waits for the meaning of its columns, and what was said about others."""
    now, content = clock.now(), f"Wanneer;{mark}Wat;Hoeveel\n31/05/2024;{mark}d;6,25\n".encode()
    common = {"tenant_id": tenant_id, "created_at": now}
    session.add(
        ParkedFile(**common, id=parked, filename=f"{mark}may.csv", size=len(content), sha256=b"x" * 32,
                   content=content, bank_account_id=account, code="csv.unknown_header",
                   values={"header": f"Wanneer · {mark}Wat · Hoeveel"}, expires_at=now + timedelta(days=7))
    )  # fmt: skip
    session.add(
        LearntMapping(**common, fingerprint=uuid.uuid4().hex, headings=[f"{mark}Dag", "Bedrag"],
                      mapping={"key": "learnt"})
    )  # fmt: skip
    session.add(AccountAnswer(**common, bank_account_id=account, format="qif", day_first=True))


def _furnish_files(session: Session, tenant_id: uuid.UUID, mark: str) -> dict[str, uuid.UUID]:
    """A dossier of an app without a server: an entry in a file, and one that waits for the next."""
    now, on, common = clock.now(), date(2026, 3, 18), {"tenant_id": tenant_id}
    names = ("file_authorisation_id", "file_dossier_id", "file_year_id", "exchange_file_id", "exchange_entry_id")
    ids = {name: uuid7() for name in names}
    authorisation_id, dossier = ids["file_authorisation_id"], {"dossier_id": ids["file_dossier_id"]}
    session.add(
        Authorisation(**common, id=authorisation_id, app="csv", environment="", name=f"{mark}files {uuid.uuid4().hex}",
                      state="active", remote_user_id=authorisation_id.hex, state_since=now, created_at=now)
    )  # fmt: skip
    session.flush()
    session.add(FileForm(**common, authorisation_id=authorisation_id, settings={"separator": "comma"}, changed_at=now))
    session.add(
        FileDossier(**common, id=ids["file_dossier_id"], authorisation_id=authorisation_id, number=f"{mark}F1",
                    name=f"{mark}x", country="FR", currency="EUR", enterprise_number="732829320", last_entry=2,
                    last_file=1, created_at=now)
    )  # fmt: skip
    session.flush()
    session.add(FileAccount(**common, **dossier, code="512100", name=f"{mark}Bank", kind="bank", blocked=False))
    session.add(FileAccount(**common, **dossier, code="471000", name=f"{mark}Open", kind="general", blocked=False))
    session.add(
        FileJournal(**common, **dossier, code="BQ", name=f"{mark}Bank", type="bank", ledger_account="512100",
                    blocked=False)
    )  # fmt: skip
    session.add(
        FileYear(**common, **dossier, id=ids["file_year_id"], starts_on=date(2026, 1, 1), ends_on=date(2026, 12, 31))
    )
    content = f"{mark}bytes".encode()
    session.add(
        ExchangeFile(**common, **dossier, id=ids["exchange_file_id"], number=1, name="F1-0001.csv", content=content,
                     size=len(content), sha256=hashlib.sha256(content).digest(), entries=1, first_on=on, last_on=on,
                     state="made", made_at=now, made_by=f"{mark}n")
    )  # fmt: skip
    session.flush()
    for number, key, file_id in ((1, "exchange_entry_id", ids["exchange_file_id"]), (2, "waiting", None)):
        reference = f"KP-{uuid.uuid4().hex[:12].upper()}"
        payload = (
            f'{{"kind":"bank","reference":"{reference}","journal":"BQ","date":"2026-03-18","currency":"EUR",'
            f'"bank_account":"512100","opening":null,"closing":null,"lines":[{{"date":"2026-03-18","account":"471000",'
            f'"amount":"-6.25","text":"{mark}d"}},{{"date":"2026-03-18","account":"512100","amount":"6.25","text":""}}]}}'
        ).encode()
        session.add(
            ExchangeEntry(**common, **dossier, id=ids.get(key, uuid7()), number=number, reference=reference,
                          kind="bank", journal="BQ", date=on, payload=payload, file_id=file_id, kept_at=now,
                          sha256=hashlib.sha256(payload).digest())
        )  # fmt: skip
    return ids


def _permissions(
    session: Session, tenant_id: uuid.UUID, member: uuid.UUID, account: tuple[uuid.UUID, uuid.UUID] | None, mark: str
) -> dict[str, uuid.UUID]:
    """A legal entity, a job role and an account group, which one person has; `account` is a client's and its own id."""
    now, common = clock.now(), {"tenant_id": tenant_id}
    ids = {key: uuid7() for key in ("legal_entity_id", "job_role_id", "group_id")}
    times = {"created_at": now, "changed_at": now}
    session.add(
        LegalEntity(**common, **times, id=ids["legal_entity_id"], name=f"{mark}Holding", scheme="kbo",
                    enterprise_number="0417497106")
    )  # fmt: skip
    session.add(JobRoleRow(**common, **times, id=ids["job_role_id"], name=f"{mark}Payer"))
    session.flush()
    session.add(
        AccountGroup(**common, **times, id=ids["group_id"], name=f"{mark}Shops", legal_entity_id=ids["legal_entity_id"])
    )
    session.add(
        JobRoleRight(**common, job_role_id=ids["job_role_id"], permission="statements", rights=["view", "approve"])
    )
    session.flush()
    session.add(MemberJobRole(**common, membership_id=member, job_role_id=ids["job_role_id"]))
    session.add(MemberGroup(**common, membership_id=member, group_id=ids["group_id"]))
    if account is not None:
        client_id, account_id = account
        session.add(
            AccountGroupAccount(**common, group_id=ids["group_id"], client_id=client_id, bank_account_id=account_id,
                                added_at=now)
        )  # fmt: skip
    session.flush()
    return ids


def _approval(db: Database, tenant: Tenant, maker: User, mark: str) -> uuid.UUID:
    """A task that waits, on which somebody decided, and the rule that asks for it."""
    now, task_id, common = clock.now(), uuid7(), {"tenant_id": tenant.id}
    other = make.make_user(db, f"{mark}Approver")
    role = "administrator" if tenant.kind == "portal" else "owner"
    with db.scoped(Setting(tenant=tenant.id, user=maker.id)) as session:
        session.add(Membership(**common, user_id=other.id, role=role, created_at=now))
        session.add(Policy(**common, kind="member.role", approvals=2, changed_at=now))
        session.add(
            Task(**common, id=task_id, kind="member.role", permission="users", subject_kind="user", subject_id=maker.id,
                 version=1, needed=2, values={}, created_at=now, expires_at=now + timedelta(days=14))
        )  # fmt: skip
        session.flush()
        session.add(
            Version(**common, task_id=task_id, version=1, payload={"membership_id": str(uuid7()), "role": "reader"},
                    subject_state="x", shown={"name": f"{mark}Somebody", "email": f"{mark}a@example.com"},
                    changes=[], sha256=b"x" * 32, made_by=maker.id, made_name=f"{mark}Maker", made_at=now)
        )  # fmt: skip
    with db.scoped(Setting(tenant=tenant.id, user=other.id)) as session:
        session.add(
            Decision(**common, task_id=task_id, version=1, sha256=b"x" * 32, verdict="approved", user_id=other.id,
                     user_name=f"{mark}Approver", own_work=False, decided_at=now)
        )  # fmt: skip
    return task_id


def _software(
    session: Session, tenant_id: uuid.UUID, group_id: uuid.UUID, account: tuple[uuid.UUID, uuid.UUID] | None, mark: str
) -> dict[str, uuid.UUID]:
    """Software that reads a group, and an account of which somebody was told that it is in none."""
    now, common = clock.now(), {"tenant_id": tenant_id}
    user = User(id=uuid7(), email=f"kp-{uuid.uuid4().hex[:10]}", name=f"{mark}Erp", software=True, password_hash="!",
                password_changed_at=now, created_at=now, totp_confirmed_at=now)  # fmt: skip
    session.add(user)
    session.flush()
    row = Membership(**common, id=uuid7(), user_id=user.id, role="software", created_at=now)
    session.add(row)
    session.flush()
    session.add(SoftwareUser(**common, id=row.id, user_id=user.id, set_up_at=now, created_at=now))
    session.add(MemberGroup(**common, membership_id=row.id, group_id=group_id))
    if account is not None:
        session.add(UngroupedTelling(**common, client_id=account[0], bank_account_id=account[1], told_at=now))
    session.flush()
    return {"software_id": row.id, "software_user": user.id}
