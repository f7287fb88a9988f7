"""Every route × every verb × everybody: nobody sees or changes what is not theirs.

The routes come from the application itself, so a new one is walked without anybody thinking
of it. Strangers' texts carry a mark that must never be answered; strangers' rows are read
before and after and must not have moved.
"""

from __future__ import annotations

import re
import uuid
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from portal.access import allowed, role_in_client
from portal.identity import passwords, sessions
from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.db import Database, Setting
from portal.kernel.errors import Forbidden, NotFound
from portal.kernel.vault import Vault
from portal.models import metadata
from portal.routes._access import access_of
from portal.tenants.models import Membership
from tests.conftest import Urls
from tests.furnish import furnish_client, furnish_portal
from tests.world import World, make_world

OURS, THEIRS = "zqours", "zqtheirs"  # marks: in the texts of one side, never on a page of the other
MISSING = uuid.UUID("01930000-0000-7000-8000-000000000000")
FIELDS = (
    "id", "user", "owner", "deputy", "account", "account_id", "coupling", "coupling_id", "authorisation",
    "authorisation_id", "dossier", "client", "configuration", "batch", "entry", "bank_account", "cause", "grant",
)  # fmt: skip


@dataclass
class Walk:
    app: Flask
    world: World
    ours: dict[str, uuid.UUID]
    theirs: dict[str, uuid.UUID]
    tokens: dict[str, str] = field(default_factory=dict)

    def client(self, who: str) -> FlaskClient:
        client = FlaskClient(self.app, self.app.response_class)
        if who in self.tokens:
            client.set_cookie("kp", self.tokens[who])
        return client


CAST = (
    "anonymous", "stranger", "former", "rival_staff", "administrator", "staff", "reader", "owner", "editor",
    "client_reader", "software", "client_software",
)  # fmt: skip
OF_FIRM = {"administrator": "administrator", "staff": "staff", "reader": "reader"}
OF_CLIENT = {"owner": "owner", "editor": "editor", "client_reader": "reader"}


@pytest.fixture(scope="module")
def walk(app: Flask, database: Database, vault: Vault) -> Iterator[Walk]:
    world = make_world(database)
    with database.scoped(Setting(tenant=world.firm.id)) as session:
        session.add(
            Membership(tenant_id=world.firm.id, user_id=world.former.id, role="staff", created_at=clock.now(),
                       ended_at=clock.now())
        )  # fmt: skip
    ours = furnish_client(database, vault, world.client, world.firm, _extra(database), OURS)
    ours |= furnish_portal(database, vault, world.firm, world.client, world.staff, OURS)
    theirs = furnish_client(database, vault, world.other_client, world.rival, _extra(database), THEIRS)
    theirs |= furnish_portal(database, vault, world.rival, world.other_client, world.rival_staff, THEIRS)
    made = Walk(app, world, ours, theirs)
    for who in CAST[1:]:
        with database.scoped() as session:
            user = getattr(world, who, None) or session.get_one(User, ours[f"{who}_user"])
            made.tokens[who] = sessions.start(session, user, agent="walk", second_factor=True)
    app.config["WTF_CSRF_ENABLED"] = False
    yield made
    app.config["WTF_CSRF_ENABLED"] = True


def _extra(database: Database) -> User:
    from tests import factories as make

    return make.make_user(database, "Extra")


def tenant_routes(app: Flask) -> list[tuple[Rule, str]]:
    found = []
    for rule in sorted(app.url_map.iter_rules(), key=lambda r: r.rule):
        if {"portal", "client"} & set(rule.arguments):
            found += [(rule, verb) for verb in sorted((rule.methods or set()) - {"OPTIONS"})]
    assert len(found) > 60
    return found


def path_of(app: Flask, rule: Rule, ids: dict[str, uuid.UUID], **instead: object) -> str:
    """The address with these ids in it; an argument that nobody has furnished fails here, loudly."""
    values: dict[str, object] = {}
    for name in rule.arguments:
        if name in instead:
            values[name] = instead[name]
        elif f"client_{name}" in ids and "client" in rule.arguments:
            values[name] = ids[f"client_{name}"]  # both kinds of tenant have such rows
        elif name in ids:
            values[name] = ids[name]
        elif name in WORDS:
            values[name] = WORDS[name]
        else:
            raise AssertionError(f"{rule.rule}: the walk has no {name}; furnish one")
    with app.test_request_context():
        adapter = app.create_url_adapter(None) or app.url_map.bind("127.0.0.1")
        return adapter.build(rule.endpoint, values)


WORDS = {"app": "exact", "kind": "camt"}


def shape(response: TestResponse) -> str:
    """The answer without what differs by chance."""
    text = re.sub(r'nonce="[^"]*"|X-CSRFToken": "[^"]*"|value="[^"]{30,}"|[0-9a-f]{8}-[0-9a-f-]{27}', "", response.text)
    return f"{response.status_code} {text}"


