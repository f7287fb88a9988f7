"""How amounts, dates and numbers read in each language, and how typed ones are read back.

Pure: no Flask, no database. The reader's language decides, never the client's country.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel import Locale

LOCALES = ("nl-BE", "nl-NL", "fr-BE", "fr-FR", "en-GB")
DEFAULT_LOCALE = "nl-BE"
DEFAULT_ZONE = "Europe/Brussels"

NBSP = "\u00a0"
NNBSP = "\u202f"
MINUS = "\u2212"

# Digits after the comma by ISO 4217; every other currency has two.
_MINOR_UNITS: Mapping[str, int] = {
    "JPY": 0,
    "KRW": 0,
    "ISK": 0,
    "XOF": 0,
    "XAF": 0,
    "XPF": 0,
    "BHD": 3,
    "JOD": 3,
    "KWD": 3,
    "OMR": 3,
    "TND": 3,
}
MOST_DECIMALS = 5  # ISO 20022 amounts carry no more

# group and decimal sign by language
_SIGNS = {"nl": (".", ","), "fr": (NNBSP, ","), "en": (",", ".")}
# yesterday, today, tomorrow
_NEAR = {
    "nl": ("gisteren", "vandaag", "morgen"),
    "fr": ("hier", "aujourd’hui", "demain"),
    "en": ("yesterday", "today", "tomorrow"),
}


class Unreadable(ValueError):
    """Typed text that cannot be read in one way only.

    `code` is "amount.empty", "amount.not_a_number", "amount.ambiguous", "amount.decimals",
    "date.empty", "date.form", "date.short_year" or "date.no_such_day"; `text` is what was typed.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text!r}")
        self.code = code
        self.text = text


class Formats:
    """Words and figures for one reader: a locale of `LOCALES` and an IANA zone name.

    Raises ValueError for a locale that we do not write, ZoneInfoNotFoundError for an unknown zone.
    """

    def __init__(self, locale: str = DEFAULT_LOCALE, zone: str = DEFAULT_ZONE) -> None:
        if locale not in LOCALES:
            raise ValueError(f"unsupported locale {locale!r}")
        self.locale = locale
        self.language = locale[:2]
        self.zone = ZoneInfo(zone)
        self._group, self._decimal = _SIGNS[self.language]
        self._slash = "-" if locale == "nl-NL" else "/"
        self._babel = Locale.parse(locale, sep="-")

    # ------------------------------------------------------------------ days and hours

    def local(self, at: dt.datetime) -> dt.datetime:
        """`at` on the reader's clock. A naive datetime is a mistake and raises ValueError."""
        if at.tzinfo is None:
            raise ValueError("naive datetime")
        return at.astimezone(self.zone)

    def date(self, day: dt.date | None) -> str:
        """Like "09/03/2026", for nl-NL "09-03-2026"; "" for None. An instant becomes the reader's day."""
        if day is None:
            return ""
        if isinstance(day, dt.datetime):
            day = self.local(day).date()
        return f"{day.day:02d}{self._slash}{day.month:02d}{self._slash}{day.year:04d}"

    def time(self, at: dt.datetime) -> str:
        """Like "06:14", 24 hours."""
        own = self.local(at)
        return f"{own.hour:02d}:{own.minute:02d}"

    def datetime(self, at: dt.datetime | None) -> str:
        """Like "09/03/2026 06:14"; "" for None."""
        return f"{self.date(at)} {self.time(at)}" if at else ""

    def utc(self, at: dt.datetime) -> str:
        """Like "2026-03-09 05:14 UTC", for titles and support."""
        return at.astimezone(ZoneInfo("UTC")).strftime("%Y-%m-%d %H:%M UTC")

    def day(self, day: dt.date, today: dt.date) -> str:
        """Reads "today", "yesterday", "tomorrow"; else "3 May" in today's year, else the full date."""
        if isinstance(day, dt.datetime):
            day = self.local(day).date()
        near = (day - today).days + 1
        if 0 <= near <= 2:
            return _NEAR[self.language][near]
        return self._day_month(day) if day.year == today.year else self.date(day)

    def when(self, at: dt.datetime | None, now: dt.datetime) -> str:
        """Like "today 06:14", "3 May 18:02", "09/03/2025 06:14"; "" for None."""
        return "" if at is None else self.moment(at, self.local(now).date())

    def moment(self, at: dt.datetime, today: dt.date) -> str:
        """The same, where the reader's day is known already."""
        own = self.local(at)
        return f"{self.day(own.date(), today)} {own.hour:02d}:{own.minute:02d}"

    def day_heading(self, day: dt.date, today: dt.date) -> str:
        """Like "Today", "Yesterday, 4 May", "3 May", "03/05/2025": the head of a day in a timeline."""
        near = (day - today).days + 1
        if near == 1:
            return _NEAR[self.language][1].capitalize()
        if near == 0:
            return f"{_NEAR[self.language][0].capitalize()}, {self._day_month(day)}"
        return self._day_month(day) if day.year == today.year else self.date(day)

    def month(self, day: dt.date) -> str:
        """Like "March 2026", "maart 2026", "mars 2026"."""
        return f"{self._babel.months['format']['wide'][day.month]} {day.year}"

    def _day_month(self, day: dt.date) -> str:
        return f"{day.day} {self._babel.months['format']['abbreviated'][day.month]}"

    # ------------------------------------------------------------------ numbers and money

    def number(self, value: int | Decimal) -> str:
        """Like "1.284" with the reader's group sign; decimals as they are. No floats."""
        text = f"{abs(value):,f}" if isinstance(value, Decimal) else f"{abs(value):,}"
        whole, _, decimals = text.partition(".")
        sign = MINUS if value < 0 else ""
        return sign + whole.replace(",", self._group) + (self._decimal + decimals if decimals else "")

    def money(self, amount: Decimal, currency: str = "") -> str:
        """Like "−1.234,50", with a currency code "−1.234,50 EUR".

        At least the decimals of the currency (two when none is given); more when the exact
        amount has more, so that nothing shown is rounded.
        """
        exponent = amount.normalize().as_tuple().exponent
        if not isinstance(exponent, int):
            raise ValueError(f"not an amount: {amount}")
        places = max(_MINOR_UNITS.get(currency, 2), -exponent)
        text = self.number(amount.quantize(Decimal(1).scaleb(-places)))
        return f"{text}{NBSP}{currency}" if currency else text

    def signed(self, amount: Decimal, currency: str = "") -> str:
        """As `money`, with "+" before what came in."""
        return ("+" if amount > 0 else "") + self.money(amount, currency)

    # ------------------------------------------------------------------ numbers of firms and accounts

    @staticmethod
    def enterprise(country: str, number: str) -> str:
        """Like "BE 0945.217.389", "KVK 91827364", "SIREN 912 384 575", by country BE, NL or FR.

        Any other shape comes back as it is: a wrong number must stay visible as it was typed.
        """
        digits = re.sub(r"\D", "", number)
        if country == "BE" and len(digits) in (9, 10):
            d = digits.zfill(10)
            return f"BE{NBSP}{d[:4]}.{d[4:7]}.{d[7:]}"
        if country == "NL" and len(digits) == 8:
            return f"KVK{NBSP}{digits}"
        if country == "FR" and len(digits) == 9:
            return f"SIREN{NBSP}{NBSP.join(digits[i : i + 3] for i in (0, 3, 6))}"
        if country == "FR" and len(digits) == 14:
            return f"SIRET{NBSP}{NBSP.join((digits[:3], digits[3:6], digits[6:9], digits[9:]))}"
        return number

    @staticmethod
    def iban(number: str) -> str:
        """Like "BE19 0014 4718 3012" in fours with no-break spaces; other account numbers unchanged."""
        tight = re.sub(r"\s", "", number).upper()
        if not re.fullmatch(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}", tight):
            return number
        return NBSP.join(tight[i : i + 4] for i in range(0, len(tight), 4))


