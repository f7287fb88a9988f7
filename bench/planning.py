"""Ten thousand dossiers on PostgreSQL: all their runs planned in one tick, and one choice of whose turn it is.

One client account is made by the product itself, with a run and an entry that waits; the others
are copies of its rows.
"""

from __future__ import annotations

import random
import resource
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg

from bench.posting import offer_all
from bench.table import Row
from config import DATABASE
from portal.chaos.stage import Stage
from portal.jobs import schedule
from portal.kernel import queue
from portal.kernel.logs import set_up_logging
from portal.sync import dispatch, turns

ENTRIES = 10  # waiting in each dossier
TICK = 15.0  # seconds until the next one
MEMORY = 64  # MB
CHOICE = 1.0  # seconds; a turn takes five
_COPIES = """
CREATE TEMPORARY TABLE copies AS SELECT md5('copy ' || n)::uuid AS id, n FROM generate_series(1, {dossiers}) n;
INSERT INTO tenants SELECT (jsonb_populate_record(t, jsonb_build_object('id', c.id, 'name', 'Client ' || c.n))).*
  FROM copies c, tenants t WHERE t.kind = 'client' AND t.id = '{client}';
INSERT INTO grants SELECT (jsonb_populate_record(t, jsonb_build_object('tenant_id', c.id))).*
  FROM copies c, grants t WHERE t.tenant_id = '{client}';
INSERT INTO bank_accounts SELECT (jsonb_populate_record(t, jsonb_build_object('tenant_id', c.id))).*
  FROM copies c, bank_accounts t WHERE t.tenant_id = '{client}';
INSERT INTO couplings SELECT (jsonb_populate_record(t, jsonb_build_object('tenant_id', c.id, 'id', c.id,
  'dossier_code', 'copy ' || c.n))).* FROM copies c, couplings t WHERE t.tenant_id = '{client}';
INSERT INTO configurations SELECT (jsonb_populate_record(t, jsonb_build_object('tenant_id', c.id, 'coupling_id', c.id,
  'next_due_at', now()))).* FROM copies c, configurations t WHERE t.tenant_id = '{client}';
INSERT INTO entries SELECT (jsonb_populate_record(t, jsonb_build_object('tenant_id', c.id, 'coupling_id', c.id,
  'id', md5(c.n || ' entry ' || m)::uuid, 'reference', 'R-' || m, 'sequence', m))).*
  FROM copies c, entries t, generate_series(1, {entries}) m WHERE t.tenant_id = '{client}';
INSERT INTO postings SELECT (jsonb_populate_record(t, jsonb_build_object('tenant_id', c.id, 'coupling_id', c.id,
  'id', md5(c.n || ' posting ' || m)::uuid, 'entry_id', md5(c.n || ' entry ' || m)::uuid, 'reference', 'R-' || m))).*
  FROM copies c, postings t, generate_series(1, {entries}) m WHERE t.tenant_id = '{client}';
UPDATE configurations SET next_due_at = NULL WHERE tenant_id = '{client}';
"""


def rows(quick: bool = False) -> Iterator[Row]:
    dossiers = 1_000 if quick else 10_000
    home = Path(tempfile.mkdtemp(prefix="koppelpoort-bench-"))
    home.chmod(0o755)
    (home / "logs").mkdir()
    stage = Stage(home, random.Random(1))
    try:
        stage.start()
        set_up_logging("WARNING", readable=True)
        stage.furnish(1, 1, logins=1)
        stage.bank_speaks(0, 1)
        queue.connect(None)
        offer_all(stage)
        _copy(stage, dossiers)
        yield from _planned(stage, dossiers)
        yield _chosen(stage, dossiers)
    finally:
        stage.stop()
        shutil.rmtree(home, ignore_errors=True)


def _copy(stage: Stage, dossiers: int) -> None:
    script = _COPIES.format(dossiers=dossiers, entries=ENTRIES, client=stage.clients[0].tenant_id)
    with psycopg.connect(stage.services["postgres"].url, dbname=DATABASE, autocommit=True) as connection:
        connection.execute(script)
        connection.execute("ANALYZE")


def _planned(stage: Stage, dossiers: int) -> Iterator[Row]:
    before, began = _memory(), time.perf_counter()
    schedule.start_due_runs(stage.runtime.database)
    seconds, grown = time.perf_counter() - began, _memory() - before
    with psycopg.connect(stage.services["postgres"].url, dbname=DATABASE) as connection:
        (planned,) = connection.execute("SELECT count(*) FROM runs WHERE state = 'queued'").fetchone() or (0,)
    if planned != dossiers:
        raise RuntimeError(f"{planned} of {dossiers} runs were planned")
    yield Row(f"{dossiers:,} dossiers planned in one tick", f"{seconds:.1f} s", f"{TICK:g} s", TICK / seconds, 1.0)
    yield Row("  memory above start", f"{grown:.0f} MB", f"{MEMORY} MB", MEMORY / max(grown, 1.0), 1.0)


def _chosen(stage: Stage, dossiers: int) -> Row:
    began = time.perf_counter()
    lanes = turns.lane_of(dispatch.HANDS)
    general, _ = dispatch.choose(stage.runtime.database, general=dispatch.HANDS, lane=lanes)
    seconds = time.perf_counter() - began
    if len(general) != dispatch.HANDS:
        raise RuntimeError(f"{len(general)} turns were taken")
    work = f"  a choice among them, {dossiers * ENTRIES:,} entries"
    return Row(work, f"{seconds * 1000:.0f} ms", f"{CHOICE:g} s", CHOICE / seconds, 1.0)


def _memory() -> float:
    """Most that this process ever held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