def ask(walk: Walk, who: str, verb: str, path: str, ids: dict[str, uuid.UUID]) -> TestResponse:
    """With the ids in query and body too."""
    smuggled = {name: str(ids.get(name) or ids.get(f"{name}_id") or ids["client"]) for name in FIELDS}
    client = walk.client(who)
    if verb == "POST":
        return client.open(path, method=verb, data=smuggled, query_string=smuggled)
    return client.open(path, method=verb, query_string=smuggled)


def rows_of(urls: Urls, tenants: list[uuid.UUID]) -> dict[str, str]:
    """A digest of every row of these tenants, table by table."""
    found = {}
    with psycopg.connect(urls.admin) as connection:
        for table in sorted(metadata.tables):
            column = "id" if table == "tenants" else "tenant_id"
            if column not in metadata.tables[table].columns or (table != "tenants" and column == "id"):
                continue
            row = connection.execute(
                f"SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {table} t"  # noqa: S608
                f" WHERE {column} = ANY(%s)",  # (names out of our own metadata)
                (tenants,),
            ).fetchone()
            assert row is not None
            found[table] = row[0]
    return found


@pytest.mark.parametrize("who", CAST)
def test_what_is_not_theirs_is_not_there(walk: Walk, who: str, database_urls: Urls) -> None:
    """Foreign tenant in the path; and own tenant with foreign ids in path, query and body."""
    ours_is_foreign = who not in OF_FIRM and who not in OF_CLIENT
    sides = [(walk.theirs, THEIRS)] if not ours_is_foreign else [(walk.ours, OURS)]
    if who not in ("rival_staff",) and ours_is_foreign:
        sides.append((walk.theirs, THEIRS))
    foreign = [ids[key] for ids, _ in sides for key in ("client", "portal")]
    before = rows_of(database_urls, foreign)
    for rule, verb in tenant_routes(walk.app):
        for ids, mark in sides:
            path = path_of(walk.app, rule, ids)
            answer = ask(walk, who, verb, path, ids)
            where = f"{who} {verb} {path} → {answer.status_code}"
            if who == "anonymous":
                assert answer.status_code == 303, where
                assert "/signin" in answer.headers["Location"], where
                continue
            assert answer.status_code == 404, where
            assert mark not in answer.text, where
            gone = path_of(walk.app, rule, ids, client=MISSING, portal=MISSING)
            assert shape(answer) == shape(ask(walk, who, verb, gone, ids)), f"{where}: tells that it exists"
        if not ours_is_foreign:
            _smuggle(walk, who, rule, verb)
    assert rows_of(database_urls, foreign) == before, f"{who} changed what is not theirs"


def _smuggle(walk: Walk, who: str, rule: Rule, verb: str) -> None:
    """Own tenant in the address, everything else of strangers."""
    own = {"client": walk.ours["client"], "portal": walk.ours["portal"]}
    path = path_of(walk.app, rule, walk.theirs, **own)
    objects = set(rule.arguments) - {"client", "portal"} - set(WORDS)
    if not objects and verb == "POST" and rule.endpoint in HARMFUL_WITHOUT_IDS:
        return
    answer = ask(walk, who, verb, path, walk.theirs)
    where = f"{who} {verb} {path} → {answer.status_code}"
    assert THEIRS not in answer.text, f"{where}: shows a stranger's text"
    assert answer.status_code < 500, where
    if objects:
        assert answer.status_code in (403, 404), where


# Acts on one's own tenant that would change the walk's own scene; their bodies name nobody else's rows.
HARMFUL_WITHOUT_IDS: set[str] = set()


@pytest.mark.parametrize("who", [*OF_FIRM, *OF_CLIENT])
def test_a_role_may_what_the_table_says_and_nothing_else(walk: Walk, who: str) -> None:
    """Only the guard is asked, so that nothing is done: 403 exactly where the table has no right."""
    for rule, verb in tenant_routes(walk.app):
        access = access_of(walk.app.view_functions[rule.endpoint])
        assert access.permission
        assert access.right
        kind = "portal" if "portal" in rule.arguments else "client"
        inside = OF_CLIENT.get(who) or role_in_client(OF_FIRM[who], "editor")
        role = OF_FIRM.get(who) if kind == "portal" else inside
        if role is None:
            expected: type[Exception] | None = NotFound
        else:
            expected = None if allowed(kind, role, access.permission, access.right) else Forbidden
        assert _guard_says(walk, who, verb, path_of(walk.app, rule, walk.ours)) is expected, f"{who} {verb} {rule.rule}"


def _guard_says(walk: Walk, who: str, verb: str, path: str) -> type[Exception] | None:
    with walk.app.test_request_context(path, method=verb, headers={"Cookie": f"kp={walk.tokens[who]}"}):
        try:
            assert walk.app.preprocess_request() is None
        except (NotFound, Forbidden) as refused:
            return type(refused)
        except HTTPException as error:
            raise AssertionError(f"{verb} {path}: {error}") from error
        finally:
            walk.app.do_teardown_request()
    return None


