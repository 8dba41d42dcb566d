"""Power cuts of the machine that both servers run on: what was not synced is gone."""

from __future__ import annotations

from .running import Run


async def cut_power(run: Run, count: int) -> None:
    """Cuts the power of the servers' volume at random moments, and starts the servers again. The roles run elsewhere.

    Half of the times the servers are stopped in the same moment, as by a real cut. In the other half the disk goes
    first, as a failing one does: for some milliseconds the servers answer with I/O errors.
    """
    assert run.volume is not None
    for _ in range(count):
        await run.pause(0.4, 1.6)
        kind = run.chance.choice(["power_cut", "disk_failed_then_power_cut"])
        if kind == "power_cut":
            run.servers.pause()
        run.volume.cut_power()
        await run.servers.kill()
        await run.volume.power_on()
        await run.servers.start()
        run.injected(kind)
