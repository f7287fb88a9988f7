"""Divisions, users and apps, made the same way each time: by the control API and as the demo."""

from __future__ import annotations

import json
import uuid
from calendar import monthrange
from datetime import UTC, date, datetime
from typing import Any

from sandbox.clock import Clock
from sandbox.exact import demo_data, wire
from sandbox.exact.charts import CHARTS
from sandbox.exact.oauth import normal_id
from sandbox.oauth import hashed
from sandbox.store import Store

FIRST_YEAR, LAST_YEAR = 2024, 2027
LANGUAGES = {"be": "NL-BE", "nl": "NL-NL", "fr": "FR-FR"}
_SPACE = uuid.UUID("5a6b0c4e-3a53-4f0e-9b5e-1f0d5c1f7a10")
_EPOCH = int(datetime(2024, 1, 2, 8, tzinfo=UTC).timestamp() * 1000)


def fixed_guid(*parts: str | int) -> str:
    """The same parts give the same GUID, in every sandbox."""
    return str(uuid.uuid5(_SPACE, "/".join(map(str, parts))))


def add_app(
    store: Store, client_id: str, name: str, secret: str, redirect_uris: list[str], *, published: bool = False,
    scopes: list[str] | None = None,
) -> None:  # fmt: skip
    """Register an app, or register it anew. A redirect URI that ends in `*` matches by prefix."""
    store.run(
        "INSERT OR REPLACE INTO apps (client_id, name, secret_hash, redirect_uris, published, scopes) VALUES (?, ?, "
        "?, ?, ?, ?)",
        (
            normal_id(client_id), name, hashed(secret), json.dumps(redirect_uris), int(published),
            None if scopes is None else json.dumps(scopes),
        ),
    )  # fmt: skip


def add_user(store: Store, spec: dict[str, Any]) -> str:
    """`spec`: login, name; optional environment, password, email, language, company, licence, role, divisions.

    A role is firm (all divisions of the licence), client (those in `divisions`), portal (may not book)
    or none. Returns the UserID.
    """
    environment, login = spec.get("environment", "nl"), spec["login"]
    user = fixed_guid("user", environment, login)
    divisions = list(spec.get("divisions", []))
    with store.transaction():
        store.run("DELETE FROM users WHERE UserID = ?", (user,))
        store.insert(
            "users", UserID=user, environment=environment, login=login, password_hash=hashed(spec.get("password",
            "demo")),
            FullName=spec.get("name", login), Email=spec.get("email", f"{login}@example.test"),
            Language=spec.get("language", LANGUAGES.get(environment, "EN-US")),
            company=spec.get("company", "Peeters Lambrechts"), licence=spec.get("licence", "peeters-lambrechts"),
            role=spec.get("role", "firm"), CurrentDivision=spec.get("current") or (divisions[0] if divisions else None),
        )  # fmt: skip
        store.run("DELETE FROM rights WHERE user = ?", (user,))
        store.insert_many("rights", [{"user": user, "division": code} for code in divisions])
    return user


def add_division(store: Store, spec: dict[str, Any]) -> int:
    """A division with chart, journals, VAT codes and periods; needs `code` and `name`. Returns the code.

    Optional: environment, country (BE, NL, FR), licence, status (0 inactive, 1 active, 2 archived),
    blocking, hid, vat_number, enterprise_number, siret, city, postcode, address, email, main, practice,
    iban. Raises ValueError.
    """
    code, country = int(spec["code"]), str(spec.get("country", "NL")).upper()
    if country not in CHARTS:
        raise ValueError(f"unknown country: {country}")
    if store.one("SELECT 1 FROM divisions WHERE Code = ?", (code,)):
        raise ValueError(f"division {code} exists")
    status = int(spec.get("status", 1))
    with store.transaction():
        store.insert(
            "divisions", Code=code, environment=spec.get("environment", "nl"), licence=spec.get("licence",
            "peeters-lambrechts"),
            Hid=int(spec.get("hid", code % 100_000)), Description=str(spec["name"]), Country=country,
            VATNumber=spec.get("vat_number"), ChamberOfCommerceNumber=spec.get("enterprise_number"),
            ChamberOfCommerceEstablishment=spec.get("establishment"), SiretNumber=spec.get("siret"),
            Customer=fixed_guid("customer", code), CustomerCode=str(code % 100_000).rjust(18),
            CustomerName=str(spec["name"]),
            Status=status, BlockingStatus=int(spec.get("blocking", 0)),
            ArchiveDate=wire.day_ms(date(2026, 3, 31)) if status == 2 else None, IsMainDivision=int(spec.get("main",
            False)),
            IsPracticeDivision=int(spec.get("practice", False)), IsDossierDivision=int(not spec.get("practice", False)),
            AddressLine1=spec.get("address"), Postcode=spec.get("postcode"), City=spec.get("city"),
            Email=spec.get("email"),
            StartDate=wire.day_ms(date(FIRST_YEAR, 1, 1)), Created=_EPOCH, Modified=_EPOCH,
        )  # fmt: skip
        _fill(store, code, country, spec.get("iban"))
    return code


