"""Hostile HTTP requests that somebody thought of, each with the answers that are right."""

from __future__ import annotations

from dataclasses import dataclass

# Every code of the query API with its status; `internal` is no answer to any input.
HTTP_CODES = {
    "validation": 400,
    "not_found": 404,
    "method_not_allowed": 405,
    "payload_too_large": 413,
    "unauthorized": 401,
    "forbidden": 403,
    "not_acceptable": 406,
    "not_caught_up": 503,
    "overloaded": 503,
}


@dataclass(frozen=True)
class Request:
    """An HTTP request, byte for byte. What is no HTTP may be answered by closing, or with a status alone."""

    what: str
    raw: bytes
    statuses: frozenset[int]
    is_http: bool = True


QUERIES = [
    "limit=0",
    "limit=201",
    "limit=-1",
    "limit=1e9",
    "limit=",
    "limit=١",
    "limit=5&limit=6",
    "limit=9" + "9" * 300,
    "nonsense=1",
    "cursor=x",
    "cursor=" + "A" * 600,
    "cursor=bnVsbA",
    "cursor=WyItb3BlbmVkX2F0IiwiJyIsIjAiXQ",
    "cursor=%00",
    "cursor=W10",
    "sort=evil",
    "sort=--opened_at",
    "sort=opened_at;drop",
    "sort=",
    "status=bogus",
    "status=open,,",
    "status=%00",
    "priority=p1",
    "as_of=-1",
    "as_of=99999999999999999999",
    "as_of=tomorrow",
    "as_of=2999-01-01T00:00:00Z",
    "as_of=",
    "as_of=-4800-01-01T00:00:00Z",
    "team=x",
    "team=00000000",
    "assignee=%FF",
    "customer='%20or%201=1",
    "tag=" + "x" * 4_000,
    "opened_from=never",
    "opened_from=0000-00-00T00:00:00Z",
    "opened_to=+262143-12-31T00:00:00Z",
    "%",
    "%zz=1",
    "a=%F0%28%8C%28",
    "=",
    "&&&&",
    "limit[]=1",
]
PATHS = [
    "/v1/nothing",
    "/v2/tickets",
    "/v1/tickets/x",
    "/v1/tickets/%00",
    "/v1/tickets/" + "0" * 36,
    "/v1/tickets/../../etc/passwd",
    "/v1/tickets/%2e%2e%2fetc",
    "//v1//tickets",
    "/v1/tickets/",
    "/V1/TICKETS",
    "/v1/tickets/%FF%FE",
    "/v1/tickets/" + "a" * 5_000,
    "/v1/commands/WEB/00000000-0000-4000-8000-000000000001",
    "/v1/commands/web/x",
    "/v1/commands/%00/x",
    "/v1/tickets/00000000-0000-4000-8000-000000000001",
    "/v1/customers/00000000-0000-4000-8000-000000000001/timeline",
    "/v1/events?after=-1",
    "/v1/events?limit=0",
    "/v1/events?after=x",
    "/v1/events?limit=99999999999",
    "/v1/models?x=1",
    "/.git/config",
]
HEADERS = [
    "Carelog-Min-Position: x",
    "Carelog-Min-Position: -1",
    "Carelog-Min-Position: 9223372036854775808",
    "Carelog-Min-Position: ",
    "Carelog-Min-Position: 9223372036854775807\r\nPrefer: wait=0",
    "Carelog-Min-Position: 1.5",
    "Carelog-Min-Position: \xff",
    "Host: evil.example",
    "Host: 127.0.0.1.evil.example",
]


def requests(port: int) -> list[Request]:
    """The requests."""
    found: list[Request] = []
    host = f"Host: 127.0.0.1:{port}\r\nConnection: close\r\n"
    any_error = frozenset({400, 403, 404, 405, 406, 413, 414, 431, 503})

    def add(what: str, raw: str | bytes, statuses: frozenset[int] = any_error, is_http: bool = True) -> None:
        found.append(
            Request(what, raw.encode("latin-1", "replace") if isinstance(raw, str) else raw, statuses, is_http)
        )

    def percent(text: str) -> str:
        return "".join(
            letter if letter.isascii() else "".join(f"%{byte:02X}" for byte in letter.encode()) for letter in text
        )

    for query in QUERIES:
        # Some mean nothing, and are answered like the plain list.
        add(f"?{query[:40]}", f"GET /v1/tickets?{percent(query)} HTTP/1.1\r\n{host}\r\n", any_error | {200})
    for path in PATHS:
        add(path[:60], f"GET {path} HTTP/1.1\r\n{host}\r\n")
    for header in HEADERS:
        kept = "Connection: close\r\n" if header.startswith("Host") else host
        add(header[:60], f"GET /v1/tickets HTTP/1.1\r\n{kept}{header}\r\n\r\n")
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"):
        add(method, f"{method} /v1/tickets HTTP/1.1\r\n{host}\r\n", frozenset({405}))
    add("a large body", f"POST /v1/tickets HTTP/1.1\r\n{host}Content-Length: 9999999\r\n\r\n")
    add("Accept: image/png", f"GET /v1/events HTTP/1.1\r\n{host}Accept: image/png\r\n\r\n", any_error | {200})
    no_http = {
        "nothing but bytes": b"\x00\x01\x02\xff\r\n\r\n",
        "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        "no version": b"GET /v1/tickets\r\n\r\n",
        "HTTP/9.9": b"GET / HTTP/9.9\r\n\r\n",
        "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "a blank in the path": b"GET /v1/ tickets HTTP/1.1\r\n\r\n",
        "20 KB of header": f"GET / HTTP/1.1\r\n{host}A: {'x' * 20_000}\r\n\r\n".encode(),
        "100 headers": f"GET / HTTP/1.1\r\n{host}".encode() + b"".join(b"A%d: 1\r\n" % n for n in range(100)) + b"\r\n",
        "a path of 70 KB": b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
        "a NUL in a header": f"GET / HTTP/1.1\r\n{host}A: \0\r\n\r\n".encode(),
        "two lengths": f"GET /v1/tickets HTTP/1.1\r\n{host}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab".encode(),
        "a negative length": f"GET /v1/tickets HTTP/1.1\r\n{host}Content-Length: -1\r\n\r\n".encode(),
        "an unknown coding": f"GET /v1/tickets HTTP/1.1\r\n{host}Transfer-Encoding: evil\r\n\r\n".encode(),
        "a bad chunk": f"POST /v1/tickets HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n".encode(),
    }
    for what, raw in no_http.items():
        add(what, raw, frozenset({200, 400, 403, 404, 405, 411, 413, 414, 431, 505}), is_http=False)
    return found
