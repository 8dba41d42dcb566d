"""A private PostgreSQL and a private nats-server: real ones, durable as in production, on ports and data that stay the
same however often they are killed and started."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from .processes import Account, end, free_port, kill_tree, pause_tree, resume_tree, spawn, tail, until
from .psql import Database, bin_dir

START_LIMIT_S = 60.0

POSTGRES_SETTINGS = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "fsync=on",
    "full_page_writes=on",
    "synchronous_commit=on",
    # As safe as syncing file by file, and ten times as fast where PostgreSQL recovers every other second.
    "recovery_init_sync_method=syncfs",
   
    "max_wal_size=4GB",
    "shared_buffers=256MB",
    "max_connections=100",
    "password_encryption=scram-sha-256",
    "timezone=UTC",
    "log_timezone=UTC",
]


def _own(path: Path, account: Account | None, mode: int) -> None:
    path.chmod(mode)
    if account is not None:
        os.chown(path, account.uid, account.gid)


class Postgres:
    """A PostgreSQL. Superuser and database are called `carelog`."""

    def __init__(self, directory: Path, log: Path, account: Account | None) -> None:
        self._bin = bin_dir()
        self._account = account
        self._log = log
        self.data = directory / "postgres"
        self.port = free_port()
        self._password = secrets.token_hex(16)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgres://carelog:{self._password}@127.0.0.1:{self.port}/carelog"

    @property
    def version(self) -> str:
        done = subprocess.run([self._bin / "postgres", "--version"], capture_output=True, check=True, text=True)
        return done.stdout.strip()

    async def create(self) -> None:
        """Makes the data directory, starts, and makes the database."""
        self.data.mkdir()
        _own(self.data, self._account, 0o700)
        password_file = self.data.parent / "password"
        password_file.write_text(self._password)
        _own(password_file, self._account, 0o600)
        argv = [str(self._bin / "initdb"), f"--pgdata={self.data}", f"--pwfile={password_file}", "--username=carelog"]
        argv += ["--locale=C.UTF-8", "--encoding=UTF8", "--auth=scram-sha-256", "--data-checksums"]
        initdb = spawn(argv, self._log, {}, self._account, self.data.parent)
        await until(lambda: initdb.poll() is not None, 120, "initdb ends")
        password_file.unlink()
        if initdb.returncode != 0:
            raise OSError(f"initdb failed:\n{tail(self._log)}")
        await self.start()
        Database(self.url.rpartition("/")[0] + "/postgres").rows("create database carelog template template0")

    async def start(self) -> None:
        """Starts, and returns when clients are accepted. Tries again while processes of a killed one still end."""
        argv = [str(self._bin / "postgres"), "-D", str(self.data)]
        for setting in [*POSTGRES_SETTINGS, f"port={self.port}"]:
            argv += ["-c", setting]
        clock = asyncio.get_running_loop().time
        deadline = clock() + START_LIMIT_S
        while not await self._try_start(argv):
            if clock() >= deadline:
                raise OSError(f"PostgreSQL does not start:\n{tail(self._log)}")
            await asyncio.sleep(0.05)

    async def _try_start(self, argv: list[str]) -> bool:
        process = spawn(argv, self._log, {}, self._account, self.data, death_signal="INT")
        self.process = process
        await until(
            lambda: process.poll() is not None or self._is_ready(process.pid), START_LIMIT_S, "PostgreSQL is ready"
        )
        return process.poll() is None

    def _is_ready(self, pid: int) -> bool:
        """`pg_ctl` reads the same lines of the postmaster's own file."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[0].strip() == str(pid) and lines[7].strip() == "ready"

    async def kill(self) -> None:
        """Kills it with all its processes, as a crash of the machine would."""
        if self.process is not None:
            await kill_tree(self.process)

    async def kill_postmaster(self) -> None:
        """Kills only the parent: its processes notice by themselves."""
        if self.process is not None:
            self.process.kill()
            process = self.process
            await until(lambda: process.poll() is not None, 10, "the postmaster is gone")

    async def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stops: SIGINT is the fast way, SIGQUIT the immediate one, after which recovery is needed."""
        if self.process is not None:
            await end(self.process, how, 30)


class Nats:
    """A nats-server with JetStream."""

    def __init__(self, directory: Path, log: Path, account: Account | None, sync_always: bool) -> None:
        self._account = account
        self._log = log
        # Beside the logs: a power cut of the data's volume would empty it.
        self._config = log.parent / "nats.conf"
        self.store = directory / "nats" / "store"
        self.port = free_port()
        self._token = secrets.token_hex(16)
        self._name = f"torture-{secrets.token_hex(4)}"
        self._sync_always = sync_always
        self._program = log.parent / "nats-server"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://{self._token}@127.0.0.1:{self.port}"

    @property
    def version(self) -> str:
        done = subprocess.run([self._program, "--version"], capture_output=True, check=True, text=True)
        return done.stdout.strip()

    async def create(self) -> None:
        """Makes the directory and starts."""
        named = os.environ.get("CARELOG_NATS_SERVER") or ".carelog/tools/bin/nats-server"
        if not Path(named).is_file():
            raise SystemExit(f"torture: there is no nats-server at {named}: run deploy/set-up")
        # A copy: the servers' user may not reach where the program lies.
        shutil.copyfile(named, self._program)
        self._program.chmod(0o755)
        directory = self.store.parent
        directory.mkdir()
        _own(directory, self._account, 0o700)
        config = self._config
        sync = "sync_interval: always" if self._sync_always else ""
        config.write_text(
            f'server_name: "{self._name}"\nlisten: "127.0.0.1:{self.port}"\nmax_payload: 1MB\n'
            f'authorization {{ token: "{self._token}" }}\n'
            f'jetstream {{\n  store_dir: "{self.store}"\n  max_file_store: 16GB\n  {sync}\n}}\n'
        )
        _own(config, self._account, 0o600)
        await self.start()

    async def start(self) -> None:
        """Starts, and returns when clients are accepted."""
        argv = [str(self._program), "--config", str(self._config)]
        process = spawn(argv, self._log, {}, self._account, self.store.parent, death_signal="INT")
        self.process = process
        await until(lambda: process.poll() is not None or self._is_ready(), START_LIMIT_S, "nats-server is ready")
        if process.poll() is not None:
            raise OSError(f"nats-server ended with {process.returncode}:\n{tail(self._log)}")

    def _is_ready(self) -> bool:
        """The server greets with its name and whether JetStream is up."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=0.2) as connection:
                connection.settimeout(0.5)
                greeting = connection.recv(8_192)
        except OSError:
            return False
        return self._name.encode() in greeting and b'"jetstream":true' in greeting

    async def kill(self) -> None:
        if self.process is not None:
            await kill_tree(self.process)

    async def stop(self) -> None:
        if self.process is not None:
            await end(self.process, signal.SIGINT, 15)

    def pause(self) -> None:
        if self.process is not None:
            pause_tree(self.process)

    def resume(self) -> None:
        if self.process is not None:
            resume_tree(self.process)

    def copy_store(self, to: Path) -> None:
        """Copies the store of the stopped server, with its owners."""
        if to.exists():
            shutil.rmtree(to)
        if self.store.exists():
            _copy_owned(self.store, to)

    def restore_store(self, copy: Path) -> None:
        """Puts an older copy of the store in the place of the stopped server's own."""
        self.wipe_store()
        _copy_owned(copy, self.store)

    def wipe_store(self) -> None:
        """Removes every stream and consumer of the stopped server, as a lost disk would."""
        if self.store.exists():
            shutil.rmtree(self.store)


def _copy_owned(source: Path, to: Path) -> None:
    subprocess.run(["cp", "-a", "--", str(source), str(to)], check=True)


class Servers:
    """Both servers, their data in one directory and their logs in another."""

    def __init__(self, data: Path, logs: Path, sync_always: bool = False) -> None:
        account = Account.for_servers()
        data.chmod(0o711)
        self.postgres = Postgres(data, logs / "postgres.log", account)
        self.nats = Nats(data, logs / "nats.log", account, sync_always)

    async def create(self) -> None:
        await asyncio.gather(self.postgres.create(), self.nats.create())

    def pause(self) -> None:
        """Stops the scheduling of both at once."""
        for server in (self.postgres, self.nats):
            if server.process is not None:
                pause_tree(server.process)

    async def kill(self) -> None:
        await asyncio.gather(self.postgres.kill(), self.nats.kill())

    async def start(self) -> None:
        await asyncio.gather(self.postgres.start(), self.nats.start())

    async def stop(self) -> None:
        await asyncio.gather(self.postgres.stop(), self.nats.stop())
