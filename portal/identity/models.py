"""People: who they are, how they prove it, and where they are signed in. Not tenant rows."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, uuid7

LOCALES = ("nl-BE", "nl-NL", "fr-BE", "fr-FR", "en-GB")


class User(Base):
    __tablename__ = "users"
    __table_args__ = (
        Index("uq_users_email", text("lower(email)"), unique=True),
        CheckConstraint("locale IN ('nl-BE','nl-NL','fr-BE','fr-FR','en-GB')", name="locale"),
        CheckConstraint("theme IN ('light','dark','system')", name="theme"),
        CheckConstraint("software = (position('@' IN email) = 0)", name="software"),
        CheckConstraint("NOT software OR email_verified_at IS NULL", name="software_address"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid7)
    email: Mapped[str]  # of software: its user code, which has no "@"
    name: Mapped[str]
    # Accounting software with a user code: for good, the database sees to that.
    software: Mapped[bool] = mapped_column(default=False, server_default="false")
    password_hash: Mapped[str]
    locale: Mapped[str] = mapped_column(default="nl-BE")
    theme: Mapped[str] = mapped_column(default="system")
    single_keys: Mapped[bool] = mapped_column(default=True)
    email_verified_at: Mapped[datetime | None]
    totp_secret: Mapped[bytes | None]  # sealed
    totp_confirmed_at: Mapped[datetime | None]
    totp_last_step: Mapped[int | None]  # a code works once (ASVS 6.5.1)
    password_changed_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class UserSession(Base):
    """A browser that is signed in. The cookie holds a random token; this row its SHA-256."""

    __tablename__ = "user_sessions"
    __table_args__ = (
        Index("uq_user_sessions_token_hash", "token_hash", unique=True),
        Index("ix_user_sessions_user_id", "user_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid7)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    token_hash: Mapped[bytes]
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    # The password was right; with a second factor set, the session counts only after that too.
    second_factor_at: Mapped[datetime | None]
    confirmed_at: Mapped[datetime]  # last time the password was given, for re-authentication
    revoked_at: Mapped[datetime | None]
    address: Mapped[str] = mapped_column(default="")
    agent: Mapped[str] = mapped_column(default="")


class RecoveryCode(Base):
    __tablename__ = "recovery_codes"
    __table_args__ = (Index("ix_recovery_codes_user_id", "user_id"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid7)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    code_hash: Mapped[bytes]
    used_at: Mapped[datetime | None]


class SignIn(Base):
    """Somebody tried to be this person, and whether that was accepted (ASVS 16.3.1)."""

    __tablename__ = "sign_ins"
    __table_args__ = (
        Index("ix_sign_ins_user_id_at", "user_id", "at"),
        CheckConstraint("method IN ('password','code','recovery_code','passkey')", name="method"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid7)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    at: Mapped[datetime]
    method: Mapped[str]
    accepted: Mapped[bool]
    address: Mapped[str] = mapped_column(default="")
    agent: Mapped[str] = mapped_column(default="")


class Passkey(Base):
    """The public half of a key in somebody's device."""

    __tablename__ = "passkeys"
    __table_args__ = (
        Index("uq_passkeys_credential_id", "credential_id", unique=True),
        Index("ix_passkeys_user_id", "user_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid7)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    credential_id: Mapped[bytes]
    public_key: Mapped[bytes]
    sign_count: Mapped[int]
    name: Mapped[str]
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]


class PasskeyChallenge(Base):
    """A question to a device that waits for its answer; `user_id` None: whoever signs in."""

    __tablename__ = "passkey_challenges"

    challenge_hash: Mapped[bytes] = mapped_column(primary_key=True)
    user_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    expires_at: Mapped[datetime]


class OneTimeToken(Base):
    """A link in a mail: verify an address, reset a password. Works once, and not for long."""

    __tablename__ = "one_time_tokens"
    __table_args__ = (
        Index("uq_one_time_tokens_token_hash", "token_hash", unique=True),
        CheckConstraint("purpose IN ('verify_email','reset_password','verify_portal')", name="purpose"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid7)
    purpose: Mapped[str]
    token_hash: Mapped[bytes]
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    tenant_ref: Mapped[uuid.UUID | None]  # the portal whose address is proved
    email: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