@pytest.mark.parametrize("who", ["administrator", "staff", "reader", "owner", "editor", "client_reader"])
def test_every_page_that_a_role_may_see_comes_up(walk: Walk, who: str) -> None:
    for rule, verb in tenant_routes(walk.app):
        path = path_of(walk.app, rule, walk.ours)
        if verb != "GET" or _guard_says(walk, who, verb, path) is not None:
            continue
        answer = walk.client(who).get(path)
        assert answer.status_code in (200, 286, 303), f"{who} {path} → {answer.status_code}"
        assert THEIRS not in answer.text, path


def _made_up(rule: Rule, ids: dict[str, uuid.UUID]) -> dict[str, uuid.UUID]:
    """For arguments of routes of no tenant, of which nobody has furnished a row."""
    return {name: MISSING for name in rule.arguments if not {name, f"client_{name}"} & (set(ids) | set(WORDS))}


@pytest.mark.parametrize("who", ["software", "client_software"])
def test_software_has_one_page_and_no_other(walk: Walk, who: str) -> None:
    """With the session of a browser: wherever it goes it comes to its own page, or to nothing."""
    client = walk.client(who)
    for rule in walk.app.url_map.iter_rules():
        access = None if rule.endpoint == "static" else access_of(walk.app.view_functions[rule.endpoint])
        if access is None or access.kind != "signed_in":
            continue
        for verb in sorted((rule.methods or set()) & {"GET", "POST"}):
            answer = client.open(path_of(walk.app, rule, walk.ours, **_made_up(rule, walk.ours)), method=verb)
            assert answer.status_code == (303 if verb == "GET" else 404), f"{who} {verb} {rule.rule}"
            if verb == "GET":
                assert answer.headers["Location"].endswith("/software"), rule.rule
    own = client.get("/software")
    assert (own.status_code, THEIRS in own.text) == (200, False)
    assert walk.client("administrator").get("/software").status_code == 404


@pytest.mark.parametrize("who", ["software", "client_software"])
def test_a_user_code_opens_the_accounts_of_its_groups_and_nothing_else(
    walk: Walk, who: str, database: Database, database_urls: Urls
) -> None:
    """Every route × every verb with user code and password: pages ask to sign in, and foreign ids are not there."""
    with database.scoped() as session:
        user = session.get_one(User, walk.ours[f"{who}_user"])
        user.password_hash = passwords.hash_password("drie blauwe emmers")
    basic = {"Authorization": "Basic " + b64encode(f"{user.email}:drie blauwe emmers".encode()).decode()}
    client, others = walk.client("anonymous"), [walk.theirs["client"], walk.theirs["portal"]]
    before = rows_of(database_urls, others)
    for rule in sorted(walk.app.url_map.iter_rules(), key=lambda r: r.rule):
        if rule.endpoint == "static":
            continue
        kind = access_of(walk.app.view_functions[rule.endpoint]).kind
        for verb in sorted((rule.methods or set()) - {"OPTIONS"}):
            foreign = walk.theirs | {"client_account": walk.theirs["client"]}
            if kind == "public":
                continue  # the same for everybody
            path = path_of(walk.app, rule, foreign, **_made_up(rule, foreign))
            answer = client.open(path, method=verb, headers=basic)
            where = f"{who} {verb} {rule.rule} → {answer.status_code}"
            assert THEIRS not in answer.text, where
            expected = {"user_code": {404} if rule.arguments else {200}, "key": {401}}.get(kind, {303})
            assert answer.status_code in expected, where
    assert rows_of(database_urls, others) == before
    mine = client.get(f"/api/v1/accounts/{walk.ours['account_id']}", headers=basic).status_code
    assert mine == (200 if who == "client_software" else 404)


def test_a_wrong_verb_is_405_for_everybody(walk: Walk) -> None:
    for who in CAST:
        for rule, _ in tenant_routes(walk.app):
            others = {r.rule: r.methods for r in walk.app.url_map.iter_rules() if r.rule == rule.rule}
            verbs = set().union(*(m or set() for m in others.values()))
            wrong = next(v for v in ("DELETE", "PUT", "PATCH") if v not in verbs)
            assert walk.client(who).open(path_of(walk.app, rule, walk.ours), method=wrong).status_code == 405


def test_every_route_says_who_may_come(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        if rule.endpoint != "static":
            access_of(app.view_functions[rule.endpoint])


def test_a_route_that_says_nothing_stops_the_start(app: Flask) -> None:
    from portal.routes._access import check_declared

    other = Flask("other")
    other.add_url_rule("/c/<uuid:client>/open", "open", lambda client: "x")
    with pytest.raises(RuntimeError, match="declares no permission"):
        check_declared(other)
