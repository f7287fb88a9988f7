"""What the environment may say, and what is made up when it says nothing."""

from __future__ import annotations

import base64
import dataclasses
import re
from pathlib import Path

import pytest

from config import APPS, EVERY, REQUIRED_IN_PRODUCTION, ConfigError, Registration, Settings

KEY = base64.b64encode(bytes(range(32))).decode()
PRODUCTION = {
    "KOPPELPOORT_ENV": "production",
    "DATABASE_URL": "postgres://app:secret@db.example/kp",
    "REDIS_URL": "redis://redis.example/0",
    "BASE_URL": "https://portal.example",
    "SECRET_KEY": "s" * 64,
    "KEY_ENCRYPTION_KEYS": f"2026b:{KEY},2026a:{KEY}",
    "AUDIT_KEY": "a" * 64,
}


def test_without_an_environment_everything_lives_in_the_data_folder(tmp_path: Path) -> None:
    first = Settings.from_env({"KOPPELPOORT_HOME": str(tmp_path)})
    assert Settings.from_env({"KOPPELPOORT_HOME": str(tmp_path)}) == first
    assert first.embedded_postgres
    assert first.embedded_redis
    assert first.database_url.startswith("postgresql+psycopg://koppelpoort_app:")
    assert first.owner_database_url.startswith("postgresql+psycopg://koppelpoort_owner:")
    assert [len(key) for key in first.key_encryption_keys.values()] == [32]
    assert first.registration("exact").hosts["be"] == "http://127.0.0.1:8100/be"


def test_every_variable_is_told_where_the_product_is_run() -> None:
    """As in the table of settings: what config.py reads, no more and no less."""
    here = Path(__file__).resolve().parents[1]
    read = set(
        re.findall(r'env\.get\("([A-Z_]+)"|_(?:number|flag)\(env, "([A-Z_]+)"', (here / "config.py").read_text())
    )
    read |= {(name, "") for app in APPS.values() for name in (app.id, app.secret, app.hosts) if name}
    told = (here / "docs/operations.md").read_text().partition("## Settings")[2].partition("\n## ")[0]
    named = {name for row in told.splitlines() for name in re.findall("`([A-Z_]+)`", "".join(row.split("|")[1:2]))}
    assert {first or second for first, second in read} == named


def test_production_needs_all_its_keys_and_names_those_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        Settings.from_env({"KOPPELPOORT_ENV": "production", "KOPPELPOORT_HOME": str(tmp_path)})
    assert all(name in str(caught.value) for name in REQUIRED_IN_PRODUCTION)
    assert list(tmp_path.iterdir()) == []


