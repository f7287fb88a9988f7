"""Webhooks: one good one, and every way to forge or bend it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from portal.connectors.errors import Rejected
from portal.connectors.feed import Notice
from portal.connectors.ponto import EXPLANATIONS
from portal.connectors.ponto.callbacks import judge as judge_callback

HOST, APP = "https://api.ibanity.com/ponto-connect", "11111111-aaaa-4bbb-8ccc-222222222222"
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
BODY = json.dumps(
    {
        "data": {
            "type": "pontoConnect.account.transactionsCreated",
            "id": "93f515c8",
            "attributes": {"createdAt": "2026-05-04T12:00:00.000Z", "count": 3},
            "relationships": {
                "account": {"data": {"id": "12036924", "type": "account"}},
                "organization": {"data": {"id": "429fd324", "type": "organization"}},
                "synchronization": {"data": {"id": "cabf4560", "type": "synchronization"}},
            },
        }
    }
).encode()
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
STRANGER = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def b64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def part(values: Any) -> str:
    return b64(json.dumps(values).encode())


def number(value: int) -> str:
    return b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def jwk(key: rsa.RSAPrivateKey = KEY, **changed: Any) -> dict[str, Any]:
    numbers = key.public_key().public_numbers()
    told = {"kty": "RSA", "alg": "RS512", "use": "sig", "status": "ACTIVE", "kid": "key-1"}
    return told | {"n": number(numbers.n), "e": number(numbers.e)} | changed


def claims(body: bytes = BODY, **changed: Any) -> dict[str, Any]:
    digest = base64.b64encode(hashlib.sha512(body).digest()).decode()
    at = int(NOW.timestamp())
    told = {"iss": "https://api.ibanity.com", "aud": APP, "iat": at, "exp": at + 60, "digest": digest, "jti": "1"}
    return told | changed


def signed(told: Any, head: Any = None, key: rsa.RSAPrivateKey = KEY, algorithm: Any = None) -> str:
    text = f"{part(head or {'alg': 'RS512', 'kid': 'key-1', 'typ': 'JWT'})}.{part(told)}"
    return f"{text}.{b64(key.sign(text.encode(), padding.PKCS1v15(), algorithm or hashes.SHA512()))}"


def judge(
    token: str, body: bytes = BODY, now: datetime = NOW, keys: Any = None, name: str = "Signature"
) -> list[Notice]:
    published = json.dumps({"keys": [jwk()]} if keys is None else keys).encode()
    return list(
        judge_callback(
            "https://portal.example/callbacks/ponto", {name: token}, body, now, host=HOST, application=APP,
            fetch_keys=lambda path: published if path == "/webhooks/keys" else b"",
        )
    )  # fmt: skip


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(Rejected) as caught:
        call()
    assert caught.value.code in EXPLANATIONS
    return caught.value.code.partition(".")[2]


def test_a_good_one_is_told() -> None:
    (notice,) = judge(signed(claims()))
    assert notice == Notice("pontoConnect.account.transactionsCreated", link="429fd324", account="12036924")


def test_the_name_of_the_header_is_in_any_case() -> None:
    assert judge(signed(claims()), name="SIGNATURE")
    assert judge(signed(claims()), name="signature")


def test_a_failed_fetch_is_told_as_one() -> None:
    body = BODY.replace(b"account.transactionsCreated", b"synchronization.failed")
    (notice,) = judge(signed(claims(body)), body)
    assert notice.failed


def test_an_organisation_alone_is_enough() -> None:
    told = {"type": "pontoConnect.integration.revoked", "relationships": {"organization": {"data": {"id": "42"}}}}
    body = json.dumps({"data": told}).encode()
    (notice,) = judge(signed(claims(body)), body)
    assert (notice.event, notice.link, notice.account) == ("pontoConnect.integration.revoked", "42", "")


def test_one_changed_byte_is_refused() -> None:
    token = signed(claims())
    assert refusal(lambda: judge(token, BODY + b" ")) == "callback_digest"
    assert refusal(lambda: judge(token, BODY.replace(b"3", b"4", 1))) == "callback_digest"
    assert refusal(lambda: judge(token, b"")) == "callback_digest"


def test_another_key_is_refused() -> None:
    assert refusal(lambda: judge(signed(claims(), key=STRANGER))) == "callback_signature"


def test_an_unknown_key_id_is_refused() -> None:
    for head in ({"alg": "RS512", "kid": "key-2"}, {"alg": "RS512"}, {"alg": "RS512", "kid": None}):
        assert refusal(partial(judge, signed(claims(), head))) == "callback_signature"


def test_no_algorithm_is_refused() -> None:
    for name in ("none", "None", "NONE", "", None):
        token = f"{part({'alg': name, 'kid': 'key-1'})}.{part(claims())}."
        assert refusal(partial(judge, token)) == "callback_algorithm"


def test_the_public_key_as_a_shared_secret_is_refused() -> None:
    """The old confusion: HMAC with what everybody knows."""
    public = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for algorithm, digest in (("HS512", "sha512"), ("HS256", "sha256")):
        text = f"{part({'alg': algorithm, 'kid': 'key-1'})}.{part(claims())}"
        token = f"{text}.{b64(hmac.digest(public, text.encode(), digest))}"
        assert refusal(partial(judge, token)) == "callback_algorithm"
    text = f"{part({'alg': 'RS512', 'kid': 'key-1'})}.{part(claims())}"
    lying = f"{text}.{b64(hmac.digest(public, text.encode(), 'sha512'))}"
    assert refusal(lambda: judge(lying)) == "callback_signature"


@pytest.mark.parametrize("name", ["RS256", "RS384", "PS512", "ES512", "rs512"])
def test_other_algorithms_are_refused(name: str) -> None:
    assert refusal(lambda: judge(signed(claims(), {"alg": name, "kid": "key-1"}))) == "callback_algorithm"


def test_a_weaker_digest_under_the_right_name_is_refused() -> None:
    assert refusal(lambda: judge(signed(claims(), algorithm=hashes.SHA256()))) == "callback_signature"


def test_critical_extensions_are_refused() -> None:
    head = {"alg": "RS512", "kid": "key-1", "crit": ["b64"], "b64": False}
    assert refusal(lambda: judge(signed(claims(), head))) == "callback_algorithm"


def test_a_key_that_comes_along_is_not_believed() -> None:
    head = {"alg": "RS512", "kid": "key-1", "jwk": jwk(STRANGER), "jku": "https://evil.example/keys"}
    assert refusal(lambda: judge(signed(claims(), head, STRANGER))) == "callback_signature"


@pytest.mark.parametrize(
    "changed",
    [{"status": "REVOKED"}, {"use": "enc"}, {"alg": "RS256"}, {"kty": "oct", "k": "AAAA"}, {"kid": "other"}],
)
def test_only_active_signing_keys_count(changed: dict[str, Any]) -> None:
    assert refusal(lambda: judge(signed(claims()), keys={"keys": [jwk(**changed)]})) == "callback_signature"


def test_a_key_of_another_kind_is_passed_over() -> None:
    curve = ec.generate_private_key(ec.SECP521R1()).public_key().public_numbers()
    other = {"kty": "EC", "crv": "P-521", "x": number(curve.x), "y": number(curve.y), "kid": "key-1"}
    assert refusal(lambda: judge(signed(claims()), keys={"keys": [other]})) == "callback_signature"
    assert judge(signed(claims()), keys={"keys": [other, jwk()]})


def test_a_short_key_is_refused() -> None:
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - that it is too short is the point
    token = signed(claims(), key=weak)
    assert refusal(lambda: judge(token, keys={"keys": [jwk(weak)]})) == "callback_signature"


@pytest.mark.parametrize("issuer", ["https://api.ibanity.com.evil.example", "http://api.ibanity.com", "", 7, ["x"]])
def test_another_issuer_is_refused(issuer: object) -> None:
    assert refusal(lambda: judge(signed(claims(iss=issuer)))) == "callback_issuer"


@pytest.mark.parametrize("audience", ["somebody-else", "", [], ["a", "b"], APP.upper()])
def test_what_is_for_others_is_refused(audience: object) -> None:
    assert refusal(lambda: judge(signed(claims(aud=audience)))) == "callback_audience"


def test_several_audiences_may_hold_ours() -> None:
    assert judge(signed(claims(aud=["other", APP])))


def test_time_has_thirty_seconds_of_play() -> None:
    token = signed(claims())
    for seconds in (-30, 0, 60, 90):
        assert judge(token, now=NOW + timedelta(seconds=seconds))
    for seconds in (-31, 91, 86400):
        late = NOW + timedelta(seconds=seconds)
        assert refusal(partial(judge, token, now=late)) == "callback_time"


@pytest.mark.parametrize("missing", ["iss", "aud", "iat", "exp", "digest"])
def test_every_claim_is_needed(missing: str) -> None:
    told = {name: value for name, value in claims().items() if name != missing}
    assert refusal(lambda: judge(signed(told))) == "callback_unreadable"


@pytest.mark.parametrize("moment", ["now", True, [], {"a": 1}])
def test_a_moment_is_a_number(moment: object) -> None:
    assert refusal(lambda: judge(signed(claims(exp=moment)))) == "callback_unreadable"


@pytest.mark.parametrize(
    "token",
    ["", ".", "..", "a.b.c", "a.b", "é.é.é", "{}.{}.{}", part([]) + "." + part({}) + ".", "x" * 9000, "a.b.c.d"],
)
def test_rubbish_is_refused(token: str) -> None:
    assert refusal(lambda: judge(token)) == "callback_unreadable"


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"data": []}', b'{"data": {"type": null', b"\xff"])
def test_a_signed_body_that_cannot_be_read_is_refused(body: bytes) -> None:
    assert refusal(lambda: judge(signed(claims(body)), body)) == "callback_unreadable"


@pytest.mark.parametrize("keys", [{}, [], {"keys": None}, {"keys": [{}, []]}])
def test_keys_that_cannot_be_read_let_nothing_through(keys: object) -> None:
    with pytest.raises(Rejected):
        judge(signed(claims()), keys=keys)


def test_keys_that_are_not_to_be_had_are_not_a_forgery() -> None:
    def away(path: str) -> bytes:
        raise OSError(path)

    with pytest.raises(OSError, match="keys"):
        judge_callback(
            "u", {"Signature": signed(claims())}, BODY, NOW, host=HOST, application=APP, fetch_keys=away
        )  # fmt: skip


def test_keys_are_asked_for_only_when_all_else_fits() -> None:
    def asked(path: str) -> bytes:
        raise AssertionError(path)

    for told in (claims(aud="x"), claims(b"other"), claims(iss="x"), claims(exp=0)):
        with pytest.raises(Rejected):
            judge_callback("u", {"Signature": signed(told)}, BODY, NOW, host=HOST, application=APP, fetch_keys=asked)


def test_an_installation_without_an_id_believes_nobody() -> None:
    with pytest.raises(Rejected, match="audience"):
        judge_callback(
            "u", {"Signature": signed(claims(aud=""))}, BODY, NOW, host=HOST, application="",
            fetch_keys=lambda path: b"{}",
        )  # fmt: skip
