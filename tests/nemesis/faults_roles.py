"""Faults of roles: a process is killed at any moment, and another one takes its place at once."""

from __future__ import annotations

from .running import Run


async def kill_roles(run: Run, count: int) -> None:
    """Kills processes of whichever role, one every 0.4 s or so, staggered."""
    for _ in range(count):
        await run.pause(0.2, 0.6)
        run.injected(f"kill_{run.supervisor.kill_one(run.chance)}")
