"""A running Carelog, used as its users do: by its command line and over HTTP."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

PROGRAM = os.environ["CARELOG_BIN"]
NAMESPACE = uuid.UUID("6f0f3c0e-7c39-5a7b-8a55-4f5a6f6d9b10")
SERVICE = {"kind": "service", "id": "real-input"}


def id_of(*what: object) -> str:
    """The id that belongs to something: the same in every run, so that a second run changes nothing."""
    return str(uuid.uuid5(NAMESPACE, "/".join(str(part) for part in what)))


def command(name: str, aggregate: str, data: dict[str, Any], **envelope: Any) -> dict[str, Any]:
    """A line for `carelog send --stdin`."""
    key = json.dumps([name, aggregate, envelope.get("occurred_at"), data], sort_keys=True)
    line = {"command": name, "id": aggregate, "command_id": id_of("command", key), "actor": SERVICE, "data": data}
    return line | envelope


class Carelog:
    """`carelog up` in a state directory of its own."""

    def __init__(self, directory: Path) -> None:
        self._environment = {
            **{name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "NATS_URL")},
            "CARELOG_STATE_DIR": str(directory),
            "CARELOG_HTTP_ADDR": "127.0.0.1:0",
        }
        self._process = subprocess.Popen([PROGRAM, "up"], env=self._environment, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.http = ""
        for line in self._process.stdout:
            words = line.split()
            if words[:2] == ["query", "API"]:
                self.http = words[2].removesuffix("/v1/tickets")
            if words[:1] == ["export"]:
                name, value = shlex.split(line)[1].split("=", 1)
                self._environment[name] = value
            if line.startswith("Ctrl-C"):
                return
        raise SystemExit(f"carelog up ended with {self._process.wait()}")

    def send(self, lines: Iterable[dict[str, Any]], what: str) -> None:
        """Sends commands; all must be accepted."""
        began = time.monotonic()
        sender = subprocess.Popen(
            [PROGRAM, "send", "--stdin", "--publisher", "real-input"],
            env=self._environment,
            stdin=subprocess.PIPE,
            text=True,
        )
        assert sender.stdin is not None
        count = 0
        with sender.stdin as pipe:
            for line in lines:
                pipe.write(json.dumps(line, ensure_ascii=False) + "\n")
                count += 1
        if sender.wait() != 0:
            raise SystemExit(f"{what}: not every command was accepted")
        took_s = time.monotonic() - began
        print(f"{what}: {count:,} commands accepted in {took_s:.0f} s, {count / took_s:,.0f}/s", flush=True)

    def history(self, *arguments: str) -> Iterator[dict[str, Any]]:
        """The events that `carelog replay` writes."""
        replay = subprocess.Popen(
            [PROGRAM, "replay", *arguments], env=self._environment, stdout=subprocess.PIPE, text=True
        )
        assert replay.stdout is not None
        for line in replay.stdout:
            yield json.loads(line)
        if replay.wait() != 0:
            raise SystemExit("the history cannot be read")

    def get(self, path: str) -> Any:
        """What the query API answers."""
        with urllib.request.urlopen(self.http + path, timeout=30) as answer:
            return json.load(answer)

    def settle(self) -> int:
        """Waits until timers have fired and all models have caught up; returns the last position."""
        before, since = None, time.monotonic()
        while True:
            listed = subprocess.run(
                [PROGRAM, "models", "--json"], env=self._environment, capture_output=True, check=True, text=True
            )
            models = [json.loads(line) for line in listed.stdout.splitlines()]
            positions = [model["position"] for model in models]
            if positions != before:
                before, since = positions, time.monotonic()
            still = time.monotonic() - since
            if still > 5 and not any(model["lag_events"] for model in models):
                return max(positions)
            if still > 120:
                raise SystemExit("the read models do not catch up; the log above says why")
            time.sleep(0.5)

    def stop(self) -> None:
        """Ends it as Ctrl-C does."""
        self._process.send_signal(2)
        self._process.wait()


def private_directory() -> Path:
    """A new directory on a disk, which the servers' own user can reach."""
    directory = Path(tempfile.mkdtemp(prefix="carelog-real-input-", dir=os.environ.get("TMPDIR", "/var/tmp")))
    directory.chmod(0o711)
    return directory
