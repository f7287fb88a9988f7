"""Invented content for the component sheet, which shows every component in every state."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from wtforms import BooleanField, Form, IntegerField, PasswordField, RadioField, SelectChoice, SelectField, StringField

from portal.kernel import clock
from portal.shapes import Chip, Event, Paging, Problem, Segment

_TOKENS = Path(__file__).parent / "static" / "css" / "tokens.css"
_TOKEN = re.compile(r"--kp-([a-z0-9-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)")

# text or sign, what it stands on, the contrast WCAG 2.2 AA asks
PAIRS = (
    ("ink", "surface", 4.5),
    ("ink", "bg", 4.5),
    ("ink-2", "surface", 4.5),
    ("ink-2", "bg", 4.5),
    ("ink-2", "sunken", 4.5),
    ("ink-2", "brand-soft", 4.5),
    ("ink-2", "tile", 4.5),
    ("ink-3", "surface", 4.5),
    ("ink-3", "bg", 4.5),
    ("ink-3", "sunken", 4.5),
    ("brand-ink", "surface", 4.5),
    ("brand-ink", "bg", 4.5),
    ("brand-ink", "brand-soft", 4.5),
    ("on-brand", "brand", 4.5),
    ("on-brand", "brand-hover", 4.5),
    ("ok-ink", "surface", 4.5),
    ("ok-ink", "ok-soft", 4.5),
    ("warn-ink", "surface", 4.5),
    ("warn-ink", "warn-soft", 4.5),
    ("stop-ink", "surface", 4.5),
    ("stop-ink", "stop-soft", 4.5),
    ("stop-ink", "sunken", 4.5),
    ("wait-ink", "wait-soft", 4.5),
    ("line-control", "surface", 3.0),
    ("line-control", "bg", 3.0),
    ("ok-fill", "surface", 3.0),
    ("warn-fill", "surface", 3.0),
    ("stop-fill", "surface", 3.0),
    ("wait-fill", "surface", 3.0),
    ("brand", "surface", 3.0),
)


class SampleForm(Form):  # type: ignore[misc]  # wtforms publishes no types
    """One field of each kind, some of them wrong."""

    rhythm = RadioField(
        "How often to book?",
        choices=[SelectChoice("daily", "Daily"), SelectChoice("monthly", "Monthly")],
        default="monthly",
    )
    delay = IntegerField("Waiting time", default=3)
    journal = SelectField(
        "Journal", choices=[SelectChoice("20", "20 KBC business (bank)"), SelectChoice("90", "90 Miscellaneous")]
    )
    ledger = StringField("Ledger account", default="550900")
    start = StringField("From", default="01/05/2026")
    end = StringField("Until")
    password = PasswordField("Password")
    automatic = RadioField(
        "After the waiting time",
        choices=[SelectChoice("1", "Send by itself"), SelectChoice("0", "Prepare, we check")],
        default="1",
    )
    seen = BooleanField("I see that the client’s own login is disconnected")


def tokens() -> Mapping[str, tuple[str, str]]:
    """Name → (light, dark), read from the very style sheet that is served."""
    found = {m[1]: (m[2], m[3]) for m in _TOKEN.finditer(_TOKENS.read_text())}
    return {**found, "on-brand": ("#ffffff", "#ffffff")}


def contrast(one: str, other: str) -> float:
    """The ratio of WCAG 2.2 between two #rrggbb colours, 1 to 21."""

    def light(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def contrasts() -> list[tuple[str, str, float, float, float]]:
    """(colour, ground, ratio in light, ratio in dark, needed) for every pair in use."""
    known = tokens()
    return [
        (a, b, contrast(known[a][0], known[b][0]), contrast(known[a][1], known[b][1]), need) for a, b, need in PAIRS
    ]


def sample() -> dict[str, Any]:
    """The context of `kit.html`, besides the shell."""
    form = SampleForm()
    form.ledger.errors = ["550900 is not in dossier 20417. Choose 550000 or make the account in Exact."]
    now = clock.now()
    return {
        "contrast_rows": contrasts(),
        "form": form,
        "events": _events(now),
        "problems": _problems(now),
        "filters": [
            Chip("All", "?state=", 412, current=True),
            Chip("Stopped", "?state=stopped", 12, tone="stop"),
            Chip("Attention", "?state=attention", 7, tone="warn"),
            Chip("Waiting", "?state=waiting", 6, tone="wait"),
            Chip("My clients", "?assigned=me", 64, icon="person"),
        ],
        "paging": Paging(2, 50, 412),
        "balance": [31200, 30100, 33800, 35900, 34200, 29800, 31500, 36900, 39800, 38200, 35100, 44800, 48213],
        "till": [900, 1240, 640, 1010, 420, 760, 1180, 530, 880, 300, 120, 60, -142],
        "nights": [842, 910, 774, 0, 0, 1104, 968, 1012, 887, 1350, 0, 0, 1190, 1284],
        "board": [
            Segment(12, "stopped", "stop"),
            Segment(7, "attention", "warn"),
            Segment(6, "waiting", "wait"),
            Segment(387, "in order", "okline"),
        ],
        "run": [
            Segment(86, "done", "ok"),
            Segment(4, "failed", "stop"),
            Segment(3, "running", "brand"),
            Segment(27, "queued"),
        ],
        "clients": [
            ("Van den Broeck Bouw BV", "0945217389", "stopped", "consent at Exact ended", 214),
            ("Boulangerie Delmotte SRL", "0938412048", "attention", "bank ends in 4 days", 12),
            ("Hoeve ’t Lindenhof CommV", "0950538434", "wait_approval", "overwriting a coupling", 19),
            ("Kapsalon Lijn & Lok VOF", "0946729106", "active", "", 0),
        ],
    }


def _events(now: datetime) -> list[Event]:
    return [
        Event(now - timedelta(minutes=20), "matched 4 lines of BNP Paribas Fortis.", who="Thomas Dubois"),
        Event(
            now - timedelta(hours=1),
            "Run finished: 12 lines received, 0 twice.",
            link="?run",
            link_label="Show the run",
        ),
        Event(
            now - timedelta(days=1), "Entry booked in Exact Online, read back and the same.", icon="receipt", tone="ok"
        ),
        Event(
            now - timedelta(days=1, minutes=40),
            "Belfius: connected, ends soon.",
            icon="bank",
            tone="warn",
            code="EXP-4",
        ),
        Event(
            datetime(2025, 5, 3, 16, 2, tzinfo=UTC),
            "Exact Online slowed us down. We tried again by ourselves.",
            icon="x-octagon-fill",
            tone="stop",
            code="EXACT-429",
            packet="exact 429 division=1204",
        ),
    ]


def _problems(now: datetime) -> list[Problem]:
    return [
        Problem(
            "period",
            "April 2026 is closed in Exact Online",
            "3 dossiers: Garage Kerkhofs & Zoon BV, Drukkerij Ingels & Zoon NV, Kapsalon Lijn & Lok VOF",
            "firm",
            "Exact refused 11 entries of April because the period is closed. Nothing is half booked. "
            "The 11 entries are ready and go along once at the next attempt.",
            "Somebody of the firm with the right **Close periods** in Exact: Karin Wouters or Jan De Smet.",
            (
                "Open **Financial** in Exact, then **Periods**, and choose **2026-04**.",
                "Set journal 20 to **Open** and save.",
                "Come back and choose **Test**. If it passes we offer the entries again.",
            ),
            test_url="?test",
            retry_url="?retry",
            retry_label="Retry these 3",
            packet="run=5510 code=exact.period_closed request=7c1f2e",
            technical=(("Code", "exact.period_closed"), ("Exact’s answer", "500 Periode is afgesloten: 2026 – 4")),
        ),
        Problem(
            "limit",
            "Exact Online allowed nothing more for a while",
            "1 dossier: Jansen & Postma Installatietechniek B.V.",
            "us",
            "The limit of 60 calls a minute was reached.",
            heals_at=now + timedelta(minutes=6),
            technical=(("Code", "exact.rate_limit"),),
        ),
    ]
