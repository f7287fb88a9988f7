"""The play: statements arrive in parts, processes are killed as the work goes on, and the end is waited for."""

from __future__ import annotations

import random
import signal
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import redis
from sqlalchemy import func, or_, select, text
from sqlalchemy.exc import OperationalError

from config import DATABASE
from portal.access import Scope
from portal.chaos.players import Player, cast
from portal.chaos.stage import Stage
from portal.couplings.models import Configuration
from portal.jobs import sync as _jobs  # noqa: F401  (a bell is rung by the name of a declared job)
from portal.kernel.db import Setting
from portal.kernel.errors import PortalError
from portal.kernel.services import start_postgres, start_valkey
from portal.ledger.models import Entry, StatementLine
from portal.sync import posting, reversal
from portal.sync.models import Posting, PostingState, Run
from portal.sync.points import CRASH_POINTS
from portal.sync.preview import preview
from portal.sync.runs import start_run

PARTS = 8
ARMED_SECONDS = 20.0
UNDONE_SHARE = 0.04  # of the entries: a person undoes so many, and sends their lines again
# What the provider does to one call in so many; the seed decides to which.
WRITE_FAULTS = {
    "drop_before_commit": 0.010, "drop_after_commit": 0.010, "commit_late": 0.010, "500": 0.004,
    "500_after_commit": 0.006, "503": 0.004, "429": 0.0005, "garbage": 0.004, "truncated": 0.004,
}  # fmt: skip
READ_FAULTS = {"drop_before_commit": 0.004, "503": 0.003}
# Who comes to a crash point; the others are not on the way of a background process.
PLACES = {
    "posting": "post", "dispatch": "post", "run": "sync", "drafting": "sync", "offer": "sync", "tick": "schedule",
}  # fmt: skip
POINTS = tuple(point for point in CRASH_POINTS if point.partition(".")[0] in PLACES)


@dataclass
class Standing:
    confirmed: int = 0
    undone: int = 0
    under_way: int = 0
    parked: int = 0
    rejected: int = 0
    drafts: int = 0
    waiting_lines: int = 0
    open_runs: int = 0

    @property
    def left_to_people(self) -> bool:
        """Work that nothing works at: a run failed, and is not tried again by itself for hours."""
        return bool(self.drafts or self.waiting_lines) and not (self.open_runs or self.under_way)

    @property
    def idle(self) -> bool:
        open_ends = (self.under_way, self.parked, self.rejected, self.drafts, self.waiting_lines, self.open_runs)
        return not any(open_ends)


