"""The client for the Autobahn test suite that uses the Python package `websockets`; it works like client.lua.

    client.py URL AGENT

It uses the defaults of the package except for two, which the suite does not test: messages may have any size, and no
keepalive pings are sent, because the suite counts every frame.
"""

import asyncio
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

base, agent = sys.argv[1:3]


async def converse(path, on_message):
    """Runs one connection to its end. An end that the case provokes is not an error."""
    async with connect(base + path, max_size=None, ping_interval=None) as connection:
        try:
            async for message in connection:
                await on_message(connection, message)
        except ConnectionClosed:
            pass


async def echo(connection, message):
    await connection.send(message)


async def main():
    answers = []

    async def keep(_, message):
        answers.append(message)

    await converse("/getCaseCount", keep)
    count = int(answers[0])
    for number in range(1, count + 1):
        try:
            await converse(f"/runCase?case={number}&agent={agent}", echo)
        except Exception as error:  # pylint: disable=broad-exception-caught
            print(f"case {number}: {error!r}", flush=True)
        if number % 50 == 0 or number == count:
            print(f"{number} of {count} cases", flush=True)
    await converse(f"/updateReports?agent={agent}", keep)


asyncio.run(main())
