"""A key and what OpenSSL signs with it: `openssl dgst -sha256 -sign key.pem message | base64`."""

from __future__ import annotations

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

_P = int(
    "cb96923e19222450852f04d83da39d62e568f62cbacd647c9be405f52bbaba1699db84c69fad01f6650b6c8c7457ce429580"
    "130d313200954f6e1975932420c916071aeb85839f8f8df01cc13dca0770d82ba133eafffa7a7b87c80ddf1c532354aac57b"
    "28ee37ae0be979e101a059f9833e0fe1d68127abb119a8f5f3c634eb",
    16,
)

_Q = int(
    "be70cb2584f8df0bbc8c23ddb6b74231ec443efd100211b1f74ecb1943b34e6c219ef638c6a8c2c81914db2fa22c78d60336"
    "6efce5e8ccfcc364211e19ef6dd9514f2458a68af6608342abc027f97f95156402b42b6e294a36dcb680c629290cfb9fd1b6"
    "ee3086b51ed249da87127daf0b2a64e5ecddcc773ee6ab9ded5fd853",
    16,
)


def key() -> rsa.RSAPrivateKey:
    exponent = 65537
    d = pow(exponent, -1, (_P - 1) * (_Q - 1))
    public = rsa.RSAPublicNumbers(exponent, _P * _Q)
    numbers = rsa.RSAPrivateNumbers(
        _P, _Q, d, rsa.rsa_crt_dmp1(d, _P), rsa.rsa_crt_dmq1(d, _Q), rsa.rsa_crt_iqmp(_P, _Q), public
    )
    return numbers.private_key()


def private_pem() -> str:
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key().private_bytes(serialization.Encoding.PEM, form, plain).decode()


def public_pem() -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key().public_key().public_bytes(serialization.Encoding.PEM, form).decode()


# 1774000060|POST|https://www.saltedge.com/api/v6/customers|{"data":{"identifier":"café-12"}}
POSTED = (
    "Lhk4DSjm9usT2FhixaGII0s87JZ9zgw7w5oBi6IzgGZUoOiCuYgaLco+9WSB5vghRp3hFMM27W/S76I3eDdypJ+K6CAgp0/G3l4T"
    "XYRMKVP/mGATh4YsL7pkjsZg8BQiOThLD3d5ff07ujd17mKv70FOeBGgh+iZYx6IQpql0eQSav5dx1nOZQ7h4oBH8Df54Z0+Zj/r"
    "VKr9dyVvFORvY1ftNsoqk4GnUR28UeWcWFMWivXx6A8V45fwxuC4nZKgQOZT1e799/n8ZYNcWlSjO6qVGo8r90gE3nKT3lgT5uv3"
    "wBAOpD8hhPDy2OH8JXcrsbLXXCSvuJacllZsFsIsSA=="
)

# 1774000060|GET|https://www.saltedge.com/api/v6/transactions?connection_id=7&account_id=8&per_page=1000|
READ = (
    "U3dRFN+O1A0TUYsarlPh4Sj4rjLvK8rrb/CogZj66Qxey8CcM/5WmCcg08qanlr4LWLvKZD7uLbGDoV3KgVS9DdCYeblWEey4/0p"
    "ZRBtfW2ghwgRr7i7OHePc7HgCX/SB7YjJyWvZHDyw/oLTBBYsvmRgu5WZD5t3OcxvEDC7WonYSNfh5A01ii5LsQfL3T9GLFKc90M"
    "vv6rLACElsZCadYiXsbTN9+j0R5yXeBbXtxeRRJk7aCEKqhJjW31c16OFzpFFLY7hFq23UV6q0F2wZBQ1cjx4Qfdt39tV6kZfXdr"
    "rqWGhMhYdoSE///+CHNtEcsaRSStAsbu4n9zjxaLVQ=="
)

CALLED_AT = "https://portal.example/callbacks/saltedge"
CALL = (
    b'{"data":{"connection_id":"111","customer_id":"222","custom_fields":{"state":"abc"},"stage":"finish"},'
    b'"meta":{"version":"6","time":"2026-03-18T12:00:00Z"}}'
)
CALLED = (
    "E3Aj3I4ptPocqZo0ztybH0az+CcGmploJ6HQVi5vMdqXxYTb6nrOlNEiE+GNW3C4qYbqC+COMHUBbEUTLhjRbk9M7R9UEByPSTMs"
    "ip6d8mcaCtDDqvJ1KmTvnqsDxUsrPAue/o8YwUe1USlDoJ0xXFHRsMoJzAepiKLCuDKciKSu1VKkiSZqguXj4uvJ65ry2igJ/yLI"
    "zWixxkDXUO6eK4394KclgivNslp2TRJJ/nnAR0i7ed31uLXmK8S1re3S/B7P+OqTlvFwvxK2CQYLrCw62qjxj9nLBI0ZGlmfWdXx"
    "1f+w/iw+MTzaqrhXcl6j6hW0/wCjaX+/B5bwrOyHvg=="
)
