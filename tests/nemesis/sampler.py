"""Looks four times a second for connections that stay idle inside a transaction: each would hold what it locked, and is
the trace of a database call that was dropped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from .psql import Database, Session

PERIOD_S = 0.25
QUERY = """select pid, application_name, round(extract(epoch from clock_timestamp() - state_change), 1),
 left(regexp_replace(query, '\\s+', ' ', 'g'), 80) from pg_stat_activity
 where state like 'idle in transaction%' and clock_timestamp() - state_change > interval '1 second'"""


class IdleInTransaction:
    """The sampler; runs until it is cancelled. It does not look while a role is stopped, which cannot end anything."""

    def __init__(self, database: Database, is_role_stopped: Callable[[], bool]) -> None:
        self._database = database
        self._is_role_stopped = is_role_stopped
        self.samples = 0
        self.found: dict[str, str] = {}

    async def run(self) -> None:
        session: Session | None = None
        try:
            while True:
                await asyncio.sleep(PERIOD_S)
                if self._is_role_stopped():
                    continue
                try:
                    session = session or await self._database.session()
                    for pid, application, seconds, query in await session.rows(" ".join(QUERY.split()), 2):
                        # One that stays is one finding, whatever the number of looks.
                        self.found[pid] = f"{application} was idle in a transaction for {seconds} s after: {query}"
                    self.samples += 1
                except OSError:
                    # The database is away, which is what the run is about.
                    if session is not None:
                        await session.close()
                        session = None
        finally:
            if session is not None:
                await session.close()
