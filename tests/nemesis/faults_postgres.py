"""Faults of PostgreSQL: the whole server, or single connections, end at any moment."""

from __future__ import annotations

import asyncio
import signal

from .processes import signal_process
from .running import Run

BACK_LIMIT_S = 60.0
CONNECTIONS = "select pid from pg_stat_activity where application_name like 'carelog-%' order by pid"


async def end_postgres(run: Run, count: int) -> None:
    """Injects one fault after the other, each when the server is back from the one before."""
    kinds = [(25, _kill_postmaster), (20, _stop_at_once), (20, _stop_fast), (20, _terminate_some), (15, _kill_backend)]
    while sum(run.faults.values()) < count:
        await run.pause(0.2, 0.9)
        fault = run.chance.choices([fault for _, fault in kinds], [weight for weight, _ in kinds])[0]
        if kind := await fault(run):
            run.injected(kind)
        await _until_back(run)


async def _until_back(run: Run) -> None:
    """Waits until PostgreSQL answers; the roles find that out by themselves."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + BACK_LIMIT_S
    while await run.database.rows_soon("select 1", 2) is None:
        if clock() >= deadline:
            raise OSError("PostgreSQL does not come back")
        await asyncio.sleep(0.05)


async def _connections(run: Run) -> list[int]:
    rows = await run.database.rows_soon(CONNECTIONS)
    return [int(pid) for (pid,) in rows or []]


async def _kill_postmaster(run: Run) -> str:
    await run.servers.postgres.kill_postmaster()
    await run.pause(0.0, 0.5)
    await run.servers.postgres.start()
    return "kill_postmaster"


async def _stop_at_once(run: Run) -> str:
    await run.servers.postgres.stop(signal.SIGQUIT)
    await run.pause(0.0, 0.5)
    await run.servers.postgres.start()
    return "stop_immediate"


async def _stop_fast(run: Run) -> str:
    await run.servers.postgres.stop(signal.SIGINT)
    # Now and then long enough that clients are told `unavailable`.
    await run.pause(0.0, 4.0 if run.chance.random() < 0.15 else 0.5)
    await run.servers.postgres.start()
    return "stop_fast"


async def _terminate_some(run: Run) -> str | None:
    pids = await _connections(run)
    if not pids:
        return None
    chosen = run.chance.sample(pids, min(len(pids), run.chance.randint(1, 6)))
    for pid in chosen:
        await run.database.rows_soon(f"select pg_terminate_backend({pid})")
    return "terminate_backends"


async def _kill_backend(run: Run) -> str | None:
    """One process killed makes PostgreSQL end all the others and recover."""
    pids = await _connections(run)
    if not pids:
        return None
    signal_process(run.chance.choice(pids), signal.SIGKILL)
    return "kill_backend"
