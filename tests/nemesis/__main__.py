"""The command line of the torture."""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import signal
import sys
from pathlib import Path

from .model import PROGRAMS, run_program
from .readme import SCENARIOS
from .run import run
from .scenarios import ALL
from .seeded_bugs import BUGS, run_all
from .self_test import SELF_TEST

NAMES = [*ALL, *PROGRAMS]
assert tuple(NAMES) == SCENARIOS, "the README shows every scenario"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tests/torture", description="Tortures a whole Carelog and checks what is left."
    )
    parser.add_argument("scenario", nargs="*", help=f"which: {', '.join(NAMES)}; all of them unless some are named")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--short", action="store_true", help="a short form of each scenario")
    length.add_argument("--count", type=int, help="so many faults for each scenario")
    parser.add_argument(
        "--seeded-bugs", action="store_true", help="sees that bugs put in on purpose are caught: all, or those named"
    )
    parser.add_argument("--self-test", action="store_true", help="sees that the checker names what is altered")
    parser.add_argument("--seed", type=int, help="the seed of what is random; printed where it is not given")
    parser.add_argument("--evidence", type=Path, default=Path("target/evidence"), help="where results go as JSON")
    arguments = parser.parse_args()
    known = [bug.name for bug in BUGS] if arguments.seeded_bugs else NAMES
    if unknown := [name for name in arguments.scenario if name not in known]:
        parser.error(f"there is no {', '.join(unknown)}; there are {', '.join(known)}")
    if arguments.count is not None and arguments.count < 1:
        parser.error("--count is at least 1")
    return arguments


async def _main() -> int:
    arguments = _arguments()
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        # The task is cancelled, so that every server and role is stopped on the way out.
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    seed = arguments.seed if arguments.seed is not None else secrets.randbits(32)
    if arguments.seeded_bugs:
        return await run_all(arguments.scenario, seed, arguments.evidence)
    if arguments.self_test:
        result = await run(SELF_TEST, 0, "full", seed, arguments.evidence)
        return 1 if result["violations"] else 0
    failed = []
    for name in arguments.scenario or NAMES:
        scenario = ALL.get(name) or PROGRAMS[name]
        count = arguments.count or (scenario.short if arguments.short else scenario.full)
        form = "full" if count >= scenario.full else "short"
        if name in PROGRAMS:
            result = await run_program(name, count, seed, arguments.evidence)
        else:
            result = await run(ALL[name], count, form, seed, arguments.evidence)
        # What was asked for by name and could not be done has failed; of all scenarios it is only skipped.
        if result["violations"] or (result["skipped"] and name in arguments.scenario):
            failed.append(name)
    if failed:
        print(f"torture: FAILED: {', '.join(failed)}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    os.umask(0o022)
    try:
        sys.exit(asyncio.run(_main()))
    except asyncio.CancelledError:
        print("torture: interrupted; everything is stopped", flush=True)
        sys.exit(130)
