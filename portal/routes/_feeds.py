"""Feeds in words: states, the card of a trouble, what to tell about a provider before choosing it."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime

from flask import g, request, session, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from portal.connectors import registry
from portal.feeds.models import Feed, State
from portal.feeds.opening import manifest_of
from portal.feeds.reading import AccountFeed, FeedView, is_of_sandbox, state_of
from portal.feeds.renewals import days_left
from portal.feeds.wording import EXPLANATIONS
from portal.kernel import clock
from portal.routes import _problems, wording
from portal.routes._access import scope
from portal.shapes import Problem
from portal.templating import formats

# The word of a state, and the key of the symbol that it wears.
WORDS = {
    State.NOT_CONNECTED: (_l("Not connected"), "none"),
    State.CONNECTING: (_l("Connecting"), "running"),
    State.CONNECTED: (_l("Connected"), "active"),
    State.ATTENTION: (_l("Attention"), "attention"),
    State.CONSENT_ENDED: (_l("Consent ended"), "stopped"),
    State.PAUSED: (_l("Paused"), "stopped"),
    State.REVOKED: (_l("Disconnected"), "none"),
}
TROUBLES = (State.ATTENTION, State.CONSENT_ENDED, State.PAUSED)
SOON = 30  # days before the end from which a date is shown as near


@dataclass(frozen=True, slots=True)
class Way:
    """A provider as it is told before choosing: by row of the comparison."""

    key: str
    label: str
    sub: str
    rows: tuple[str, ...]


def word(state: str) -> str:
    return str(WORDS[State(state)][0])


def key(state: str) -> str:
    return WORDS[State(state)][1]


def shown(feed: Feed) -> State:
    return state_of(feed)


def label(provider: str) -> str:
    return manifest_of(provider).label


def left(ends_at: datetime | None) -> int | None:
    return days_left(ends_at, clock.now())


def left_words(ends_at: datetime | None) -> str:
    """How far away a day is."""
    days = left(ends_at)
    if days is None:
        return ""
    if days < 0 or (ends_at is not None and ends_at <= clock.now()):
        return str(_("ended"))
    if days == 0:
        return str(_("today"))
    return str(_("tomorrow")) if days == 1 else str(_("in %(days)s days", days=formats().number(days)))


def left_class(ends_at: datetime | None) -> str:
    days = left(ends_at)
    if days is None or days > SOON:
        return ""
    return "kp-late" if days < 0 else "kp-soon"


HEADS = (
    _l("Costs"), _l("Renewing"), _l("Fetching"), _l("When something is wrong"), _l("First time"), _l("Choose this if"),
)  # fmt: skip


def way(provider: str) -> Way:
    """What is known of a provider, told alike for each."""
    told = {
        "ponto": (
            _("paid, fast support"),
            (
                _("A fixed amount per account and month; the client or the firm pays it to Ponto"),
                _("About every 6 months; the bank gives the date"),
                _("Ponto asks the bank four times a day, at 2, 8, 14 and 20 o'clock"),
                _("Ponto's own helpdesk answers the client"),
                _("The client makes an account at Ponto, with telephone or e-mail"),
                _("statements have to be there every day"),
            ),
        ),
        "saltedge": (
            _("free, renew often"),
            (
                _("None"),
                _("About every 3 to 6 months; the bank gives the date"),
                _("Once or a few times a day; the bank decides"),
                _("We ask for you; an answer may take some days"),
                _("The client confirms telephone or e-mail here"),
                _("the account moves little, and costs count"),
            ),
        ),
    }
    sub, rows = told.get(provider, ("", ("–",) * len(HEADS)))
    return Way(provider, label(provider), sub, rows)


def problem(view: FeedView) -> Problem | None:
    """The card of what is wrong with a feed; None when nothing is."""
    feed = view.feed
    failing = next((one for one in view.ticked if one.row.failures and one.row.next_due_at), None)
    code = (feed.state_code or f"feed.{feed.state}") if feed.state in TROUBLES else ""
    if not code and failing is not None:
        code = feed.last_code
    if not code:
        return None
    told = explained(feed, code)
    retries = feed.state in (State.CONNECTED, State.ATTENTION)
    return _problems.problem(
        told,
        rows_words(view),
        provider_text=feed.last_text,
        at=feed.last_at or feed.state_since,
        heals_at=view.next_due_at if retries else None,
        about=about(feed) | ({} if told == code else {"provider_code": code}),
        package=label(feed.provider),
        key="feed",
    )


def explained(feed: Feed, code: str) -> str:
    """The code itself where somebody explained it, else that of the state it led to."""
    known = registry.explain(code) or EXPLANATIONS.get(code) or code.startswith("authorisation.")
    return code if known else f"feed.{feed.state if feed.state in TROUBLES else State.ATTENTION}"


def rows_words(view: FeedView) -> str:
    fmt = formats()
    return ", ".join(fmt.iban(one.row.number) for one in view.ticked) or view.feed.institution_name


def about(feed: Feed) -> dict[str, str]:
    """What support asks for; no secrets."""
    return {
        "provider": feed.provider,
        "bank": feed.institution_name,
        "feed": str(feed.id),
        "request_id": feed.last_request_id,
        "state": feed.state,
        "consent_ends": feed.consent_ends_at.isoformat(timespec="seconds") if feed.consent_ends_at else "",
    }


def packet(feed: Feed) -> str:
    """One line to copy into a question to support."""
    facts = {"code": feed.state_code or feed.last_code, **about(feed), "at": str(feed.last_at or "")}
    return " ".join(f"{name}={value}" for name, value in facts.items() if value)


def reason(one: AccountFeed) -> str:
    """Why an account is not in order, in few words; "" when it is."""
    return _problems.title(explained(one.feed, one.code)) if one.code else ""


def code_words(feed: Feed, code: str) -> str:
    """The few words for a code, for a row of what was fetched."""
    return _problems.title(explained(feed, code)) if code else ""


def browser() -> str:
    """A secret of this browser, by which a person who comes back from a provider is known again."""
    kept: str = session.setdefault("browser", secrets.token_urlsafe(24))
    return kept


def iban_end(number: str) -> str:
    """An account number for readers who are not signed in: enough to recognise one's own."""
    return f"{number[:2]} … {number[-4:]}"


def feed_url(feed_id: uuid.UUID, endpoint: str = "show") -> str:
    return url_for(f"feeds.{endpoint}", client=scope().tenant_id, feed_id=feed_id)


def told(code: str, values: dict[str, object]) -> str:
    """A refusal in words; moments as the reader writes them, and the provider's own code behind it."""
    fmt = formats()
    filled = {name: fmt.when(value, clock.now()) if isinstance(value, datetime) else value
              for name, value in values.items()}  # fmt: skip
    told = wording.of_error(code, filled).strip()
    reason = str(values.get("reason") or "")
    return f"{told} ({reason})" if reason else told


def sandbox_here() -> bool:
    """Whether this page is of a bank account, a feed or a line that no real bank is behind."""
    where = g.get("scope")
    if where is None or where.kind != "client" or g.get("error_page"):
        return False
    named = request.view_args or {}
    return any(
        is_of_sandbox(where.session, where.tenant_id, named[name])
        for name in ("feed_id", "account_id", "statement_id", "line_id")
        if name in named
    )
