"""How all client accounts of a firm stand: one list, worst first, grouped by cause.

A client's own standing is kept in `standings`; the state of the firm's authorisation is laid
over it here, so that one log-in that lapsed shows at every client that hangs on it at once.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import text

from portal.access import Scope
from portal.approvals import reading as approvals
from portal.kernel import clock

STATES = ("stopped", "attention", "wait_client", "wait_approval", "none", "active")
EXPIRING = timedelta(days=10)
_NUMBER = re.compile(r"\s*(?:be|kvk|siren)?[\s\d.]+", re.IGNORECASE)
SORTS = {
    "state": "rank, sort_name",
    "-state": "rank DESC, sort_name",
    "name": "sort_name",
    "-name": "sort_name DESC",
    "last": "last_sync_at NULLS FIRST, sort_name",
    "-last": "last_sync_at DESC NULLS LAST, sort_name",
    "next": "next_sync_at NULLS LAST, sort_name",
    "-next": "next_sync_at DESC NULLS FIRST, sort_name",
    "waiting": "waiting_lines, sort_name",
    "-waiting": "waiting_lines DESC, sort_name",
}

_BOARD = """
WITH board AS (
  SELECT t.id, lower(t.name) AS sort_name, t.name, t.scheme, t.enterprise_number,
    c.app, c.dossier_number, c.dossier_code, c.authorisation_id, c.authorisation_tenant_id,
    a.name AS authorisation_name, a.state AS authorisation_state,
    s.last_sync_at, s.next_sync_at, s."values" AS reason,
    coalesce(s.waiting_lines, 0) AS waiting_lines, coalesce(s.waiting_entries, 0) AS waiting_entries,
    w.ids AS assigned_ids, w.names AS assigned_name,
    CASE WHEN a.state IN ('needs_consent', 'refused', 'revoked', 'inactive') THEN 'stopped'
         WHEN k.refresh_expires_at < :soon AND coalesce(s.state, 'none') IN ('active', 'none') THEN 'attention'
         ELSE coalesce(s.state, 'none') END AS state,
    CASE WHEN a.state IN ('needs_consent', 'refused', 'revoked', 'inactive') THEN 'authorisation.' || a.state
         WHEN k.refresh_expires_at < :soon AND coalesce(s.state, 'none') IN ('active', 'none')
           THEN 'authorisation.expiring'
         ELSE coalesce(s.code, CASE WHEN (SELECT app_limited()) THEN 'standing.in_part' END, 'standing.no_coupling')
         END AS code,
    CASE WHEN a.state IN ('needs_consent', 'refused', 'revoked', 'inactive') THEN a.state_since
         ELSE s.since END AS since
  FROM tenants t
  LEFT JOIN standings s ON s.tenant_id = t.id
  -- Who sees some of its bank accounts has no standing of it, as that counts them all.
  LEFT JOIN couplings c ON c.tenant_id = t.id AND c.state = 'active' AND c.id = coalesce(s.coupling_id,
    (SELECT x.id FROM couplings x WHERE x.tenant_id = t.id AND x.state = 'active' ORDER BY x.id LIMIT 1))
  LEFT JOIN authorisations a ON a.tenant_id = c.authorisation_tenant_id AND a.id = c.authorisation_id
  LEFT JOIN credentials k ON k.tenant_id = a.tenant_id AND k.authorisation_id = a.id
  LEFT JOIN (
    SELECT x.client_id, array_agg(x.user_id) AS ids, string_agg(u.name, ', ' ORDER BY lower(u.name)) AS names
    FROM assignments x JOIN users u ON u.id = x.user_id WHERE x.tenant_id = :portal GROUP BY x.client_id
  ) w ON w.client_id = t.id
  -- As an array: each client once, asked for by key, however many there are of other firms.
  WHERE t.id = ANY(ARRAY(SELECT app_clients())) AND t.closed_at IS NULL
), ranked AS (
  SELECT board.*, array_position(ARRAY['stopped','attention','wait_client','wait_approval','none','active'], state)
    AS rank,
    -- A client's own log-in is seen in the account of that client only.
    CASE WHEN code LIKE 'authorisation.%' AND authorisation_tenant_id = :portal THEN authorisation_id::text ELSE '' END
      AS cause_id
  FROM board
)
"""
# Causes and rows are of the same accounts: asked at once, these are gathered and ranked once.
_LISTS = """
, causes AS (
  SELECT state, code, cause_id, min(authorisation_name) AS authorisation_name, min(app) AS app, count(*) AS clients,
    min(since) AS since, sum(waiting_entries) AS waiting_entries,
    count(*) FILTER (WHERE :user = ANY(assigned_ids)) AS mine,
    (array_agg(name ORDER BY waiting_lines DESC, sort_name))[1:3] AS names,
    (array_agg(id ORDER BY waiting_lines DESC, sort_name))[1] AS first_id, min(rank) AS rank,
    coalesce(bool_and(authorisation_state = 'active'), false) AS signed_in
  FROM ranked GROUP BY state, code, cause_id ORDER BY rank, clients DESC, code
), matching AS (
  SELECT * FROM ranked
  WHERE (:find = '' OR strpos(sort_name, lower(:find)) > 0
         OR (:digits <> '' AND strpos(enterprise_number, :digits) > 0)
         OR lower(dossier_number) = lower(:find) OR lower(dossier_code) = lower(:find))
    AND (:state = '' OR state = :state OR (:state = 'wait' AND state IN ('wait_client', 'wait_approval')))
    AND (:code = '' OR code = :code) AND (:cause_id = '' OR cause_id = :cause_id)
    AND (CAST(:assigned AS uuid) IS NULL OR CAST(:assigned AS uuid) = ANY(assigned_ids))
), page AS (
  SELECT * FROM matching ORDER BY {order}, id LIMIT :limit
  -- Past the end, the last page: a list that grew shorter must not look empty.
  OFFSET (SELECT least(CAST(:page AS bigint) - 1, greatest(count(*) - 1, 0) / :limit) * :limit FROM matching)
)
SELECT
  (SELECT json_agg(json_build_array(state, code, cause_id, authorisation_name, app, clients, since, waiting_entries,
     mine, names, first_id, rank, signed_in)) FROM causes),
  (SELECT json_agg(json_build_array(id, name, scheme, enterprise_number, app, dossier_number, state, code,
     NULLIF(reason, '{}')::text, last_sync_at, next_sync_at, waiting_lines, assigned_name)) FROM page),
  (SELECT count(*) FROM matching),
  {approvals}
