"""A firm with many client accounts in every state, written straight into the tables."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import LiteralString

import psycopg

from portal.identity.sessions import token_hash
from portal.kernel import clock
from portal.kernel.db import uuid7

TOKEN = "session-of-the-measurement"  # noqa: S105 - of a made-up person on a database that is thrown away
NIGHTS = 14


@dataclass(frozen=True, slots=True)
class Firm:
    portal: uuid.UUID
    first_client: uuid.UUID
    token: str  # for the session cookie of a person with every right in the portal


def make_firm(admin: psycopg.Connection[tuple[object, ...]], clients: int) -> Firm:
    """Write it and commit. `admin` is a superuser, so that no policy slows the writing down.

    Of a hundred clients about 78 are in order; the others stand in each of the ways an account can
    stand, on three log-ins of which one lapsed and one is about to.
    """
    portal, people = uuid7(), [uuid7() for _ in range(4)]
    logins = [uuid7() for _ in range(3)]
    values = {
        "portal": portal, "karin": people[0], "people": people, "logins": logins, "now": clock.now(),
        "soon": clock.now() + timedelta(days=5), "later": clock.now() + timedelta(days=25), "clients": clients,
        "token": token_hash(TOKEN), "nights": NIGHTS, "today": clock.today(),
    }  # fmt: skip
    for statement in _STATEMENTS:
        admin.execute(statement, values)
    admin.commit()
    admin.execute("ANALYZE")
    admin.commit()
    found = admin.execute("SELECT tenant_id FROM couplings ORDER BY dossier_code LIMIT 1").fetchone()
    if found is None or not isinstance(found[0], uuid.UUID):
        raise RuntimeError("a firm without a coupled client")
    return Firm(portal, found[0], TOKEN)


# One number a client: n, from which everything about it follows.
_STATEMENTS: tuple[LiteralString, ...] = (
    """INSERT INTO users (id, email, name, password_hash, locale, theme, single_keys, email_verified_at,
         password_changed_at, created_at)
       SELECT id, 'person' || n || '@example.com',
         (ARRAY['Karin Wouters', 'Nadia El Amrani', 'Jan De Smet', 'Sofie Claes'])[n], '!', 'nl-BE', 'system', true,
         %(now)s, %(now)s, %(now)s
       FROM unnest(%(people)s::uuid[]) WITH ORDINALITY AS p(id, n)""",
    """INSERT INTO user_sessions (id, user_id, token_hash, created_at, last_seen_at, expires_at, confirmed_at, address,
         agent)
       VALUES (gen_random_uuid(), %(karin)s, %(token)s, %(now)s, %(now)s, %(later)s, %(now)s, '', '')""",
    """INSERT INTO tenants (id, kind, name, email, email_verified_at, country, scheme, enterprise_number, vat_number,
         street, postcode, city, billing_email, zone, rehearsal, created_at)
       VALUES (%(portal)s, 'portal', 'Peeters Lambrechts', 'firm@example.com', %(now)s, 'BE', 'kbo', '0403170701', '',
         '', '', '', '', 'Europe/Brussels', false, %(now)s)""",
    """INSERT INTO memberships (tenant_id, id, user_id, role, created_at)
       SELECT %(portal)s, gen_random_uuid(), id, 'administrator', %(now)s FROM unnest(%(people)s::uuid[]) AS p(id)""",
    """INSERT INTO authorisations (tenant_id, id, app, environment, name, state, state_code, state_since,
         remote_user_id, remote_user_name, remote_email, remote_company, default_dossier, form, created_at)
       SELECT %(portal)s, id, 'exact', 'be', 'Log-in ' || n,
         CASE n WHEN 2 THEN 'needs_consent' ELSE 'active' END, '', %(now)s, 'remote' || n, '', '', '', '', '{}', %(now)s
       FROM unnest(%(logins)s::uuid[]) WITH ORDINALITY AS l(id, n)""",
    """INSERT INTO credentials (tenant_id, authorisation_id, generation, access_token, refresh_token, received_at,
         received_on, expires_at, refresh_expires_at, failures)
       SELECT %(portal)s, id, 1, '', '', %(now)s, '', %(now)s, CASE n WHEN 3 THEN %(soon)s ELSE %(later)s END, 0
       FROM unnest(%(logins)s::uuid[]) WITH ORDINALITY AS l(id, n)""",
    """CREATE TEMPORARY TABLE made AS
       SELECT n, gen_random_uuid() AS id, gen_random_uuid() AS coupling_id,
         (%(logins)s::uuid[])[CASE WHEN n %% 40 = 1 THEN 2 WHEN n %% 50 = 2 THEN 3 ELSE 1 END] AS login,
         (ARRAY['Bakkerij', 'Drukkerij', 'Garage', 'Hoeve', 'Tuinen', 'Boulangerie'])[1 + n %% 6] || ' '
         || (ARRAY['Delmotte', 'Ingels', 'Van den Broeck', '’t Lindenhof', 'Peeters', 'Claes & Zn'])[1 + n / 6 %% 6]
         || ' ' || n || ' BV' AS name,
         CASE WHEN n %% 25 = 3 THEN 'none' WHEN n %% 30 = 4 THEN 'stopped' WHEN n %% 12 = 5 THEN 'attention'
              WHEN n %% 35 = 6 THEN 'wait_client' ELSE 'active' END AS state
       FROM generate_series(1, %(clients)s) AS n""",
    """INSERT INTO tenants (id, kind, name, country, scheme, enterprise_number, vat_number, street, postcode, city,
         billing_email, zone, rehearsal, created_at)
       SELECT id, 'client', name, 'BE', 'kbo', to_char(940000000 + n, 'FM0000000000'), '', '', '', '', '',
         'Europe/Brussels', false, %(now)s FROM made""",
    """INSERT INTO grants (tenant_id, id, email, role, state, portal_id, created_at, activated_at)
       SELECT id, gen_random_uuid(), 'firm@example.com', 'editor', 'active', %(portal)s, %(now)s, %(now)s FROM made""",
    """INSERT INTO couplings (tenant_id, id, app, authorisation_tenant_id, authorisation_id, authorisation_name,
         dossier_code, dossier_number, dossier_name, country, currency, state, activated_at, ended_code)
       SELECT id, coupling_id, 'exact', %(portal)s, login, 'Log-in', (100000 + n)::text, n::text, name, 'BE', 'EUR',
         'active', %(now)s, '' FROM made WHERE state <> 'none'""",
    """INSERT INTO standings (tenant_id, state, code, "values", since, last_sync_at, next_sync_at, waiting_lines,
         waiting_entries, coupling_id, changed_at)
       SELECT id, state,
         CASE state WHEN 'none' THEN 'standing.no_coupling' WHEN 'stopped' THEN 'exact.period_closed'
           WHEN 'attention' THEN 'standing.entries_wait' WHEN 'wait_client' THEN 'standing.no_statements' ELSE '' END,
         '{}', %(now)s, CASE WHEN state <> 'none' THEN %(now)s - n * interval '7 minutes' END,
         CASE WHEN state <> 'none' THEN %(now)s + n * interval '3 minutes' END, n %% 90,
         CASE state WHEN 'attention' THEN 1 ELSE 0 END, CASE WHEN state <> 'none' THEN coupling_id END,
         %(now)s FROM made""",
    """INSERT INTO assignments (tenant_id, id, client_id, user_id)
       SELECT %(portal)s, gen_random_uuid(), id, (%(people)s::uuid[])[n %% 4 + 1] FROM made WHERE n %% 5 <> 0""",
    """INSERT INTO comparisons (tenant_id, id, coupling_id, night, compared_at, offered, booked, found, missing,
         doubled, altered, findings)
       SELECT id, gen_random_uuid(), coupling_id, %(today)s - night, %(now)s, 40 + n %% 9, 40, 40, 0, 0, 0, '[]'
       FROM made, generate_series(1, %(nights)s) AS night WHERE state <> 'none'""",
    "DROP TABLE made",
)
