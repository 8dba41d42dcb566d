"""Child processes that never outlive the run, and what the process table says of them."""

from __future__ import annotations

import asyncio
import os
import pwd
import signal
import socket
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

POLL_S = 0.01


@dataclass(frozen=True)
class Account:
    """The system user that the servers run as where the run itself is root's: PostgreSQL refuses root."""

    name: str
    uid: int
    gid: int

    @staticmethod
    def for_servers() -> Account | None:
        """`postgres`, else `nobody`, for root; nobody else can or needs to change."""
        if os.geteuid() != 0:
            return None
        for name in ("postgres", "nobody"):
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            return Account(name, entry.pw_uid, entry.pw_gid)
        raise SystemExit("torture: neither a user postgres nor a user nobody: run deploy/set-up")


def bound_command(argv: list[str], account: Account | None, death_signal: str) -> list[str]:
    """`argv` so that it gets a signal when this process ends in whatever way, and runs as `account`."""
    prefix = ["setpriv", "--pdeathsig", death_signal]
    if account is not None:
        prefix += [f"--reuid={account.uid}", f"--regid={account.gid}", "--clear-groups"]
    return [*prefix, "--", *argv]


def spawn(
    argv: list[str],
    log: Path,
    environment: dict[str, str],
    account: Account | None = None,
    directory: Path | None = None,
    death_signal: str = "KILL",
) -> subprocess.Popen[bytes]:
    """Starts a process in a group of its own, so that Ctrl-C leaves its end to the run. Output goes to `log`."""
    with log.open("ab") as output:
        return subprocess.Popen(
            bound_command(argv, account, death_signal),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=directory,
            env={"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C", **environment},
            start_new_session=True,
        )


def signal_process(pid: int, number: signal.Signals) -> None:
    """Sends a signal; a process that has ended needs none."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def _state_and_parent(pid: int) -> tuple[str, int] | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name in parentheses may itself hold spaces and parentheses.
    fields = stat.rpartition(")")[2].split()
    return fields[0], int(fields[1])


def children_of(parent: int) -> list[int]:
    """The children of a process, from the process table."""
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    return [pid for pid in pids if (found := _state_and_parent(pid)) is not None and found[1] == parent]


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that waits to be reaped does not."""
    found = _state_and_parent(pid)
    return found is not None and found[0] not in "ZX"


async def until(condition: Callable[[], bool], limit_s: float, what: str, poll_s: float = POLL_S) -> None:
    """Waits for a condition, in steps, for a bounded time."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + limit_s
    while not condition():
        if clock() >= deadline:
            raise TimeoutError(f"{what}: not within {limit_s:g} s")
        await asyncio.sleep(poll_s)


async def end(process: subprocess.Popen[bytes], how: signal.Signals, limit_s: float) -> None:
    """Ends a process with a signal, and with SIGKILL if it takes too long. Also when it is paused."""
    if process.poll() is not None:
        return
    signal_process(process.pid, how)
    signal_process(process.pid, signal.SIGCONT)
    try:
        await until(lambda: process.poll() is not None, limit_s, f"process {process.pid} ends")
    except TimeoutError:
        await kill_tree(process)


async def kill_tree(process: subprocess.Popen[bytes]) -> None:
    """Kills a process and its children at once, as a crash of the machine would, and waits until all are gone."""
    children: list[int] = []
    if process.poll() is None:
        # A stopped parent makes no further children.
        signal_process(process.pid, signal.SIGSTOP)
        children = children_of(process.pid)
        signal_process(process.pid, signal.SIGKILL)
    for child in children:
        signal_process(child, signal.SIGKILL)
    await until(
        lambda: process.poll() is not None and not any(is_alive(child) for child in children),
        10,
        f"the processes of {process.pid} are gone",
    )


def pause_tree(process: subprocess.Popen[bytes]) -> None:
    """Stops the scheduling of a process and its children: connections hang, none is refused."""
    signal_process(process.pid, signal.SIGSTOP)
    for child in children_of(process.pid):
        signal_process(child, signal.SIGSTOP)


def resume_tree(process: subprocess.Popen[bytes]) -> None:
    """Undoes `pause_tree`."""
    for child in children_of(process.pid):
        signal_process(child, signal.SIGCONT)
    signal_process(process.pid, signal.SIGCONT)


def ports_of(pid: int) -> set[int]:
    """The local ports of a process's TCP connections; none if it has ended."""
    folder, held = f"/proc/{pid}/fd", set()
    for descriptor in os.listdir(folder) if os.path.isdir(folder) else []:
        try:
            held.add(os.readlink(f"{folder}/{descriptor}"))
        except FileNotFoundError:
            # Closed meanwhile.
            pass
    ports = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if f"socket:[{fields[9]}]" in held:
            ports.add(int(fields[1].rpartition(":")[2], 16))
    return ports


def free_port() -> int:
    """A port that nobody has in this moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def tail(path: Path, lines: int = 12) -> str:
    """The end of a log."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 16_384))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