"""
_BOARDS = {
    key: text(_BOARD + _LISTS.replace("{order}", order).replace("{approvals}", approvals.WAITING.text))
    for key, order in SORTS.items()
}
_NIGHTS = text(
    "SELECT night, sum(offered) AS offered, sum(booked) AS booked, sum(found) AS found, sum(missing) AS missing,"
    " sum(doubled) AS doubled, sum(altered) AS altered,"
    " sum(jsonb_array_length(findings)) AS findings,"
    " sum(jsonb_array_length(jsonb_path_query_array(findings, '$[*] ? (!exists(@.seen_at))'))) AS unseen"
    " FROM comparisons"
    # As an array here too.
    " WHERE tenant_id = ANY(ARRAY(SELECT app_clients())) AND night > :since GROUP BY night ORDER BY night"
)


@dataclass(frozen=True, slots=True)
class Filter:
    """What the address of the page asks for. `state` may be "wait" for both kinds of waiting."""

    find: str = ""
    state: str = ""
    code: str = ""
    cause_id: str = ""
    assigned: uuid.UUID | None = None
    sort: str = "state"
    page: int = 1
    per: int = 50


@dataclass(frozen=True, slots=True)
class Cause:
    """Clients that stand the same way for the same reason."""

    state: str
    code: str
    cause_id: str  # the authorisation of the firm, where that is the cause
    authorisation_name: str | None
    app: str | None
    clients: int
    since: datetime | None
    waiting_entries: int
    mine: int
    names: Sequence[str]
    first_id: uuid.UUID
    rank: int
    signed_in: bool  # the log-in works now, whatever stopped the clients before


class Client(NamedTuple):
    """A row of the list; a tuple, so that equal rows are found as equal without a look at their parts."""

    id: uuid.UUID
    name: str
    scheme: str
    enterprise_number: str
    app: str | None  # of the coupling
    dossier_number: str | None
    state: str
    code: str
    reason: str | None  # JSON of the values that belong to `code`; None when there are none
    last_sync_at: datetime | None
    next_sync_at: datetime | None
    waiting_lines: int
    assigned_name: str | None


@dataclass(frozen=True, slots=True)
class Board:
    rows: Sequence[Client]
    matching: int
    causes: Sequence[Cause]  # worst first, "active" included
    page: int
    approvals: int  # tasks that wait for whoever asks

    @property
    def total(self) -> int:
        return sum(cause.clients for cause in self.causes)

    def count(self, *states: str) -> int:
        return sum(cause.clients for cause in self.causes if cause.state in states)

    @property
    def waiting_entries(self) -> int:
        return int(sum(cause.waiting_entries or 0 for cause in self.causes))

    @property
    def mine(self) -> int:
        return sum(cause.mine for cause in self.causes)


def board(scope: Scope, wanted: Filter) -> Board:
    """One query, whatever the number of clients."""
    parameters = approvals.asked(scope) | {
        "portal": scope.tenant_id,
        "user": scope.actor.user_id,
        "soon": clock.now() + EXPIRING,
        "find": wanted.find.strip(),
        # A name may have a figure in it too; only what can be a number is looked for among the numbers.
        "digits": re.sub(r"\D", "", wanted.find) if _NUMBER.fullmatch(wanted.find) else "",
        "state": wanted.state,
        "code": wanted.code,
        "cause_id": wanted.cause_id,
        "assigned": wanted.assigned,
        "limit": wanted.per,
        "page": wanted.page,
    }
    query = _BOARDS.get(wanted.sort, _BOARDS["state"])
    causes, rows, matching, waiting = scope.session.execute(query, parameters).one()
    page = min(wanted.page, max(-(-matching // wanted.per), 1))
    found = [_cause(*row) for row in causes or ()]
    return Board([_client(*row) for row in rows or ()], matching, found, page, waiting)


def _cause(*fields: Any) -> Cause:
    """Out of JSON, which knows neither moments nor ids."""
    *start, since, entries, mine, names, first_id, rank, signed_in = fields
    return Cause(*(*start, _moment(since), entries, mine, names, uuid.UUID(first_id), rank, signed_in))


def _client(client_id: str, *fields: Any) -> Client:
    *start, last, following, lines, assigned = fields
    return Client(*(uuid.UUID(client_id), *start, _moment(last), _moment(following), lines, assigned))


def _moment(written: str | None) -> datetime | None:
    return datetime.fromisoformat(written) if written else None


@dataclass(frozen=True, slots=True)
class Night:
    night: date
    offered: int
    booked: int
    found: int
    missing: int
    doubled: int
    altered: int
    findings: int  # of every kind, also what nobody expected there
    unseen: int  # of them, those that nobody answered for yet


def nights(scope: Scope, count: int = 14) -> Sequence[Night]:
    """The last `count` nights up to the last one compared, oldest first; none when nothing ever was."""
    since = clock.today() - timedelta(days=count + 1)
    rows = [Night(row[0], *(int(n) for n in row[1:])) for row in scope.session.execute(_NIGHTS, {"since": since})]
    if not rows:
        return []
    by_night, last = {row.night: row for row in rows}, rows[-1].night
    days = (last - timedelta(days=back) for back in range(count - 1, -1, -1))
    return [by_night.get(day, Night(day, 0, 0, 0, 0, 0, 0, 0, 0)) for day in days]
