"""One scenario from its servers to its evidence."""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

from .clients import set_up_cast
from .commands import World
from .healing import healed, quiet
from .history import History
from .psql import Database
from .roles import Supervisor, run_program
from .running import HEAL_LIMIT_S, MUTANT_HEAL_LIMIT_S, PREFIX, Mutant, Run, Scenario, ended
from .sampler import IdleInTransaction
from .servers import Servers
from .volume import Volume
from .watcher import StreamWatcher

# Whatever hangs is a finding: the full form of a scenario may take so long, and a longer one more.
RUN_LIMIT_S = 1_200
PROGRESS_S = 5.0


def _log(text: str) -> None:
    print(f"torture: {text}", flush=True)


async def run(
    scenario: Scenario, count: int, form: str, seed: int, evidence: Path, mutant: Mutant | None = None
) -> dict[str, Any]:
    """Runs a scenario; gives its evidence, in which all that was not as it should be is a violation.

    Of a mutant violations are wanted, so they are not told, and nothing is kept.
    """
    begun = time.monotonic()
    directory = Path(
        tempfile.mkdtemp(prefix=f"carelog-torture-{scenario.name}-", dir=os.environ.get("TMPDIR", "/var/tmp"))
    )
    directory.chmod(0o711)
    result: dict[str, Any] = {
        "scenario": scenario.name,
        "seed": seed,
        "commit": commit(),
        "form": form,
        "faults": {},
        "operations": {name: 0 for name in ("invoked", "accepted", "rejected", "unknown", "retries")},
        "events": 0,
        "violations": [],
        "heal_s": None,
        "wall_s": None,
        "skipped": None,
        "versions": {},
    }
    _log(f"{scenario.name}: {count} faults, seed {seed}, in {directory}")
    volume = Volume(directory) if scenario.power else None
    keep = False
    try:
        reason = volume.create() if volume is not None else None
        if reason is not None:
            print(f"SKIPPED {scenario.name}: {reason}", flush=True)
            result["skipped"] = reason
            return result
        data = volume.mount if volume is not None else directory
        keep = True
        async with asyncio.timeout(RUN_LIMIT_S * max(1, count / max(1, scenario.full))):
            await _tortured(scenario, count, seed, directory, data, volume, mutant, result)
        keep = bool(result["violations"])
        return result
    except Exception as error:
        traceback.print_exc()
        result["violations"].append(f"run: {type(error).__name__}: {error}")
        return result
    except BaseException:
        result["violations"].append("run: interrupted")
        raise
    finally:
        result["wall_s"] = round(time.monotonic() - begun, 1)
        evidence.mkdir(parents=True, exist_ok=True)
        (evidence / f"{scenario.name}.json").write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n")
        if volume is not None:
            await volume.remove()
        if keep and mutant is None:
            _log(f"{scenario.name}: logs and history are kept in {directory}")
        else:
            shutil.rmtree(directory, ignore_errors=True)
        if mutant is None:
            _tell(result)


async def _tortured(
    scenario: Scenario,
    count: int,
    seed: int,
    directory: Path,
    data: Path,
    volume: Volume | None,
    mutant: Mutant | None,
    result: dict[str, Any],
) -> None:
    program = os.environ["CARELOG_BIN"]
    servers = Servers(data, directory, scenario.sync_always)
    supervisor: Supervisor | None = None
    try:
        await servers.create()
        result["versions"] = {"postgres": servers.postgres.version, "nats": servers.nats.version}
        environment = {
            "DATABASE_URL": servers.postgres.url,
            "NATS_URL": servers.nats.url,
            "CARELOG_PREFIX": PREFIX,
            "CARELOG_MASTER_KEY": "5a" * 32,
            "CARELOG_EVENTS_MAX_BYTES": "512MiB",
            "CARELOG_LOG": os.environ.get("CARELOG_LOG", "error"),
            **(mutant.environment if mutant is not None else {}),
        }
        await run_program(program, ["migrate"], environment, directory / "migrate.log", 60)
        database = Database(servers.postgres.url)
        for statement in mutant.statements if mutant is not None else ():
            database.rows(statement)
        supervisor = Supervisor(program, environment, directory, {"relay": scenario.relays})
        supervisor.start()
        chance = random.Random(seed)
        world = World(random.Random(chance.getrandbits(64)))
        history = History(directory / "history.ndjson")
        running = Run(
            scenario, directory, seed, chance, servers, database, supervisor, history, world, environment, volume
        )
        running.heal_limit_s = HEAL_LIMIT_S if mutant is None else MUTANT_HEAL_LIMIT_S
        await _injected(running, count, result)
        result["violations"] += await (scenario.examine or _checked)(running, result)
    finally:
        if supervisor is not None:
            await supervisor.stop()
        await servers.stop()


