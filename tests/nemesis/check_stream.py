"""The events' stream: the message at sequence s carries the event at position s, or there is none."""

from __future__ import annotations

import hashlib
import json

import nats
import nats.errors
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from .check_log import Event, Log
from .violations import Violations

BATCH = 500


def stream_name(prefix: str) -> str:
    """The stream's name: the prefix in upper case, anything that a name cannot hold as an underscore."""
    letters = (letter.upper() if letter.isascii() and letter.isalnum() else "_" for letter in prefix)
    return f"{''.join(letters)}_EVENTS"


async def check(url: str, prefix: str, log: Log, violations: Violations) -> int:
    """Reads every message of the stream and compares it with its event. Gives how many there were."""
    connection = await nats.connect(url)
    try:
        jetstream = connection.jetstream(timeout=30)
        name = stream_name(prefix)
        state = (await jetstream.stream_info(name)).state
        head = len(log.events)
        violations.expect(
            state.last_seq == head, "stream_end", f"{name} ends at {state.last_seq}, the history at {head}"
        )
        if state.messages == 0:
            return 0
        config = ConsumerConfig(ack_policy=AckPolicy.NONE, deliver_policy=DeliverPolicy.ALL, inactive_threshold=60)
        subscription = await jetstream.pull_subscribe(f"{prefix}.event.>", stream=name, config=config)
        count, last = 0, 0
        while last < state.last_seq:
            try:
                messages = await subscription.fetch(BATCH, timeout=5)
            except nats.errors.TimeoutError:
                violations.add("stream_end", f"no message came after {last} of {state.last_seq}")
                break
            for message in messages:
                sequence = message.metadata.sequence.stream
                violations.expect(sequence > last, "stream_order", f"{sequence} came after {last}")
                last = sequence
                count += 1
                if sequence > head:
                    violations.add("stream_event", f"sequence {sequence} is beyond the end of the history, {head}")
                else:
                    _compare(prefix, message.subject, message.data, log.events[sequence - 1], violations)
        await subscription.unsubscribe()
        return count
    finally:
        await connection.close()


def _compare(prefix: str, subject: str, data: bytes, event: Event, violations: Violations) -> None:
    here = f"sequence {event.position}"
    expected = f"{prefix}.event.{event.category}.{event.type}"
    violations.expect(subject == expected, "stream_event", f"{here}: subject {subject}, not {expected}")
    try:
        message = json.loads(data)
    except ValueError as error:
        violations.add("stream_event", f"{here} is not JSON: {error}")
        return
    wanted = {
        "specversion": "1.0",
        "id": event.event_id,
        "type": event.type,
        "subject": event.stream_id,
        "position": str(event.position),
        "streamversion": event.version,
        "contenthash": event.content_hash,
    }
    for name, value in wanted.items():
        found = message.get(name)
        violations.expect(found == value, "stream_event", f"{here}: {name} is {found}, not {value}")
    # `data` is the last member. Its bytes count, so it is cut out and not written anew: inside a string the quotation
    # marks of this separator would be escaped.
    _, separator, rest = data.partition(b',"data":')
    same = separator and hashlib.sha256(rest[:-1]).digest() == event.payload_digest
    violations.expect(bool(same), "stream_event", f"{here}: data is not the stored payload, byte for byte")
