"""The checker: from the record of what clients were told and from the two servers, it says whether every promise held.

It shares no code with the system, and asks its program for one thing only: to rebuild the models.

    python3 -m nemesis.check --history FILE [--inbox-survives [--dead-letters N]] [--seed N] [--summary FILE]

with DATABASE_URL, NATS_URL, CARELOG_PREFIX, CARELOG_MASTER_KEY and CARELOG_BIN in the environment; all roles run, no
client does. Exit status 0 if nothing is wrong, 1 if something is.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from . import check_history, check_log, check_models, check_receipts, check_stream, history
from .psql import Database
from .violations import Violations

IDLE_IN_TRANSACTION = """
select count(*) from pg_stat_activity
 where state like 'idle in transaction%' and clock_timestamp() - state_change > interval '1 second'"""


async def check(
    history_file: Path,
    database_url: str,
    nats_url: str,
    prefix: str,
    binary: Path,
    seed: int,
    inbox_survives: bool,
    dead_letters: int = 0,
) -> tuple[Violations, dict[str, Any]]:
    """Makes all checks. Gives the violations, and what was looked at."""
    violations = Violations()
    database = Database(database_url)
    commands, reads = history.load(history_file)
    log = check_log.read(database, violations)
    head = len(log.events)
    check_history.check(commands, log, violations)
    check_history.check_reads(reads, violations)
    if inbox_survives:
        check_history.check_inbox(commands, log, violations)
        letters = database.number("select count(*) from log.dead_letter")
        told = f"{letters} commands of the inbox were set aside, {dead_letters} could not be read"
        violations.expect(letters == dead_letters, "dead_letter", told)
    messages = await check_stream.check(nats_url, prefix, log, violations)
    check_models.check_positions(database, head, violations)
    check_models.check_second_implementation(database, log, violations)
    rows = check_models.check_rebuild(database, binary, violations)
    replayed = await check_receipts.check(nats_url, prefix, commands, seed, violations)
    after = database.number("select coalesce(max(position), 0) from log.event")
    violations.expect(after == head, "replay", f"asking again appended: the history went from {head} to {after}")
    idle = database.number(IDLE_IN_TRANSACTION)
    violations.expect(idle == 0, "idle_in_transaction", f"{idle} connections are idle in a transaction at the end")
    looked_at = {
        "operations": len(commands),
        "reads": len(reads),
        "events": head,
        "receipts": len(log.receipts),
        "stream_messages": messages,
        "model_rows": rows,
        "asked_again": replayed,
    }
    return violations, looked_at


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="nemesis.check", description="Checks a Carelog against what clients were told."
    )
    parser.add_argument("--history", type=Path, required=True, help="the clients' record, one JSON object a line")
    parser.add_argument("--seed", type=int, default=0, help="chooses what is asked again")
    parser.add_argument(
        "--inbox-survives", action="store_true", help="NATS lost nothing: what the inbox took is decided"
    )
    parser.add_argument("--dead-letters", type=int, default=0, help="how many messages of the inbox cannot be read")
    parser.add_argument("--summary", type=Path, help="where to write the summary too")
    arguments = parser.parse_args()
    missing = [name for name in ("DATABASE_URL", "NATS_URL", "CARELOG_BIN") if not os.environ.get(name)]
    if missing:
        parser.error(f"not set: {', '.join(missing)}")
    violations, looked_at = asyncio.run(
        check(
            arguments.history,
            os.environ["DATABASE_URL"],
            os.environ["NATS_URL"],
            os.environ.get("CARELOG_PREFIX", "carelog"),
            Path(os.environ["CARELOG_BIN"]),
            arguments.seed,
            arguments.inbox_survives,
            arguments.dead_letters,
        )
    )
    for sentence in violations.all():
        print(sentence)
    summary = {"violations": violations.all(), "counts": dict(violations.counts), "looked_at": looked_at}
    if arguments.summary is not None:
        arguments.summary.write_text(json.dumps(summary, ensure_ascii=False, indent=1))
    print(json.dumps({"violations": sum(violations.counts.values()), **looked_at}))
    return 1 if violations.counts else 0


if __name__ == "__main__":
    sys.exit(main())
