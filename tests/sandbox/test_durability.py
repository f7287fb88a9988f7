"""A killed sandbox loses nothing that it acknowledged, and is there again at once."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import requests

from sandbox.exact import serve
from tests.sandbox.world import DIVISION, World


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(port: int, data: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "sandbox.exact", "--port", str(port), "--data", str(data)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    ends = time.monotonic() + 15
    while time.monotonic() < ends:
        try:
            requests.get(f"http://127.0.0.1:{port}/control/api/state", timeout=1)
        except requests.ConnectionError:
            time.sleep(0.05)
        else:
            return process
    raise AssertionError("the sandbox did not start")


def post_until_killed(world: World, body: dict[str, Any], acknowledged: list[str]) -> None:
    headers = {"Authorization": f"Bearer {world.token}", "Accept": "application/json"}
    with requests.Session() as http:
        while True:
            try:
                url = f"{world.url}/be/api/v1/{DIVISION}/financialtransaction/BankEntries"
                answer = http.post(url, json=body, headers=headers, timeout=5)
            except requests.RequestException:
                return
            if answer.status_code != 201:
                return
            acknowledged.append(answer.json()["d"]["EntryID"])


def test_kill_9_loses_nothing_acknowledged(tmp_path: Path) -> None:
    port = free_port()
    process = start(port, tmp_path)
    world = World(f"http://127.0.0.1:{port}")
    world.fault("drop_before_commit", endpoint="never", times=7)
    body = world.bank_entry(1)
    acknowledged: list[str] = []
    workers = [threading.Thread(target=post_until_killed, args=(world, body, acknowledged)) for _ in range(8)]
    for worker in workers:
        worker.start()
    while len(acknowledged) < 60:
        time.sleep(0.02)
    process.kill()
    process.wait()
    for worker in workers:
        worker.join()
    world.http.close()
    process = start(port, tmp_path)
    try:
        kept = [entry["id"] for entry in world.entries()]
        assert set(acknowledged) <= set(kept)
        assert len(kept) - len(acknowledged) <= len(workers)
        assert world.look("clock")["frozen"] is True
        assert [fault["times"] for fault in world.look("faults")["faults"]] == [7]
        assert world.post_bank(body).status_code == 201
    finally:
        process.terminate()
        assert process.wait(timeout=10) == 0
        world.http.close()


def test_sixty_four_clients_at_once(world: World) -> None:
    body = world.bank_entry(1)
    statuses: list[int] = []

    def post() -> None:
        headers = {"Authorization": f"Bearer {world.token}", "Accept": "application/json"}
        url = f"{world.url}/be/api/v1/{DIVISION}/financialtransaction/BankEntries"
        with requests.Session() as http:
            statuses.extend(http.post(url, json=body, headers=headers).status_code for _ in range(4))

    threads = [threading.Thread(target=post) for _ in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [201] * 256
    numbers = [entry["number"] for entry in world.entries()]
    assert sorted(numbers) == list(range(26200001, 26200257))
    assert world.balance("550000") == "256.00"


def test_limits_and_blocks_outlive_a_restart(tmp_path: Path) -> None:
    running = serve(data=tmp_path)
    world = World(running.url)
    world.settings(per_minute=2, errors_per_hour=1)
    for _ in range(2):
        world.api("GET", f"{DIVISION}/financial/Journals?$filter=X eq 1")
    world.api("GET", f"{DIVISION}/financial/GLAccounts?$top=1")
    running.stop()
    running = serve(data=tmp_path)
    world.url = running.url
    try:
        blocked = world.api("GET", f"{DIVISION}/financial/Journals")
        assert "X-RateLimit-Minutely-Limit" not in blocked.headers
        over = world.api("GET", f"{DIVISION}/financial/GLAccounts?$top=1")
        assert (blocked.status_code, over.status_code) == (429, 429)
        assert over.headers["X-RateLimit-Minutely-Limit"] == "2"
    finally:
        running.stop()
        world.http.close()
