"""Reads the events' stream all the time, as any reader may: a message that stands in a wrong place is a finding, also
when the stream is taken away or filled again afterwards."""

from __future__ import annotations

import asyncio
import json

import nats.errors
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from .check_stream import stream_name
from .clients import PASSING, connect

BATCH = 200
LIFE_S = 5.0
FINDINGS_MAX = 20


class StreamWatcher:
    """The watcher; runs until it is cancelled."""

    def __init__(self, url: str, prefix: str) -> None:
        self._url = url
        self._prefix = prefix
        self.messages = 0
        self.found: list[str] = []

    async def run(self) -> None:
        while True:
            try:
                await self._watch()
            except (*PASSING, ValueError):
                # Server or stream are away, which is what the run is about.
                await asyncio.sleep(0.2)

    async def _watch(self) -> None:
        """Reads what comes for some seconds. What was there before has been seen, or is for the checker to see."""
        connection = await asyncio.wait_for(connect(self._url), 5)
        try:
            jetstream = connection.jetstream(timeout=2)
            # What came while nobody looked is read along.
            last = (await jetstream.stream_info(stream_name(self._prefix))).state.last_seq
            config = ConsumerConfig(
                ack_policy=AckPolicy.NONE,
                deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
                opt_start_seq=max(1, last - BATCH),
                inactive_threshold=30,
            )
            name = stream_name(self._prefix)
            subscription = await jetstream.pull_subscribe(f"{self._prefix}.event.>", stream=name, config=config)
            clock = asyncio.get_running_loop().time
            until = clock() + LIFE_S
            while clock() < until:
                try:
                    messages = await subscription.fetch(BATCH, timeout=1)
                except nats.errors.TimeoutError:
                    continue
                for message in messages:
                    self._look(message)
        finally:
            await asyncio.wait_for(connection.close(), 5)

    def _look(self, message: Msg) -> None:
        self.messages += 1
        sequence = message.metadata.sequence.stream
        position = json.loads(message.data).get("position")
        if position != str(sequence) and len(self.found) < FINDINGS_MAX:
            told = f"sequence {sequence} carried position {position}"
            if told not in self.found:
                self.found.append(told)
