"""The scenarios of the reference model: random commands in memory and through PostgreSQL, by a program that checks
itself and writes its own evidence."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Program:
    """How many commands, and whether it wants a database."""

    option: str
    full: int
    short: int
    database: bool


PROGRAMS = {
    "model-pure": Program("--pure", full=5_000_000, short=100_000, database=False),
    "model-postgres": Program("--postgres", full=100_000, short=3_000, database=True),
}


async def run_program(name: str, count: int, seed: int, evidence: Path) -> dict[str, Any]:
    """Runs one of them; gives its evidence."""
    program = PROGRAMS[name]
    binary = os.environ["CARELOG_MODEL_BIN"]
    if not Path(binary).exists():
        print(f"SKIPPED {name}: there is no {binary}", flush=True)
        return {"violations": [], "skipped": f"there is no {binary}"}
    directory = Path(tempfile.mkdtemp(prefix=f"carelog-{name}-", dir=os.environ.get("TMPDIR", "/var/tmp")))
    directory.chmod(0o711)
    path = evidence / f"{name}.json"
    path.unlink(missing_ok=True)
    argv = [binary, program.option, str(count), "--seed", str(seed), "--evidence", str(evidence)]
    if program.database:
        argv = [os.environ["CARELOG_BIN"], "local", "--", *argv]
    process = await asyncio.create_subprocess_exec(
        *argv, env={**os.environ, "CARELOG_STATE_DIR": str(directory / "state")}
    )
    try:
        code = await process.wait()
    except BaseException:
        process.terminate()
        await process.wait()
        raise
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    if not path.exists():
        return {"violations": [f"the program ended with {code} and left no evidence"], "skipped": None}
    result = json.loads(path.read_text())
    if code != 0 and not result["violations"]:
        result["violations"] = [f"the program ended with {code}"]
    return result
