"""Bugs put in on purpose, each to be caught by the torture or by a test: whoever finds nothing must know how to find.

Each bug runs under the scenario that should catch it, and is caught if the run has a violation of a kind that tells of
this bug. The same scenarios run without a bug, too, and must then find nothing.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .run import commit, run
from .running import Mutant
from .scenarios import ALL

VARIABLE = "CARELOG_SEEDED_BUG"
TEST_LIMIT_S = 300
# What each run says in full; the result of all is what counts as evidence.
RUNS = Path("target/evidence/seeded-bugs")


@dataclass(frozen=True)
class Bug:
    """A bug, and what must catch it: so many faults of a scenario, or a test by its target and name."""

    name: str
    what: str
    scenario: str = ""
    faults: int = 0
    # The kinds of violation that tell of this bug.
    signs: tuple[str, ...] = ()
    # Statements that put it into the database; the others are in the program, behind its variable.
    statements: tuple[str, ...] = ()
    in_program: bool = True
    test: tuple[str, str] | None = None


def _changed(old: str, new: str) -> str:
    """A statement that changes the text of log.append, and fails if there is no such text: a mutant must differ."""
    return f"""
do $change$
declare
    definition text := pg_get_functiondef('log.append'::regproc);
begin
    if strpos(definition, $text${old}$text$) = 0 then
        raise exception 'the text to change is not in log.append';
    end if;
    execute replace(definition, $text${old}$text$, $text${new}$text$);
