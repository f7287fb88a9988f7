"""The demo's own Salt Edge: both keys are made by the machine, and the two sides know each other."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from config import ConfigError, Registration, Settings
from portal import supervisor
from portal.authorisations import applications, connecting
from portal.connectors.saltedge.client import Directory
from portal.kernel import http
from portal.kernel.errors import Conflict
from portal.kernel.services import folder
from portal.kernel.services.watch import Log
from tests.connectors.contract.world import RecordingGate
from tests.connectors.saltedge import vectors
from tests.connectors.saltedge.world import Control


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Settings]:
    ports = {"PORT": str(folder.free_port()), "SALTEDGE_SANDBOX_PORT": str(folder.free_port())}
    settings = Settings.from_env({"KOPPELPOORT_HOME": str(tmp_path), "DEMO": "1", **ports})
    child = supervisor.saltedge_sandbox(settings)
    child.start(Log(io.StringIO()))
    try:
        for _ in range(300):
            if supervisor.answers(settings.saltedge_sandbox_port, "/control/"):
                break
            assert child.ended() is None
            time.sleep(0.1)
        yield settings
    finally:
        child.kill()


def test_the_demo_signs_and_is_signed_for(demo: Settings) -> None:
    host = applications.host_of(demo, "saltedge", "live")
    session = http.session()
    session.auth = applications.signature(demo, "saltedge")
    directory = Directory(session, host, RecordingGate())
    assert directory.institutions("BE")
    control = Control(host)
    assert connecting.fetch_key(demo, "saltedge", "live", "public-key").decode() == control.text("public-key")
    assert len(control.get("bank-accounts")["bank_accounts"]) == 40
    (app,) = control.get("apps")["apps"]
    assert app["success_url"] == app["fail_url"] == f"{demo.base_url}/callbacks/saltedge"


def test_elsewhere_nothing_is_made_up(tmp_path: Path) -> None:
    settings = Settings.from_env({"KOPPELPOORT_HOME": str(tmp_path), "DEMO": "0"})
    assert settings.registration("saltedge") == Registration()
    assert (settings.saltedge_signs_with(), settings.saltedge_calls_with()) == ("", "")
    with pytest.raises(OSError, match="public key"):
        connecting.fetch_key(settings, "saltedge", "live", "public-key")
    with pytest.raises(Conflict) as caught:
        applications.signature(settings, "saltedge")
    assert caught.value.code == "authorisation.app_not_registered"
    assert not (tmp_path / "secrets" / "saltedge-key").exists()


def test_keys_are_texts_or_files(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text(vectors.private_pem())
    given = {
        "KOPPELPOORT_HOME": str(tmp_path), "DEMO": "0", "SALTEDGE_APP_ID": "app", "SALTEDGE_SECRET": "secret",
        "SALTEDGE_PRIVATE_KEY": str(tmp_path / "key.pem"), "SALTEDGE_PUBLIC_KEY": vectors.public_pem(),
    }  # fmt: skip
    settings = Settings.from_env(given)
    assert applications.signature(settings, "saltedge") is not None
    assert applications.callback_key(settings, "saltedge") == vectors.public_pem().encode()
    assert vectors.private_pem() not in repr(settings)
    with pytest.raises(ConfigError, match="SALTEDGE_PRIVATE_KEY"):
        Settings.from_env(given | {"SALTEDGE_PRIVATE_KEY": str(tmp_path / "nowhere")})
    unreadable = Settings.from_env(given | {"SALTEDGE_PRIVATE_KEY": vectors.public_pem()})
    with pytest.raises(Conflict):
        applications.signature(unreadable, "saltedge")