def test_production_makes_nothing_up(tmp_path: Path) -> None:
    settings = Settings.from_env(PRODUCTION | {"KOPPELPOORT_HOME": str(tmp_path)})
    assert settings.database_url == "postgresql+psycopg://app:secret@db.example/kp"
    assert list(settings.key_encryption_keys) == ["2026b", "2026a"]
    assert settings.owner_database_url == ""
    assert all(ours == Registration() for ours in settings.registrations.values())
    assert not settings.demo
    assert settings.secure_cookies
    assert settings.public_host == "portal.example"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("BASE_URL", "http://portal.example", "https"),
        ("BASE_URL", "https://portal.example/here", "host only"),
        ("CRASH_AT", "sending.committed", "refused in production"),
        ("KEY_ENCRYPTION_KEYS", "2026a:c2hvcnQ=", "32 bytes"),
        ("KEY_ENCRYPTION_KEYS", "2026a:?", "not base64"),
        ("PORT", "eighty", "whole number"),
        ("DEMO", "maybe", "0 or 1"),
        ("SMTP_URL", "mail.example:25", "smtp://"),
        ("EXACT_HOSTS_JSON", "[1]", "EXACT_HOSTS_JSON"),
        ("KOPPELPOORT_ENV", "staging", "production"),
    ],
)
def test_nonsense_is_refused_with_the_name_of_the_variable(name: str, value: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        Settings.from_env(PRODUCTION | {"KOPPELPOORT_HOME": str(tmp_path), name: value})
    assert name in str(caught.value)


def test_mail_settings_are_read_from_one_url(tmp_path: Path) -> None:
    env = PRODUCTION | {"KOPPELPOORT_HOME": str(tmp_path), "SMTP_URL": "smtps://anna%40kantoor:p%2Fw@mail.example"}
    smtp = Settings.from_env(env).smtp
    assert smtp is not None
    assert dataclasses.astuple(smtp) == ("mail.example", 465, "anna@kantoor", "p/w", "implicit")


def test_no_secret_shows_when_settings_are_printed(tmp_path: Path) -> None:
    env = PRODUCTION | {"KOPPELPOORT_HOME": str(tmp_path), "SMTP_URL": "smtp://anna:p4ssw0rd@mail.example"}
    printed = repr(Settings.from_env(env | {"EXACT_CLIENT_SECRET": "cl13nt"}))
    assert not [word for word in ("secret@", "ssss", "aaaa", KEY, "p4ssw0rd", "cl13nt") if word in printed]


def test_an_app_is_registered_by_its_variables(tmp_path: Path) -> None:
    given = {"XERO_CLIENT_ID": "ours", "XERO_CLIENT_SECRET": "s3cr3t", "CHIFT_CLIENT_ID": "account"}
    settings = Settings.from_env(PRODUCTION | given | {"CHIFT_HOSTS_JSON": '{"*": "https://chift.example"}'})
    assert settings.registration("xero") == Registration("ours", "s3cr3t", {})
    assert "s3cr3t" not in repr(settings)
    for app in ("acd", "cegid_loop", "inqom"):
        assert settings.registration(app) == Registration("account", "", {EVERY: "https://chift.example"})
    assert settings.registration("unheard-of") == Registration()


def test_a_demo_knows_its_own_sandboxes_only(tmp_path: Path) -> None:
    demo = {"KOPPELPOORT_HOME": str(tmp_path), "SANDBOX_PORT": "9000"}
    settings = Settings.from_env(demo)
    assert settings.registration("xero").hosts == {EVERY: "http://127.0.0.1:9003/xero"}
    assert settings.registration("inqom").hosts == {EVERY: "http://127.0.0.1:9003/inqom"}
    assert settings.registration("ponto").hosts == {EVERY: "http://127.0.0.1:9001/ponto-connect"}
    real = Settings.from_env(demo | {"XERO_HOSTS_JSON": '{"live": "https://api.xero.com"}'})
    assert real.registration("xero") == Registration("", "", {"live": "https://api.xero.com"})


def test_a_client_certificate_is_a_path_or_the_text_itself(tmp_path: Path) -> None:
    text = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"
    home = {"KOPPELPOORT_HOME": str(tmp_path)}
    assert Settings.from_env(home).ponto_certificate is None
    key = {"PONTO_KEY": "/etc/ponto.key", "PONTO_KEY_PASSWORD": "s3cr3t"}
    given = home | key | {"PONTO_CERTIFICATE": text.replace("\n", "\\n")}
    found = Settings.from_env(given).ponto_certificate
    assert found is not None
    assert found.chain.read_text().strip() == text
    assert found.chain.stat().st_mode & 0o077 == 0
    assert (found.key, found.password) == (Path("/etc/ponto.key"), "s3cr3t")
    assert "s3cr3t" not in repr(Settings.from_env(given))
    other = Settings.from_env(given | {"PONTO_CERTIFICATE": text.replace("MIIB", "MIIC")}).ponto_certificate
    assert other is not None
    assert "MIIC" in other.chain.read_text()


def test_a_certificate_without_its_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="go together"):
        Settings.from_env({"KOPPELPOORT_HOME": str(tmp_path), "PONTO_CERTIFICATE": "/etc/ponto.pem"})
