"""PostgreSQL read with `psql`, so that the run needs no driver and shares none with the system."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from .processes import signal_process


def bin_dir() -> Path:
    """PostgreSQL's programs: `CARELOG_PG_BINDIR`, else the highest installed version, else PATH."""
    if named := os.environ.get("CARELOG_PG_BINDIR"):
        return Path(named)
    found = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "initdb").is_file()]
    if found:
        return max(found, key=lambda path: int(path.parent.name) if path.parent.name.isdigit() else 0)
    if program := shutil.which("postgres"):
        return Path(program).parent
    raise SystemExit("torture: PostgreSQL is not installed: run deploy/set-up")


class Database:
    """One database, by its URL. The password goes through the environment: everybody can read command lines."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._environment = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "PGHOST": parts.hostname or "127.0.0.1",
            "PGPORT": str(parts.port or 5432),
            "PGUSER": unquote(parts.username or ""),
            "PGPASSWORD": unquote(parts.password or ""),
            "PGDATABASE": parts.path.lstrip("/"),
            "PGCONNECT_TIMEOUT": "5",
            "PGAPPNAME": "torture",
            "PGCLIENTENCODING": "UTF8",
        }
        psql = bin_dir() / "psql"
        self._argv = [str(psql) if psql.is_file() else "psql", "-XAtq", "-v", "ON_ERROR_STOP=1"]

    def rows(self, query: str, timeout_s: float = 300) -> list[list[str]]:
        """The rows of a query whose values hold no tabs or line ends."""
        done = subprocess.run(
            [*self._argv, "-F", "\t", "-c", query],
            env=self._environment,
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )
        if done.returncode != 0:
            raise OSError(f"psql: {done.stderr.decode(errors='replace').strip()}")
        return [line.split("\t") for line in done.stdout.decode().split("\n") if line]

    def number(self, query: str) -> int:
        """The one number that a query gives."""
        return int(self.rows(query)[0][0])

    def copy(self, query: str) -> Iterator[bytes]:
        """The rows of `COPY (query) TO STDOUT`, each a line in PostgreSQL's text format, as they come."""
        process = subprocess.Popen(
            [*self._argv, "-c", f"copy ({query}) to stdout"],
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdout is not None and process.stderr is not None
        with process:
            for line in process.stdout:
                yield line.rstrip(b"\n")
            error = process.stderr.read()
        if process.returncode != 0:
            raise OSError(f"psql: {error.decode(errors='replace').strip()}")

    async def rows_soon(self, query: str, timeout_s: float = 10) -> list[list[str]] | None:
        """Like `rows`, beside other work; `None` while the database cannot be asked."""
        process = await asyncio.create_subprocess_exec(
            *self._argv,
            "-F",
            "\t",
            "-c",
            query,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        try:
            output, _ = await asyncio.wait_for(process.communicate(), timeout_s)
        except (TimeoutError, asyncio.CancelledError) as error:
            # Not its own `kill`: that may reap the child before the event loop does.
            signal_process(process.pid, signal.SIGKILL)
            await process.wait()
            if isinstance(error, asyncio.CancelledError):
                raise
            return None
        if process.returncode != 0:
            return None
        return [line.split("\t") for line in output.decode().split("\n") if line]

    async def session(self) -> Session:
        """A session that stays open, for questions that come often."""
        process = await asyncio.create_subprocess_exec(
            *self._argv,
            "-F",
            "\t",
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        return Session(process)


class Session:
    """An open `psql`, asked one question after the other."""

    _END = "--end--"

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def rows(self, query: str, timeout_s: float) -> list[list[str]]:
        """The rows of a query. Raises `OSError` when the session is gone: open another one."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None
        try:
            stdin.write(f"{query};\n\\echo {self._END}\n".encode())
            await stdin.drain()
            found: list[list[str]] = []
            while True:
                line = await asyncio.wait_for(stdout.readline(), timeout_s)
                if not line:
                    raise OSError("the session is gone")
                text = line.decode().rstrip("\n")
                if text == self._END:
                    return found
                found.append(text.split("\t"))
        except TimeoutError as error:
            raise OSError("the database does not answer") from error

    async def close(self) -> None:
        """Ends the session, whatever it is doing."""
        if self._process.returncode is None:
            signal_process(self._process.pid, signal.SIGKILL)
        await self._process.wait()