# ---------------------------------------------------------------------- reading back

_SPACES = f" {NBSP}{NNBSP}'’"
_GROUPED = re.compile(r"\d{1,3}(?:(?P<sep>[.,])\d{3})(?:(?P=sep)\d{3})*")


def parse_amount(text: str) -> Decimal:
    """A typed amount: "1.234,50", "1 234,50", "1,234.50", "1234.5", "−12,00".

    Both signs are understood in every language as long as one reading is possible. "1.234" is
    not: it may be a thousand or a little over one, so it raises Unreadable("amount.ambiguous").
    """
    typed = text.strip().replace(MINUS, "-")
    if not typed:
        raise Unreadable("amount.empty", text)
    sign, body = (typed[0], typed[1:].lstrip()) if typed[0] in "+-" else ("", typed)
    whole, decimals = _split(body, text)
    if len(decimals) > MOST_DECIMALS:
        raise Unreadable("amount.decimals", text)
    return Decimal(f"{'-' if sign == '-' else ''}{whole}.{decimals or '0'}")


def _split(body: str, text: str) -> tuple[str, str]:
    """Digits before and after the decimal sign."""
    spaced = re.fullmatch(rf"\d{{1,3}}(?:[{_SPACES}]\d{{3}})+(?:[.,]\d+)?", body)
    if spaced:
        body = re.sub(rf"[{_SPACES}]", "", body)
        whole, _, decimals = body.replace(",", ".").partition(".")
        return whole, decimals
    if not re.fullmatch(r"[0-9][0-9.,]*", body) or body[-1] in ".,":
        raise Unreadable("amount.not_a_number", text)
    marks = re.sub(r"\d", "", body)
    if not marks:
        return body, ""
    if len(set(marks)) == 1 and len(marks) > 1:
        if not _GROUPED.fullmatch(body):
            raise Unreadable("amount.not_a_number", text)
        return body.replace(marks[0], ""), ""
    whole, _, decimals = body.rpartition(marks[-1])
    if len(marks) == 1:
        if len(decimals) == 3 and len(whole) <= 3 and whole != "0":
            raise Unreadable("amount.ambiguous", text)
        return whole, decimals
    if marks.count(marks[-1]) > 1 or not _GROUPED.fullmatch(whole):
        raise Unreadable("amount.not_a_number", text)
    return whole.replace(marks[0], ""), decimals


def parse_date(text: str) -> dt.date:
    """A typed date: day, month, year with / - or . between, or ISO 2026-03-09.

    Day first in every language we write. A year of two digits is refused
    (Unreadable "date.short_year"), as is a day that does not exist.
    """
    typed = text.strip()
    if not typed:
        raise Unreadable("date.empty", text)
    iso = re.fullmatch(r"(?P<y>[0-9]{4})-(?P<m>[0-9]{2})-(?P<d>[0-9]{2})", typed)
    own = re.fullmatch(r"(?P<d>[0-9]{1,2})(?P<sep>[/.-])(?P<m>[0-9]{1,2})(?P=sep)(?P<y>[0-9]{4}|[0-9]{2})", typed)
    found = iso or own
    if not found:
        raise Unreadable("date.form", text)
    if len(found["y"]) == 2:
        raise Unreadable("date.short_year", text)
    try:
        return dt.date(int(found["y"]), int(found["m"]), int(found["d"]))
    except ValueError:
        raise Unreadable("date.no_such_day", text) from None
