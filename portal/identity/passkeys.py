"""Passkeys (WebAuthn level 3): a key in a device that proves both whom it belongs to and that they are there.

The device asks for a finger, a face or a code itself (user verification is required), so a
passkey stands for password and second factor together. A challenge works once, for five minutes.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import webauthn
from sqlalchemy import delete, select
from sqlalchemy.orm import Session
from webauthn.helpers import base64url_to_bytes, options_to_json_dict
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from portal.identity.models import Passkey, PasskeyChallenge, User
from portal.kernel import clock
from portal.kernel.db import uuid7
from portal.kernel.errors import Conflict, Invalid, NotFound

VALID_FOR = timedelta(minutes=5)
MOST = 20  # of one person
NAME = "Koppelpoort"


@dataclass(frozen=True, slots=True)
class Place:
    """Where passkeys count: the host they are bound to, and the origin that browsers must report."""

    host: str
    origin: str

    @classmethod
    def of(cls, base_url: str) -> Place:
        """An address in figures cannot have passkeys; on a developer's machine its name can."""
        parts = urlsplit(base_url)
        host = parts.hostname or ""
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return cls(host, f"{parts.scheme}://{parts.netloc}")
        return cls("localhost", f"{parts.scheme}://localhost" + (f":{parts.port}" if parts.port else ""))


def of_person(session: Session, user_id: uuid.UUID) -> Sequence[Passkey]:
    return session.scalars(select(Passkey).where(Passkey.user_id == user_id).order_by(Passkey.created_at)).all()


def begin_registering(session: Session, place: Place, user: User) -> dict[str, Any]:
    """What the browser needs to make a passkey, as JSON. Raises Conflict("passkey.many")."""
    known = of_person(session, user.id)
    if len(known) >= MOST:
        raise Conflict("passkey.many", most=MOST)
    options = webauthn.generate_registration_options(
        rp_id=place.host,
        rp_name=NAME,
        user_id=user.id.bytes,
        user_name=user.email,
        user_display_name=user.name,
        exclude_credentials=[PublicKeyCredentialDescriptor(id=row.credential_id) for row in known],
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
    )
    _keep(session, options.challenge, user.id)
    return options_to_json_dict(options)


def register(session: Session, place: Place, user: User, answer: str, name: str) -> Passkey:
    """Keep the public half. Raises Invalid("passkey.refused")."""
    challenge = _spend(session, answer, user.id)
    try:
        made = webauthn.verify_registration_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=place.host,
            expected_origin=place.origin,
            require_user_verification=True,
        )
    except WebAuthnException as problem:
        raise Invalid("passkey.refused") from problem
    if session.scalar(select(Passkey.id).where(Passkey.credential_id == made.credential_id)):
        raise Invalid("passkey.refused")
    row = Passkey(
        id=uuid7(),
        user_id=user.id,
        credential_id=made.credential_id,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
        name=name.strip()[:80] or NAME,
        created_at=clock.now(),
    )
    session.add(row)
    return row


def begin_signing_in(session: Session, place: Place) -> dict[str, Any]:
    """Any passkey of this host will do: the answer says whose it is."""
    options = webauthn.generate_authentication_options(
        rp_id=place.host, user_verification=UserVerificationRequirement.REQUIRED
    )
    _keep(session, options.challenge, None)
    return options_to_json_dict(options)


def sign_in(session: Session, place: Place, answer: str) -> User:
    """Whose passkey answered. Raises Invalid("passkey.refused"): nobody learns why."""
    challenge = _spend(session, answer, None)
    row = session.scalars(
        select(Passkey).where(Passkey.credential_id == _credential_id(answer)).with_for_update()
    ).one_or_none()
    user = session.get(User, row.user_id) if row else None
    if row is None or user is None or user.disabled_at:
        raise Invalid("passkey.refused")
    try:
        proved = webauthn.verify_authentication_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=place.host,
            expected_origin=place.origin,
            credential_public_key=row.public_key,
            credential_current_sign_count=row.sign_count,
            require_user_verification=True,
        )
    except WebAuthnException as problem:  # also when the counter went back: a copied device
        raise Invalid("passkey.refused") from problem
    row.sign_count, row.last_used_at = proved.new_sign_count, clock.now()
    return user


def rename(session: Session, user_id: uuid.UUID, passkey_id: uuid.UUID, name: str) -> None:
    if not name.strip():
        raise Invalid("name.empty", field="name")
    _own(session, user_id, passkey_id).name = name.strip()[:80]


def remove(session: Session, user_id: uuid.UUID, passkey_id: uuid.UUID) -> None:
    session.delete(_own(session, user_id, passkey_id))


def remove_all(session: Session, user_id: uuid.UUID) -> None:
    """For an address that somebody else proves: whoever signed up with it before is not who holds it."""
    session.execute(delete(Passkey).where(Passkey.user_id == user_id))


def _own(session: Session, user_id: uuid.UUID, passkey_id: uuid.UUID) -> Passkey:
    row = session.get(Passkey, passkey_id)
    if row is None or row.user_id != user_id:
        raise NotFound()
    return row


def _keep(session: Session, challenge: bytes, user_id: uuid.UUID | None) -> None:
    now = clock.now()
    session.execute(delete(PasskeyChallenge).where(PasskeyChallenge.expires_at < now))
    hashed = hashlib.sha256(challenge).digest()
    session.add(PasskeyChallenge(challenge_hash=hashed, user_id=user_id, expires_at=now + VALID_FOR))


def _spend(session: Session, answer: str, user_id: uuid.UUID | None) -> bytes:
    """The challenge that this answer is to; it was ours, for this person, and works once."""
    try:
        told = json.loads(base64url_to_bytes(json.loads(answer)["response"]["clientDataJSON"]))
        challenge = base64url_to_bytes(told["challenge"])
    except (ValueError, KeyError, TypeError) as problem:
        raise Invalid("passkey.refused") from problem
    mine = PasskeyChallenge.user_id.is_(None) if user_id is None else PasskeyChallenge.user_id == user_id
    spent = delete(PasskeyChallenge).where(
        PasskeyChallenge.challenge_hash == hashlib.sha256(challenge).digest(),
        PasskeyChallenge.expires_at > clock.now(),
        mine,
    )
    if session.execute(spent.returning(PasskeyChallenge.challenge_hash)).first() is None:
        raise Invalid("passkey.refused")
    return challenge


def _credential_id(answer: str) -> bytes:
    try:
        return base64url_to_bytes(json.loads(answer)["rawId"])
    except (ValueError, KeyError, TypeError) as problem:
        raise Invalid("passkey.refused") from problem
