"""Starts an RQ worker (`worker.py work`) or the scheduler (`worker.py schedule`).

The worker imports the whole application once and forks for each job, so that a job costs a
fork and no import, and a job that goes wrong takes only its own process along.
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import time
from collections.abc import Sequence

import redis
import rq
import structlog
from rq.executions import Execution
from rq.job import Job
from rq.serializers import JSONSerializer
from sqlalchemy.exc import SQLAlchemyError

from config import ConfigError, Settings
from portal import runtime
from portal.app import create_app
from portal.authorisations import renewal
from portal.jobs import schedule
from portal.kernel import queue
from portal.kernel.services.process import die_with_parent

log = structlog.get_logger()


class Worker(rq.Worker):
    """A forking worker whose child dies with it: no job runs on unwatched after a kill -9."""

    def main_work_horse(self, job: Job, queue: rq.Queue) -> None:
        die_with_parent(signal.SIGKILL, self.pid)
        # connections of the parent are not ours to use, nor to close
        runtime.get().database.engine.dispose(close=False)
        super().main_work_horse(job, queue)

    def perform_job(self, job: Job, queue: rq.Queue, execution: Execution) -> bool:
        """Do it, and say so in one line: name and ids, which are all a job carries."""
        began = time.perf_counter()
        done = super().perform_job(job, queue, execution)
        name = (job.func_name or "").removeprefix("portal.jobs.")
        seconds = round(time.perf_counter() - began, 3)
        log.info("job.done" if done else "job.failed", job=name, ids=list(job.args), seconds=seconds)
        return done


def collect_spool() -> None:
    """Bring home what a crash of this machine left on its disk, before a job spends an old token again."""
    here = runtime.get()
    try:
        renewal.collect_spool(here.database, here.vault, here.settings)
    except SQLAlchemyError as failure:  # the schedule asks again every minute
        log.warning("spool.waits", error=type(failure).__name__)
    finally:
        here.database.engine.dispose()


def work(settings: Settings, queues: Sequence[str], burst: bool) -> int:
    """Work until told to stop; the running job is finished first. With one queue no bell can get lost on the way."""
    # without driver_info every forked job would read the package's metadata to introduce itself (4 ms)
    connection = redis.Redis.from_url(settings.redis_url, driver_info=None)
    worker = Worker(
        list(queues),
        connection=connection,
        serializer=JSONSerializer,
        worker_ttl=45,
        job_monitoring_interval=5,
        maintenance_interval=10,
        log_job_description=False,
    )
    logging.getLogger("rq").setLevel(logging.WARNING)  # ours is the line for a job; RQ has four
    collect_spool()
    worker.work(burst=burst, logging_level="WARNING")
    return 0


def main(arguments: Sequence[str]) -> int:
    """Status 0 after a normal end, 1 when the settings are incomplete."""
    parser = argparse.ArgumentParser(prog="worker.py", description="Run a worker or the scheduler.")
    commands = parser.add_subparsers(dest="command", required=True)
    worker = commands.add_parser("work", help="do jobs until told to stop")
    worker.add_argument("--queue", action="append", choices=queue.QUEUES, help="may be repeated; all when left out")
    worker.add_argument("--burst", action="store_true", help="stop when the queues are empty")
    commands.add_parser("schedule", help="start what is due; any number may run")
    chosen = parser.parse_args(arguments)
    try:
        settings = Settings.from_env()
    except ConfigError as problem:
        sys.stderr.write(f"worker: {problem}\n")
        return 1
    create_app(settings)  # everything is imported, jobs included, before the first fork
    if chosen.command == "schedule":
        schedule.run_forever()
        return 0
    return work(settings, chosen.queue or queue.QUEUES, chosen.burst)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