@dataclass
class Trial:
    home: Path
    kills: int
    entries: int
    seed: int
    dossiers: int
    logins: int
    apps: Sequence[str] = ("exact",)
    killed: Counter[str] = field(default_factory=Counter)
    reached: set[str] = field(default_factory=set)
    decisions: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    players: list[Player] = field(default_factory=list)
    parts_in: int = 0
    undone: int = 0  # asked for

    def prepare(self) -> None:
        (self.home / "logs").mkdir(parents=True)
        self.random = random.Random(self.seed)  # noqa: S311  (repeatable, guards nothing)
        self.stage = Stage(self.home, self.random, self.apps)
        self.stage.start()
        self.stage.furnish(self.entries, self.dossiers, self.logins)
        self.parts = max(1, min(PARTS, self.entries // self.dossiers // 5))
        self.to_visit = list(POINTS)
        self.random.shuffle(self.to_visit)
        self._script_faults()
        self.players = cast(self.stage.environment, self.home / "logs")
        for player in self.players:
            player.start()

    def _script_faults(self) -> None:
        for stand in self.stage.stands:
            for write, faults in ((True, WRITE_FAULTS), (False, READ_FAULTS)):
                for kind, probability in faults.items():
                    more = {"seconds": 1.5} if kind == "commit_late" else {}
                    seed = self.random.randint(1, 10**6)
                    stand.script(kind, write=write, probability=probability, seed=seed, **more)

    def play(self, limit: float) -> bool:
        """Until everything is booked and every kill is spent; False when the time was up before."""
        until, told = time.monotonic() + limit, 0.0
        events = self._events()
        while time.monotonic() < until:
            self._watch()
            standing = self._standing()
            progress = (standing.confirmed - 2 * standing.undone) / self.entries
            if self.parts_in < self.parts and progress >= 0.8 * self.parts_in / self.parts:
                self._next_part()
                continue  # what stands changed
            while events and events[0][0] <= progress:
                self._event(events.pop(0)[1])
            if self.undone < progress * self.entries * UNDONE_SHARE:
                self._undo_one()
            if sum(self.killed.values()) < min(self.kills, int(self.kills * progress * 1.03) + 1):
                self._kill_somebody(standing)
            if time.monotonic() - told > 20:
                told = time.monotonic()
                print(f"  {standing.confirmed} booked, {sum(self.killed.values())} killed; {standing}", flush=True)
            spent = sum(self.killed.values()) >= self.kills and self.parts_in == self.parts
            if spent and standing.idle:
                return True
            if standing.parked or standing.rejected or standing.left_to_people:
                self._decide()
            time.sleep(0.3)
        return False

    def _next_part(self) -> None:
        self.stage.bank_speaks(self.parts_in, self.parts)
        self.parts_in += 1

    def _watch(self) -> None:
        """Start again what is dead; disarm who died at its point, or did not come there in time."""
        for player in self.players:
            deaths = player.died_at_its_point()
            if player.armed and (deaths or time.monotonic() - player.armed_at > ARMED_SECONDS):
                point, player.armed = player.armed, ""
                self.killed["at a named point"] += deaths
                if deaths:
                    self.reached.add(point)
                else:
                    self.to_visit.append(point)
                if player.alive():
                    player.kill()
                    self.killed[player.name.split()[0]] += 1
            if not player.alive():
                player.start()

    def _kill_somebody(self, standing: Standing) -> None:
        if self.to_visit and self.random.random() < 0.5 and self._arm(standing):
            return
        free = [player for player in self.players if not player.armed]
        if not free:
            return
        player = self.random.choice(free)
        if self.random.random() < 0.6 and player.kill_child():
            self.killed["job under way"] += 1
        else:
            player.kill()
            self.killed[player.name.split()[0]] += 1
            player.start()

    def _arm(self, standing: Standing) -> bool:
        """Replace a process by one that kills itself at the next point to visit for which there is work."""
        busy = {"post": standing.under_way, "sync": standing.open_runs, "schedule": 1}
        for point in self.to_visit:
            place = PLACES[point.partition(".")[0]]
            free = [player for player in self.players if player.name.split()[0] == place and not player.armed]
            if busy[place] and free:
                self.to_visit.remove(point)
                player = self.random.choice(free)
                player.kill()
                self.killed[place] += 1
                player.start(point)
                return True
        return False

    # ------------------------------------------------------------------------------ servers

    def _events(self) -> list[tuple[float, str]]:
        flushes = [((n + 0.5) / 10, "flush") for n in range(10)]
        return sorted([*flushes, (0.3, "valkey"), (0.7, "valkey"), (0.5, "postgres")])

    def _event(self, kind: str) -> None:
        if not self.kills:
            return
        self.events[kind] += 1
        services, settings = self.stage.services, self.stage.settings
        if kind == "flush":
            redis.Redis.from_url(settings.redis_url).flushall()
        elif kind == "valkey":
            services["valkey"].process.kill()
            services["valkey"].process.wait()
            services["valkey"] = start_valkey(self.home / "valkey")
        else:
            services["postgres"].process.send_signal(signal.SIGQUIT)  # "immediate": it recovers from its log
            services["postgres"].process.wait()
            services["postgres"] = start_postgres(self.home / "postgres")
            self.stage.runtime.database.engine.dispose()

    # ------------------------------------------------------------------------------ looking

    def _standing(self) -> Standing:
        """Over all clients at once, past row-level security."""
        try:
            with psycopg.connect(self.stage.services["postgres"].url, dbname=DATABASE) as connection:
                figures: dict[str, int] = dict(connection.execute(_FIGURES).fetchall())
        except psycopg.OperationalError:
            return Standing(under_way=1)  # the database is coming back
        return Standing(
            confirmed=figures.get("confirmed", 0),
            undone=figures.get("undone", 0),
            under_way=sum(figures.get(state, 0) for state in ("intent", "sending", "uncertain")),
            parked=figures.get("parked", 0),
            rejected=figures.get("rejected", 0),
            drafts=figures.get("draft", 0),
            waiting_lines=figures.get("waiting", 0),
            open_runs=figures.get("run", 0),
        )

    def _decide(self) -> None:
        """What a person does with what waits for a decision."""
        for client in self.stage.clients:
            with self.stage.runtime.database.scoped(Setting(tenant=client.tenant_id)) as session:
                scope = Scope.system(session, client.tenant_id)
                stuck = session.scalars(
                    select(Posting.id).where(Posting.state.in_((PostingState.PARKED, PostingState.REJECTED)))
                ).all()
                for posting_id in stuck:
                    self._decide_on(scope, posting_id)
                self._send_undone_again(scope)
                self._start_failed_runs(scope)

    def _decide_on(self, scope: Scope, posting_id: uuid.UUID) -> None:
        row = scope.get(Posting, posting_id)
        decide = (
            posting.retry if row.surely_unbooked
            else posting.send_again if posting.looked_empty(row)
            else posting.look_again
        )  # fmt: skip
        self.decisions[f"{decide.__name__} after {row.code}"] += 1
        decide(scope, posting_id)

    def _undo_one(self) -> None:
        """What a person does who finds one of the entries wrong."""
        client = self.random.choice(self.stage.clients)
        booked = select(Posting.entry_id).where(Posting.state == PostingState.CONFIRMED).order_by(Posting.reference)
        with (
            suppress(PortalError, OperationalError),
            self.stage.runtime.database.scoped(Setting(tenant=client.tenant_id)) as session,
        ):
            scope = Scope.system(session, client.tenant_id)
            if entries := session.scalars(booked).all():
                entry_id = self.random.choice(entries)
                shown = reversal.plan(scope, entry_id).shown
                reversal.undo(scope, entry_id, reason="Wrong account", sha256=shown.sha256)
                self.undone += 1

    def _send_undone_again(self, scope: Scope) -> None:
        """Such drafts wait for a person, though the configuration is automatic."""
        again = select(Entry).where(Entry.state == "draft", Entry.sequence > 0, Entry.reverses_id.is_(None))
        for entry in scope.session.scalars(again).all():
            with suppress(PortalError):
                posting.offer(scope, entry.id, preview(scope, entry).sha256, entry.version)
                self.decisions["sent again after undoing"] += 1

    def _start_failed_runs(self, scope: Scope) -> None:
        failed = scope.session.scalars(
            select(Configuration).where(
                Configuration.next_due_at > func.now() + text("interval '1 hour'"),
                Configuration.id.in_(select(Run.configuration_id).where(Run.state == "failed")),
                or_(
                    Configuration.id.in_(select(Entry.configuration_id).where(Entry.state == "draft")),
                    Configuration.bank_account_id.in_(
                        select(StatementLine.bank_account_id).where(StatementLine.entry_id.is_(None))
                    ),
                ),
            )
        ).all()
        for configuration in failed:
            try:
                start_run(scope, configuration, "schedule")
                self.decisions["run started anew"] += 1
            except PortalError:
                continue

    def story(self) -> str:
        """What was done to it, in words."""
        kills = ", ".join(f"{number} {what}" for what, number in sorted(self.killed.items()))
        missed = sorted(set(POINTS) - self.reached)
        lines = [
            f"killed with -9: {sum(self.killed.values())} ({kills})",
            f"named points died at: {len(self.reached)} of {len(POINTS)}"
            + (f" (not: {', '.join(missed)})" if missed else ""),
            f"Redis flushed {self.events['flush']} times, killed {self.events['valkey']} times; "
            f"PostgreSQL stopped at once {self.events['postgres']} times",
            f"entries undone by a person: {self.undone}",
            "faults of the provider: " + ", ".join(f"{kind} {share:.2%}" for kind, share in WRITE_FAULTS.items()),
            "decisions by a person: " + (", ".join(f"{n}× {what}" for what, n in self.decisions.items()) or "none"),
        ]
        return "\n".join(lines)

    def stop(self) -> None:
        for player in self.players:
            player.stop()
        if hasattr(self, "stage"):
            self.stage.stop()


_FIGURES = (
    "SELECT state, count(*) FROM postings GROUP BY state"
    " UNION ALL SELECT 'undone', count(*) FROM entries WHERE reversed_at IS NOT NULL"
    " UNION ALL SELECT 'draft', count(*) FROM entries WHERE state = 'draft'"
    " UNION ALL SELECT 'waiting', count(*) FROM statement_lines WHERE entry_id IS NULL"
    " UNION ALL SELECT 'run', count(*) FROM runs WHERE state IN ('queued', 'running')"
)