async def _injected(running: Run, count: int, result: dict[str, Any]) -> None:
    """Clients work while the scenario injects its faults; then everything heals by itself."""
    scenario = running.scenario
    sampler = IdleInTransaction(running.database, lambda: running.is_role_stopped)
    watcher = StreamWatcher(running.servers.nats.url, PREFIX)
    clients = [running.client(f"c{index}") for index in range(scenario.clients)]
    for client in clients:
        await client.open()
    await set_up_cast(clients[0], running.world)
    stop = asyncio.Event()
    tasks = (sampler.run(), watcher.run(), _tell_progress(running, count))
    background = [asyncio.create_task(task) for task in tasks]
    work = [asyncio.create_task(client.work(stop, scenario.pause_s)) for client in clients]
    try:
        await scenario.inject(running, count)
        for task in [*work, *background]:
            if task.done():
                # A client or a watcher that failed is a defect of the run, not of the system.
                task.result()
        healing = time.monotonic()
        stop.set()
        result["heal_s"] = await healed(running, healing)
        await asyncio.gather(*work)
        await quiet(running, healing)
    finally:
        await ended([*background, *work])
        await asyncio.gather(*(client.close() for client in clients))
        running.history.close()
        counts = running.history.counts
        result["faults"] = dict(running.faults)
        result["operations"] = {name: counts[name] for name in result["operations"]}
    running.violations += [f"idle_in_transaction: {found}" for found in sampler.found.values()]
    running.violations += [f"stream_seen: {found}" for found in watcher.found]
    running.violations += running.supervisor.exits()
    looks = {"idle_in_transaction_looks": sampler.samples, "stream_messages_seen": watcher.messages}
    result["notes"] = {**running.notes, **looks, "reads": counts["reads"]}
    injected = sum(running.faults.values())
    if injected < count:
        running.violations.append(f"injected: {injected} of {count} faults")
    result["violations"] += running.violations


async def _checked(running: Run, result: dict[str, Any]) -> list[str]:
    """Runs the checker as a program of its own."""
    invoked = running.history.counts["invoked"]
    _log(f"{running.scenario.name}: healed after {result['heal_s']} s, checking {invoked} operations")
    summary = running.directory / "check.json"
    argv = [sys.executable, "-m", "nemesis.check", "--history", str(running.history.path), "--summary", str(summary)]
    argv += ["--seed", str(running.seed), "--dead-letters", str(running.dead_letters)]
    argv += ["--inbox-survives"] * running.scenario.inbox_survives
    environment = {**os.environ, **running.environment, "CARELOG_BIN": os.environ["CARELOG_BIN"]}
    process = await asyncio.create_subprocess_exec(
        *argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        output, _ = await process.communicate()
    except BaseException:
        process.kill()
        await process.wait()
        raise
    (running.directory / "check.log").write_bytes(output)
    if process.returncode not in (0, 1) or not summary.exists():
        return [f"check: the checker ended with {process.returncode}: {output.decode(errors='replace')[-800:]}"]
    told = json.loads(summary.read_text())
    result["events"] = told["looked_at"]["events"]
    result["checked"] = told["looked_at"]
    # What fell out of order while the checker worked is a finding too.
    late = [found for found in running.supervisor.exits() if found not in running.violations]
    return [*told["violations"], *late]


async def _tell_progress(running: Run, count: int) -> None:
    while True:
        await asyncio.sleep(PROGRESS_S)
        done, counts = sum(running.faults.values()), running.history.counts
        told = ", ".join(f"{counts[name]} {name}" for name in ("accepted", "rejected", "unknown", "retries"))
        _log(f"{running.scenario.name}: {done} of {count} faults; {told}")


def _tell(result: dict[str, Any]) -> None:
    """One line in plain words, after a line for each violation."""
    if result["skipped"]:
        return
    for sentence in result["violations"]:
        print(f"VIOLATION {result['scenario']}: {sentence}", flush=True)
    verdict = f"{len(result['violations'])} VIOLATIONS" if result["violations"] else "no violation"
    operations = result["operations"]
    outcomes = ", ".join(f"{operations[name]} {name}" for name in ("accepted", "rejected", "unknown"))
    print(
        f"RESULT {result['scenario']}: {verdict}; {sum(result['faults'].values())} faults, "
        f"{operations['invoked']} commands ({outcomes}), {result['events']} events, healed in {result['heal_s']} s, "
        f"{result['wall_s']} s in all, seed {result['seed']}",
        flush=True,
    )


def commit() -> str:
    """The commit that is checked out, and whether that is all there is, save evidence."""

    def git(*args: str) -> str:
        return subprocess.run(["git", *args], capture_output=True, text=True, check=False).stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "--", ":/", ":(top,exclude)tests/evidence")
    return (git("rev-parse", "HEAD") or "unknown") + ("-dirty" if changed else "")
