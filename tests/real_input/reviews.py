"""Real Chinese reviews as feedback: what comes back must be what was written, byte for byte."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .carelog import Carelog, command, id_of

CUSTOMERS = 500


def reviews(data: Path, share: int) -> Iterator[tuple[int, str, str]]:
    """Number, label and text of each review."""
    with (data / "reviews_zh.csv").open(newline="", encoding="utf-8") as file:
        for number, row in enumerate(csv.DictReader(file)):
            if number % share == 0:
                yield number, row["label"], row["text"]


def commands(data: Path, share: int) -> Iterator[dict[str, Any]]:
    """Whoever is content praises; the others suggest."""
    for n in range(CUSTOMERS):
        yield command("customer.register", id_of("reviewer", n), {"kind": "person", "display_name": f"顾客 {n}"})
    for number, label, text in reviews(data, share):
        name = "feedback.praise" if label == "pos" else "feedback.suggest"
        yield command(name, id_of("review", number), {"customer": id_of("reviewer", number % CUSTOMERS), "body": text})


def strings(value: Any) -> Iterator[str]:
    """All texts in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)


def run(carelog: Carelog, data: Path, share: int) -> list[str]:
    """Sends the reviews and compares; returns what differs."""
    carelog.send(commands(data, share), "reviews")
    carelog.settle()
    texts = {id_of("review", number): text for number, _, text in reviews(data, share)}
    found, seen, path = [], 0, "/v1/feedback?limit=200&sort=id"
    while path:
        page = carelog.get(path)
        for item in page["items"]:
            if item["id"] in texts:
                seen += 1
                if item["body"] != texts[item["id"]]:
                    found.append(f"feedback {item['id']} came back otherwise")
        path = f"/v1/feedback?limit=200&sort=id&cursor={page['next_cursor']}" if page["next_cursor"] else ""
    for event in carelog.history("--category", "feedback", "--type", "FeedbackSubmitted", "--reveal"):
        text = texts.get(event["aggregate_id"])
        if text is not None and text not in strings(event["data"]):
            found.append(f"the history of feedback {event['aggregate_id']} tells another text")
    if seen != len(texts):
        found.append(f"of {len(texts)} reviews {seen} are there")
    size = sum(len(text.encode()) for text in texts.values())
    print(f"{seen:,} reviews of {size:,} bytes came back; {len(found)} differences", flush=True)
    return found
