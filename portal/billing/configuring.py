"""Who sends the bills, and the price list with its dates: a TOML file, loaded from a shell as the schema's owner.

    [seller]
    name = "Koppelpoort BV"        street, postcode, city, country, enterprise_number, vat_number,
    prefix = "KP"                  iban, bic, email, due_days

    [[price]]
    item = "client_account"        # or the accounts of a feed: "ponto_account"
    valid_from = 2026-01-01
    amount = "4.50"                # euro a month, without VAT

    [[vat]]
    country = "BE"
    valid_from = 2026-01-01
    rate = "21"                    # percent

What the file no longer names goes; what it changes in the past is corrected in the next documents.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from portal.billing.models import PriceRow, Seller, VatRate
from portal.billing.rules import CENT, CLIENT_ACCOUNT, Price
from portal.billing.vat import Rate
from portal.connectors import registry
from portal.connectors.files.references import is_iban
from portal.kernel import clock
from portal.kernel.db import Database, uuid7
from portal.tenants.numbers import SCHEME_OF_COUNTRY, holds

ITEMS = frozenset({CLIENT_ACCOUNT, *(f"{feed}_account" for feed in registry.FEEDS)})
TEXTS = ("name", "street", "postcode", "city", "country", "enterprise_number", "vat_number", "iban", "email", "prefix")


class BadPriceList(ValueError):
    """What is wrong with the file, in words for who runs the installation."""


@dataclass(frozen=True, slots=True)
class PriceList:
    seller: Mapping[str, Any]
    prices: tuple[Price, ...]
    rates: tuple[Rate, ...]


def read(text: str) -> PriceList:
    """Raises BadPriceList."""
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise BadPriceList(f"not TOML: {problem}") from None
    if unknown := found.keys() - {"seller", "price", "vat"}:
        raise BadPriceList(f"unknown: {', '.join(sorted(unknown))}")
    prices = tuple(_price(row) for row in found.get("price", []))
    rates = tuple(_rate(row) for row in found.get("vat", []))
    for what, keys in (("price", [(p.item, p.valid_from) for p in prices]),
                       ("VAT rate", [(r.country, r.valid_from) for r in rates])):  # fmt: skip
        if len(keys) != len(set(keys)):
            raise BadPriceList(f"a {what} stands there twice for one day")
    if not prices:
        raise BadPriceList("no price at all")
    return PriceList(_seller(found.get("seller", {})), prices, rates)


def load_as_owner(owner_url: str, listed: PriceList, key: str = "main") -> Seller:
    """As `load`, with a connection of its own as the owner of the schema."""
    database = Database(owner_url, pool_size=1, application="portal-prices")
    try:
        with database.scoped() as session:
            return load(session, listed, key)
    finally:
        database.engine.dispose()


def load(session: Session, listed: PriceList, key: str = "main") -> Seller:
    """Put the list in place of the one there is. The session is the owner's: the application only reads."""
    seller = session.scalars(select(Seller).where(Seller.key == key)).one_or_none()
    if seller is None:
        seller = Seller(id=uuid7(), key=key)
        session.add(seller)
    for name, value in listed.seller.items():
        setattr(seller, name, value)
    seller.changed_at = clock.now()
    session.flush()
    for table in (PriceRow, VatRate):
        session.execute(delete(table).where(table.seller_id == seller.id))
    session.add_all(
        PriceRow(seller_id=seller.id, item=p.item, valid_from=p.valid_from, amount=p.amount) for p in listed.prices
    )
    session.add_all(
        VatRate(seller_id=seller.id, country=r.country, valid_from=r.valid_from, rate=r.rate) for r in listed.rates
    )
    session.flush()
    return seller


def _seller(row: Mapping[str, Any]) -> dict[str, Any]:
    missing = [name for name in TEXTS if not str(row.get(name, "")).strip()]
    if missing:
        raise BadPriceList(f"[seller] lacks {', '.join(missing)}")
    if unknown := row.keys() - {*TEXTS, "bic", "due_days"}:
        raise BadPriceList(f"[seller] does not know {', '.join(sorted(unknown))}")
    made: dict[str, Any] = {name: str(row[name]).strip() for name in TEXTS}
    made |= {"bic": str(row.get("bic", "")).strip(), "due_days": row.get("due_days", 30)}
    made["iban"] = made["iban"].replace(" ", "").upper()
    if made["country"] not in SCHEME_OF_COUNTRY:
        raise BadPriceList(f"[seller] country is one of {', '.join(SCHEME_OF_COUNTRY)}")
    made["enterprise_number"] = "".join(filter(str.isdigit, made["enterprise_number"]))
    if not holds(SCHEME_OF_COUNTRY[made["country"]], made["enterprise_number"]):
        raise BadPriceList(f"[seller] enterprise_number {row['enterprise_number']!r} is none")
    if not is_iban(made["iban"]):
        raise BadPriceList(f"[seller] iban {row['iban']!r} is none")
    if not isinstance(made["due_days"], int) or not 0 <= made["due_days"] <= 120:
        raise BadPriceList("[seller] due_days is a number of days up to 120")
    return made


def _price(row: Mapping[str, Any]) -> Price:
    item, amount = str(row.get("item", "")), _number(row.get("amount"), "amount")
    if item not in ITEMS:
        raise BadPriceList(f"[[price]] item is one of {', '.join(sorted(ITEMS))}, not {item!r}")
    if amount < 0 or amount != amount.quantize(CENT):
        raise BadPriceList(f"[[price]] amount {amount} is no sum in whole cents")
    return Price(item, _day(row), amount.quantize(CENT))


def _rate(row: Mapping[str, Any]) -> Rate:
    country, percent = str(row.get("country", "")), _number(row.get("rate"), "rate")
    if country not in SCHEME_OF_COUNTRY:
        raise BadPriceList(f"[[vat]] country is one of {', '.join(SCHEME_OF_COUNTRY)}, not {country!r}")
    if not 0 <= percent < 100 or percent != percent.quantize(CENT):
        raise BadPriceList(f"[[vat]] rate {percent} is no percentage")
    return Rate(country, _day(row), (percent / 100).quantize(Decimal("0.0001")))


def _number(value: object, name: str) -> Decimal:
    """Written as text or as a whole number; a TOML float has been rounded already."""
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise BadPriceList(f'{name} is written between quotes, as in {name} = "4.50"')
    try:
        return Decimal(value)
    except InvalidOperation:
        raise BadPriceList(f"{name} {value!r} is no number") from None


def _day(row: Mapping[str, Any]) -> date:
    day = row.get("valid_from")
    if type(day) is not date:
        raise BadPriceList("valid_from is a day, as in valid_from = 2026-01-01")
    return day
