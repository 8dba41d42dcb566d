"""As much of HTTP/1.1 as a client of the query API needs: one request a connection, and bytes that no library sends."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class NoAnswer(OSError):
    """The connection was refused, cut, or did not answer in time: the outcome is unknown."""


def request_bytes(port: int, path: str, headers: dict[str, str] | None = None, method: str = "GET") -> bytes:
    """A request that asks for the connection to be closed after its answer."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def get(port: int, path: str, headers: dict[str, str] | None = None, timeout_s: float = 6) -> Answer:
    """Asks, and reads the whole answer."""
    return await exchange(port, request_bytes(port, path, headers), timeout_s)


async def exchange(port: int, request: bytes, timeout_s: float) -> Answer:
    """Sends bytes as they are and reads one answer."""
    try:
        return await asyncio.wait_for(_exchange(port, request), timeout_s)
    except (OSError, EOFError, ValueError, IndexError, asyncio.LimitOverrunError) as error:
        raise NoAnswer(f"{type(error).__name__}: {error}") from error


async def _exchange(port: int, request: bytes) -> Answer:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        try:
            writer.write(request)
            await writer.drain()
        except ConnectionError:
            # A server that refuses early may close before it has read everything; its answer may be there.
            pass
        head = await reader.readuntil(b"\r\n\r\n")
        status_line, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await _body(reader, headers)
        return Answer(int(status_line.split(" ")[1]), headers, body)
    finally:
        writer.transport.abort()


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if "content-length" in headers:
        return await reader.readexactly(int(headers["content-length"]))
    if headers.get("transfer-encoding") != "chunked":
        return await reader.read()
    body = b""
    while size := int(await reader.readline(), 16):
        body += await reader.readexactly(size)
        await reader.readline()
    return body


async def cut(port: int, path: str, after_s: float, headers: dict[str, str] | None = None) -> None:
    """Asks, and cuts the connection after a while, whether or not the answer came."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return
    writer.write(request_bytes(port, path, headers))
    await asyncio.sleep(after_s)
    writer.transport.abort()
