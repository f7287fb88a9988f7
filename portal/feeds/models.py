"""Bank feeds: a client's consent at a bank through a provider, its accounts, and what was fetched when."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, TenantRow
from portal.kernel.money import Amount

DEFAULT_HOURS, MOST_HOURS = 12, 24


class State(StrEnum):
    NOT_CONNECTED = "not_connected"  # begun, and nobody came back with a yes
    CONNECTING = "connecting"  # somebody is at the provider
    CONNECTED = "connected"
    ATTENTION = "attention"  # fetching fails; it goes on trying
    CONSENT_ENDED = "consent_ended"
    PAUSED = "paused"  # the firm that linked it was shown out
    REVOKED = "revoked"  # ended by a person, here or at the bank


class Feed(TenantRow, Base):
    """One consent of one client at one bank. A bank linked anew through the same provider keeps its row."""

    __tablename__ = "feeds"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenants.id"], ondelete="CASCADE"),
        # Two first log-ins of one login end as one authorisation: the other one leaves.
        ForeignKeyConstraint(
            ["tenant_id", "authorisation_id"],
            ["authorisations.tenant_id", "authorisations.id"],
            ondelete="SET NULL (authorisation_id)",
        ),
        CheckConstraint(
            "state IN ('not_connected','connecting','connected','attention','consent_ended','paused','revoked')",
            name="state",
        ),
        Index("ix_feeds_link", "provider", "link_hash", postgresql_where=text("link_hash IS NOT NULL")),
        Index("ix_feeds_consent", "consent_ends_at", postgresql_where=text("consent_ends_at IS NOT NULL")),
    )

    provider: Mapped[str]  # key of a feed connector
    environment: Mapped[str]  # key of its manifest's hosts
    sandbox: Mapped[bool] = mapped_column(default=False)  # no real money: marked on every page
    institution: Mapped[str]  # the provider's id of the bank
    institution_name: Mapped[str]
    country: Mapped[str]
    state: Mapped[str] = mapped_column(default=State.NOT_CONNECTED)
    state_code: Mapped[str] = mapped_column(default="")  # why, e.g. "saltedge.consent_expired"
    state_since: Mapped[datetime]
    authorisation_id: Mapped[uuid.UUID | None]  # where the provider logs in by OAuth 2
    customer: Mapped[bytes | None]  # sealed: the provider's id of this client
    link: Mapped[bytes | None]  # sealed: its id of this link
    link_hash: Mapped[bytes | None]  # by which a callback finds it
    offered: Mapped[bytes | None]  # sealed: the link that a callback named while somebody was at the provider
    via_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("tenants.id"))  # the firm through which it was linked
    linked_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    contact_email: Mapped[str] = mapped_column(default="")
    contact_phone: Mapped[str] = mapped_column(default="")
    contact_locale: Mapped[str] = mapped_column(default="")
    consent_ends_at: Mapped[datetime | None]
    consent_since: Mapped[datetime | None]  # when this consent was given, or first seen
    next_refresh_at: Mapped[datetime | None]  # before it the provider refuses to ask the bank
    last_at: Mapped[datetime | None]  # of the last attempt; its outcome:
    last_code: Mapped[str] = mapped_column(default="")
    last_text: Mapped[str] = mapped_column(default="")
    last_request_id: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]
    connected_at: Mapped[datetime | None]


class FeedAccount(TenantRow, Base):
    """An account that a link shows. `cursor` moves in the transaction that stores the lines before it."""

    __tablename__ = "feed_accounts"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "feed_id"], ["feeds.tenant_id", "feeds.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["tenant_id", "bank_account_id"], ["bank_accounts.tenant_id", "bank_accounts.id"]),
        UniqueConstraint("tenant_id", "feed_id", "remote_id", name="uq_feed_accounts_remote"),
        # One feed at a time brings the lines of a bank account.
        Index("uq_feed_accounts_bank", "tenant_id", "bank_account_id", unique=True, postgresql_where=text("ticked")),
        Index("ix_feed_accounts_due", "next_due_at", postgresql_where=text("ticked AND next_due_at IS NOT NULL")),
        Index("ix_feed_accounts_remote", "remote_id"),
        CheckConstraint(f"interval_hours BETWEEN 0 AND {MOST_HOURS}", name="interval"),
        CheckConstraint("NOT ticked OR bank_account_id IS NOT NULL", name="joined"),
    )

    feed_id: Mapped[uuid.UUID]
    remote_id: Mapped[str]
    bank_account_id: Mapped[uuid.UUID | None]
    number: Mapped[str]  # as the provider tells it: IBAN, or the bank's own
    currency: Mapped[str]
    name: Mapped[str] = mapped_column(default="")
    holder: Mapped[str] = mapped_column(default="")
    kind: Mapped[str] = mapped_column(default="")
    available: Mapped[bool] = mapped_column(default=True)
    ticked: Mapped[bool] = mapped_column(default=False)
    interval_hours: Mapped[int] = mapped_column(default=DEFAULT_HOURS)  # 0: only when a person asks
    cursor: Mapped[str] = mapped_column(default="")
    refresh_id: Mapped[str] = mapped_column(default="")  # a fetch at the bank that a person asked for
    refresh_since: Mapped[datetime | None]
    balance: Mapped[Decimal | None] = mapped_column(Amount)
    balance_at: Mapped[datetime | None]
    consent_ends_at: Mapped[datetime | None]
    last_at: Mapped[datetime | None]  # last fetch that worked
    next_due_at: Mapped[datetime | None]
    noticed_at: Mapped[datetime | None]  # the provider said that there is something
    failures: Mapped[int] = mapped_column(default=0)
    fence: Mapped[int] = mapped_column(default=0)  # who may write what a fetch brought
    lease_until: Mapped[datetime | None]
    created_at: Mapped[datetime]


class FeedFetch(TenantRow, Base):
    """One fetch of one account."""

    __tablename__ = "feed_fetches"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "feed_account_id"], ["feed_accounts.tenant_id", "feed_accounts.id"], ondelete="CASCADE"
        ),
        CheckConstraint("state IN ('running','done','failed','stopped')", name="state"),
        Index("ix_feed_fetches_account", "tenant_id", "feed_account_id", "started_at"),
    )

    feed_account_id: Mapped[uuid.UUID]
    state: Mapped[str] = mapped_column(default="running")
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    pages: Mapped[int] = mapped_column(default=0)
    stored: Mapped[int] = mapped_column(default=0)
    known: Mapped[int] = mapped_column(default=0)
    updated: Mapped[int] = mapped_column(default=0)
    pending: Mapped[int] = mapped_column(default=0)
    code: Mapped[str] = mapped_column(default="")
    text: Mapped[str] = mapped_column(default="")
    request_id: Mapped[str] = mapped_column(default="")


class FeedVisit(TenantRow, Base):
    """Somebody was sent to the provider: a one-time state, bound to the browser that was sent."""

    __tablename__ = "feed_visits"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "feed_id"], ["feeds.tenant_id", "feeds.id"], ondelete="CASCADE"),
        Index("uq_feed_visits_state", "tenant_id", "state_hash", unique=True),
        CheckConstraint("purpose IN ('connect','renew')", name="purpose"),
    )

    feed_id: Mapped[uuid.UUID]
    state_hash: Mapped[bytes]
    browser_hash: Mapped[bytes]
    purpose: Mapped[str]
    renewal_link_id: Mapped[uuid.UUID | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class RenewalLink(TenantRow, Base):
    """A mailed link to renew one consent. The link itself is signed and kept nowhere."""

    __tablename__ = "renewal_links"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "feed_id"], ["feeds.tenant_id", "feeds.id"], ondelete="CASCADE"),
        Index("ix_renewal_links_feed", "tenant_id", "feed_id", "created_at"),
    )

    feed_id: Mapped[uuid.UUID]
    user_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    email: Mapped[str]
    created_at: Mapped[datetime]
    created_by: Mapped[uuid.UUID | None]
    expires_at: Mapped[datetime]
    opened_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]  # the consent was renewed


class FeedReminder(TenantRow, Base):
    """That a reminder went out: written in the transaction that writes its mails, and once only."""

    __tablename__ = "feed_reminders"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "feed_id"], ["feeds.tenant_id", "feeds.id"], ondelete="CASCADE"),
        UniqueConstraint("tenant_id", "feed_id", "ends_on", "days_before", name="uq_feed_reminders_day"),
    )

    feed_id: Mapped[uuid.UUID]
    ends_on: Mapped[date]
    days_before: Mapped[int]
    sent_at: Mapped[datetime]
    mails: Mapped[int]


class CalendarLink(TenantRow, Base):
    """A secret address at which a person of the firm reads the consents as a calendar."""

    __tablename__ = "calendar_links"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenants.id"], ondelete="CASCADE"),
        Index("uq_calendar_links_token", "tenant_id", "token_hash", unique=True),
        Index(
            "uq_calendar_links_user", "tenant_id", "user_id", unique=True, postgresql_where=text("revoked_at IS NULL")
        ),
    )

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    token_hash: Mapped[bytes]
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    read_at: Mapped[datetime | None]


class FeedSpan(TenantRow, Base):
    """From when to when an account was linked and its consent alive. The database writes it along with both.

    It outlives the account; a feed of a made-up bank leaves none.
    """

    __tablename__ = "feed_spans"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenants.id"], ondelete="CASCADE"),
        CheckConstraint("stops_on >= starts_on", name="order"),
        Index(
            "uq_feed_spans_open", "tenant_id", "feed_account_id", unique=True, postgresql_where=text("stops_on IS NULL")
        ),
    )

    feed_account_id: Mapped[uuid.UUID]
    provider: Mapped[str]
    number: Mapped[str]
    starts_on: Mapped[date]
    stops_on: Mapped[date | None]  # the first day on which it no longer was
