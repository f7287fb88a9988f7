"""How a log-in at a provider comes about: the form that people fill in, OAuth 2, pages of the provider's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

import requests
from requests.auth import AuthBase


class AuthMode(StrEnum):
    """How an authorisation comes about."""

    OAUTH2 = "oauth2"  # people log in at the provider and come back with a code
    KEY = "key"  # people type what the manifest's form asks for
    HOSTED = "hosted"  # people log in on a page that the provider makes for us, and come back
    FILE = "file"  # there is no server: entries become files that people fetch


@dataclass(frozen=True, slots=True)
class OAuth2:
    """Where to log in: paths under the host of the chosen environment."""

    authorise_path: str
    token_path: str
    pkce: bool
    min_age: float  # seconds a token must be old before a refresh is allowed, 0 when free
    lifetime: float  # seconds an access token lives when the reply does not say
    refresh_lifetime: float  # seconds an unused refresh token lives
    grace: float  # seconds an old refresh token stays usable after a lost answer, 0 when none
    authorise_params: Mapping[str, str] = field(default_factory=dict)
    authorise_hosts: Mapping[str, str] = field(default_factory=dict)  # by environment, where people log in elsewhere
    token_hosts: Mapping[str, str] = field(default_factory=dict)  # by environment, where tokens are given elsewhere
    token_params: Mapping[str, str] = field(default_factory=dict)  # sent with every token call, such as a scope
    basic: bool = False  # our id and secret also go in the Authorization header


class FieldKind(StrEnum):
    TEXT = "text"
    SECRET = "secret"  # noqa: S105 (a kind; what is typed is stored sealed and never shown again)
    URL = "url"  # a server that people name: asked for over https and never on a private network
    CHOICE = "choice"
    DATE = "date"  # ISO 8601


@dataclass(frozen=True, slots=True)
class FormField:
    """One question of the form that makes an authorisation. Texts are message ids."""

    key: str
    label: str
    kind: FieldKind = FieldKind.TEXT
    help: str = ""  # where to find it
    required: bool = True
    example: str = ""
    pattern: str = ""  # of the whole value, as a regular expression
    choices: Sequence[tuple[str, str]] = ()  # value, label
    default: str = ""


class Form(dict[str, str]):
    """What people typed, by the key of its field, secrets too; so it never shows itself."""

    def __repr__(self) -> str:
        return f"Form({', '.join(self)})"


@dataclass(frozen=True, slots=True)
class Application:
    """Our own registration at a provider, from the settings of the installation."""

    id: str
    secret: str = field(repr=False)


class Sign(Protocol):
    """How requests show who they are from, for apps without OAuth 2. Offered as `sign` by the connector module.

    `host` is the provider's address, the only place that the signature may go to.
    """

    def __call__(self, form: Form, application: Application, host: str) -> AuthBase: ...


@dataclass(frozen=True, slots=True)
class HostedLogin:
    """A page of the provider to send a person to, and what to keep for when the person is back."""

    url: str
    form: Form


class OpenLogin(Protocol):
    """Offered as `open_login` by modules of `AuthMode.HOSTED`. `name` and `email` are those of the firm.

    `session` is signed by `sign` with an empty form. Raises the five errors.
    """

    def __call__(
        self, session: requests.Session, host: str, name: str, email: str, return_to: str, form: Form
    ) -> HostedLogin: ...
