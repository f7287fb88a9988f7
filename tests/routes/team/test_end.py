"""Letting a colleague go who looks after log-ins at the package."""

from __future__ import annotations

from portal.kernel.db import Database
from portal.kernel.vault import Vault
from tests import factories as make
from tests.routes.conftest import SignIn
from tests.routes.entries.desk import words


def test_the_log_ins_of_who_goes_are_named_before_and_after(sign_in: SignIn, database: Database, vault: Vault) -> None:
    head = make.make_user(database, "Nadia El Amrani", locale="en-GB")
    goes = make.make_user(database, "Karin Wouters")
    firm = make.make_tenant(database, "portal", "Peeters Lambrechts", members={head: "administrator", goes: "staff"})
    log_ins = [make.make_authorisation(database, vault, firm, name=name, owner_id=goes.id) for name in ("BE", "NL")]
    client, url = sign_in(head), f"/p/{firm.id}/team"
    html = client.get(url).text
    assert words(html).count("owns 2 log-ins") == 1
    assert "Karin Wouters is the owner of these 2 log-ins." in words(html)
    for row in log_ins:
        assert f'<a href="/p/{firm.id}/authorisations/{row.id}">{row.name}</a>' in html
    karin = next(part.split('"')[0] for part in html.split('action="')[1:] if part.split('"')[0].endswith("/end"))
    answer = client.post(karin)
    assert answer.location == f"/p/{firm.id}/authorisations"
    assert "BE, NL lost their owner. Open them and choose another, who is asked when a new log-in is needed." in words(
        client.get(answer.location).text
    )
    assert "owns" not in words(client.get(url).text)


def test_who_owns_none_goes_without_a_word_of_it(sign_in: SignIn, database: Database, vault: Vault) -> None:
    head = make.make_user(database, "Nadia El Amrani", locale="en-GB")
    goes = make.make_user(database, "Aline Wouters")
    firm = make.make_tenant(database, "portal", "Peeters Lambrechts", members={head: "administrator", goes: "staff"})
    make.make_authorisation(database, vault, firm, owner_id=head.id)
    client, url = sign_in(head), f"/p/{firm.id}/team"
    html = client.get(url).text
    aline = next(part.split('"')[0] for part in html.split('action="')[1:] if part.split('"')[0].endswith("/end"))
    answer = client.post(aline)
    assert answer.location == url
    assert "lost" not in words(client.get(url).text)