end
$change$"""


_LOCK = "perform pg_advisory_xact_lock(7310001);"
_HEAD = "head := coalesce(head, 0);"
_CLOCK = "greatest(clock_timestamp(), coalesce(head_at, '-infinity') + interval '1 microsecond')"
_RECEIPT_COLUMNS = """publisher, command_id, fingerprint, category, stream_id, version, position, event_types,
    ordinal, rejection, recorded_at"""

BUGS = [
    Bug(
        "async-commit",
        "commits are acknowledged before they are on the disk",
        "postgres",
        12,
        ("accepted_lost", "accepted_events", "reply"),
    ),
    Bug(
        "no-fence",
        "the relay publishes without the expected sequence",
        "nats",
        40,
        ("stream_seen", "stream_event", "stream_end", "exit"),
    ),
    Bug(
        "broker-window",
        "duplicates are kept out of the stream by message ids alone",
        "nats",
        40,
        ("stream_seen", "stream_event", "stream_end", "exit"),
    ),
    Bug(
        "checkpoint-outside",
        "rows and checkpoint move in two transactions",
        "roles",
        20,
        ("model_differs", "rebuild_differs", "model_blocked", "model_parked"),
    ),
    Bug(
        "hole-skipped",
        "a reader jumps over the events that the stream did not give it",
        "postgres",
        8,
        ("model_differs", "rebuild_differs", "model_parked"),
    ),
    Bug(
        "unknown-skipped",
        "events of an unknown type or version are passed over",
        test=("read_side", "an_event_from_the_future_blocks_the_models_that_read_its_category_and_no_others"),
    ),
    Bug(
        "rebuild-forgets",
        "a rebuild leaves out the last page of the history",
        "cancel",
        300,
        ("rebuild_differs",),
    ),
    Bug(
        "accept-before-commit",
        "a command is answered a moment before its commit",
        "postgres",
        12,
        ("accepted_lost", "accepted_events", "reply"),
    ),
    Bug(
        "dropped-future",
        "a database call is dropped while it begins a transaction",
        "cancel",
        120,
        ("idle_in_transaction", "accepted_lost", "accepted_events"),
    ),
    Bug(
        "sequence-cursor",
        "positions come from a sequence, without the append lock",
        "cancel",
        300,
        ("position_gap",),
        (
            "create sequence log.position_seq",
            "grant usage on sequence log.position_seq to carelog_append",
            _changed(_LOCK, ""),
            _changed(
                _HEAD,
                "head := coalesce((select max(nextval('log.position_seq')) from generate_series(1, cardinality(e_id)))"
                " - cardinality(e_id), head, 0);",
            ),
        ),
        in_program=False,
    ),
    Bug(
        "receipt-outside",
        "the receipt is written by a statement after the append",
        "postgres",
        12,
        ("accepted_lost", "accepted_events", "answers_differ", "receipt_missing", "receipt_events", "rejected_with_events"),
        (
            "create unlogged table log.receipt_later (like log.receipt, backend integer default pg_backend_pid())",
            "grant select, insert, delete on log.receipt_later to carelog_append",
            _changed("insert into log.receipt (", "insert into log.receipt_later ("),
            f"""create function log.write_receipts() returns void language sql as $$
                with own as (delete from log.receipt_later where backend = pg_backend_pid() returning *)
                insert into log.receipt ({_RECEIPT_COLUMNS})
                select {_RECEIPT_COLUMNS} from own on conflict do nothing $$""",
        ),
    ),
    Bug(
        "skewed-clock",
        "events are stamped with a clock that goes back",
        "cancel",
        300,
        ("recorded_at",),
        (_changed(_CLOCK, "clock_timestamp() - random() * interval '50 milliseconds'"),),
        in_program=False,
    ),
]


async def run_all(names: list[str], seed: int, evidence: Path) -> int:
    """Runs the named bugs, or all; gives 1 if one was not caught or something was found where there is none."""
    begun = time.monotonic()
    chosen = [bug for bug in BUGS if not names or bug.name in names]
    _none_is_forgotten()
    found = []
    for bug in chosen:
        found.append(await (_tested(bug) if bug.test else _tortured(bug, seed)))
        print(f"seeded-bugs: {_line(found[-1])}", flush=True)
    controls = []
    for scenario in dict.fromkeys(bug.scenario for bug in chosen if bug.scenario):
        faults = max(bug.faults for bug in chosen if bug.scenario == scenario)
        controls.append(await _control(scenario, faults, seed))
    told = {
        "scenario": "seeded-bugs",
        "seed": seed,
        "commit": commit(),
        "bugs": found,
        "controls": controls,
        "wall_s": round(time.monotonic() - begun, 1),
    }
    if len(found) == len(BUGS):
        evidence.mkdir(parents=True, exist_ok=True)
        (evidence / "seeded-bugs.json").write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n")
    _print_table(found, controls)
    missed = [bug["bug"] for bug in found if not bug["caught"]]
    alarms = [control["by"] for control in controls if control["violations"]]
    if missed:
        print(f"seeded-bugs: NOT CAUGHT: {', '.join(missed)}", flush=True)
    if alarms:
        print(f"seeded-bugs: FALSE ALARM without a bug: {', '.join(alarms)}", flush=True)
    print(
        f"RESULT seeded-bugs: {len(found) - len(missed)} of {len(found)} caught, {len(alarms)} false alarms, "
        f"{told['wall_s']} s, seed {seed}",
        flush=True,
    )
    return 1 if missed or alarms else 0


def _none_is_forgotten() -> None:
    """The program tells which bugs it has where it is asked for one that it has not."""
    done = subprocess.run(
        [os.environ["CARELOG_BIN"]], env={VARIABLE: "?"}, capture_output=True, text=True, check=False
    )
    told = set(done.stderr.partition("there are ")[2].split())
    known = {bug.name for bug in BUGS if bug.in_program}
    if told != known:
        raise SystemExit(f"seeded-bugs: the program has {sorted(told)}, this list {sorted(known)}")


async def _tortured(bug: Bug, seed: int) -> dict[str, Any]:
    mutant = Mutant({VARIABLE: bug.name} if bug.in_program else {}, bug.statements)
    result = await run(ALL[bug.scenario], bug.faults, "short", seed, RUNS / bug.name, mutant)
    signs = [sentence for sentence in result["violations"] if sentence.partition(":")[0] in bug.signs]
    return {
        "bug": bug.name,
        "what": bug.what,
        "by": bug.scenario,
        "faults": sum(result["faults"].values()),
        "caught": bool(signs),
        "first": signs[0] if signs else None,
        "violations": len(result["violations"]),
        "other": next((sentence for sentence in result["violations"] if sentence not in signs), None),
        "skipped": result["skipped"],
        "wall_s": result["wall_s"],
    }


async def _control(scenario: str, faults: int, seed: int) -> dict[str, Any]:
    # As much time to heal as with a bug.
    result = await run(ALL[scenario], faults, "short", seed, RUNS / "none", Mutant())
    return {"by": scenario, "faults": faults, "violations": result["violations"], "wall_s": result["wall_s"]}


async def _tested(bug: Bug) -> dict[str, Any]:
    """Runs a test without the bug, which must pass, and with it, which must fail."""
    assert bug.test is not None
    begun = time.monotonic()
    passes, _ = await _test(bug.test, "")
    fails, said = await _test(bug.test, bug.name)
    return {
        "bug": bug.name,
        "what": bug.what,
        "by": f"the test {bug.test[1]}",
        "faults": 0,
        "caught": passes == "ok" and fails == "FAILED",
        "first": said,
        "violations": 1 if fails == "FAILED" else 0,
        "other": None if passes == "ok" else f"without the bug the test is {passes or 'not there'}",
        "skipped": None,
        "wall_s": round(time.monotonic() - begun, 1),
    }


async def _test(test: tuple[str, str], bug: str) -> tuple[str, str]:
    """What became of a test, and what it said where it failed."""
    target, name = test
    environment = {key: value for key, value in os.environ.items() if key != VARIABLE}
    if bug:
        environment[VARIABLE] = bug
    process = await asyncio.create_subprocess_exec(
        "tests/run", "--features", "carelog-tests/seeded-bugs", "--test", target, "--", "--exact", name,
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        output, _ = await asyncio.wait_for(process.communicate(), TEST_LIMIT_S)
    except BaseException:
        process.terminate()
        await process.wait()
        raise
    lines = output.decode(errors="replace").splitlines()
    verdict = next((line.rpartition(" ")[2] for line in lines if line.startswith(f"test {name} ... ")), "")
    panic = next((index for index, line in enumerate(lines) if " panicked at " in line), None)
    return verdict, " ".join(lines[panic + 1 : panic + 4]) if panic is not None else ""


def _line(found: dict[str, Any]) -> str:
    verdict = "caught" if found["caught"] else "NOT CAUGHT"
    return f"{found['bug']}: {verdict} by {found['by']}, {found['faults']} faults, {found['wall_s']} s: " + str(
        found["first"] or found["skipped"] or found["other"]
    )


def _print_table(found: list[dict[str, Any]], controls: list[dict[str, Any]]) -> None:
    rows = [("bug", "caught", "by", "faults", "s", "first violation")]
    for bug in found:
        told = bug["first"] or bug["skipped"] or bug["other"] or "nothing"
        by = bug["by"].replace("the test ", "")
        rows.append((bug["bug"], "yes" if bug["caught"] else "NO", by, str(bug["faults"]), str(bug["wall_s"]), told))
    for control in controls:
        told = control["violations"][0] if control["violations"] else "nothing, as it must be"
        rows.append(("(none)", "", control["by"], str(control["faults"]), str(control["wall_s"]), told))
    cut = (20, 6, 16, 6, 6, 100)
    lines = [[cell.split("\n")[0][:most].ljust(most) for cell, most in zip(row, cut, strict=True)] for row in rows]
    for line in lines:
        print("  ".join(line).rstrip(), flush=True)