def _fill(store: Store, division: int, country: str, iban: str | None) -> None:
    """The books of an empty company."""
    chart = CHARTS[country]
    stamps = {"Division": division, "Created": _EPOCH, "Modified": _EPOCH}
    guid = {code: fixed_guid(division, "gl", code) for code, _, _ in chart.accounts}
    first = store.next_number("timestamp", len(chart.accounts))
    store.insert_many("gl_accounts", [
        stamps | {
            "ID": guid[code], "Code": code, "Description": name, "Type": kind,
            "BalanceSide": "C" if kind in (22, 110) else "D", "BalanceType": "W" if chart.is_result(code) else "B",
            "Timestamp": first + index,
        }
        for index, (code, kind, name) in enumerate(chart.accounts)
    ])  # fmt: skip
    store.insert_many("journals", [
        stamps | {
            "ID": fixed_guid(division, "journal", code), "Code": code, "Type": kind, "Description": name,
            "GLAccount": guid[account], "AllowVAT": int(kind in (20, 21, 22, 23)),
            "BankAccountIBAN": iban if code == "20" else None, "BankName": name if kind == 12 else None,
        }
        for code, kind, name, account in chart.journals
    ])  # fmt: skip
    store.insert_many("vat_codes", [
        stamps | {
            "ID": fixed_guid(division, "vat", code), "Code": code, "Percentage": fraction, "Description": name,
            "GLToPay": guid[to_pay], "GLToClaim": guid[to_claim],
        }
        for code, fraction, name, to_pay, to_claim in chart.vat
    ])  # fmt: skip
    store.insert_many("periods", [
        stamps | {
            "ID": fixed_guid(division, "period", year, month), "FinYear": year, "FinPeriod": month,
            "StartDate": wire.day_ms(date(year, month, 1)), "EndDate": wire.day_ms(date(year, month, monthrange(year,
            month)[1])),
        }
        for year in range(FIRST_YEAR, LAST_YEAR + 1)
        for month in range(1, 13)
    ])  # fmt: skip


def close_period(
    store: Store, division: int, year: int, period: int, journal: str | None = None, *, closed: bool = True
) -> int:
    """Close or open a period, for one journal or all. Returns how many journals changed."""
    journals = [
        row["Code"] for row in store.all("SELECT Code FROM journals WHERE Division = ?", (division,))
        if journal in (None, row["Code"])
    ]  # fmt: skip
    sql = (
        "INSERT OR IGNORE INTO closed_periods VALUES (?, ?, ?, ?)"
        if closed
        else "DELETE FROM closed_periods WHERE Division = ? AND Journal = ? AND Year = ? AND Period = ?"
    )
    with store.transaction():
        return sum(store.run(sql, (division, code, year, period)) for code in journals)


def demo(store: Store, clock: Clock) -> bool:
    """Fill an empty sandbox with the demo firm; False when it holds divisions already."""
    if store.one("SELECT 1 FROM divisions"):
        return False
    with store.transaction():
        for spec in demo_data.divisions():
            add_division(store, spec)
            for year, period in spec.get("closed", ()):
                close_period(store, spec["code"], year, period)
        for user in demo_data.users():
            add_user(store, user)
        for app in demo_data.APPS:
            add_app(store, **app)
    clock.real()
    return True
