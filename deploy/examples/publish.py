"""Sends a command from Python: pip install nats-py, set NATS_URL, run."""

import asyncio
import json
import os
import uuid

import nats


async def main() -> None:
    connection = await nats.connect(os.environ["NATS_URL"])
    command = {
        "command_id": str(uuid.uuid4()),  # the same id again gets the same answer: retry with it
        "id": str(uuid.uuid4()),
        "actor": {"kind": "service", "id": "web"},
        "data": {"display_name": "王小明"},
    }
    reply = await connection.request("carelog.command.web.customer.register", json.dumps(command).encode(), timeout=5)
    print(json.loads(reply.data))
    await connection.close()


asyncio.run(main())
