"""A server that speaks JSON-RPC 2.0 over WebSocket, strictly: https://www.jsonrpc.org/specification

    json_rpc_server.py --dir DIR --ports-file FILE

Methods: `subtract` (two numbers, by position or as `minuend` and `subtrahend`), `wait` (answers after so many seconds,
while others are answered), `never` (is not answered), `count` (sends the notification `tick` so often, and then answers),
`seen` (the notifications that this connection has sent, in order).
"""

import asyncio
import json

import serving

PARSE_ERROR, INVALID_REQUEST, NO_METHOD, INVALID_PARAMS = -32700, -32600, -32601, -32602
NEVER = object()


class Problem(Exception):
    """An error of JSON-RPC: its code and message."""


class Session:
    """One connection."""

    def __init__(self, connection):
        self.connection = connection
        self.seen = []
        self.tasks = set()
        self.methods = {
            "subtract": self.subtract,
            "wait": self.wait,
            "never": self.never,
            "count": self.count,
            "seen": self.list_seen,
        }

    async def subtract(self, minuend, subtrahend):
        for number in (minuend, subtrahend):
            if isinstance(number, bool) or not isinstance(number, (int, float)):
                raise Problem(INVALID_PARAMS, "Invalid params")
        return minuend - subtrahend

    async def wait(self, seconds):
        await asyncio.sleep(seconds)
        return seconds

    async def never(self):
        return NEVER

    async def count(self, number):
        for index in range(number):
            await serving.send(self.connection, {"jsonrpc": "2.0", "method": "tick", "params": [index + 1]})
        return number

    async def list_seen(self):
        return self.seen

    async def talk(self):
        async for text in self.connection:
            # Each message has a task, so that a slow call keeps no other from its answer.
            task = asyncio.create_task(self.handle(text))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def handle(self, text):
        answer = await self.answer_text(text)
        if answer is not None:
            await serving.send(self.connection, answer)

    async def answer_text(self, text):
        try:
            message = json.loads(text)
        except ValueError:
            return error(None, PARSE_ERROR, "Parse error")
        if not isinstance(message, list):
            return await self.answer(message)
        if not message:
            return error(None, INVALID_REQUEST, "Invalid Request")
        answers = [answer for answer in [await self.answer(each) for each in message] if answer is not None]
        return answers or None

    async def answer(self, request):
        if not is_request(request):
            return error(None, INVALID_REQUEST, "Invalid Request")
        is_call = "id" in request
        if not is_call:
            self.seen.append([request["method"], request.get("params")])
        try:
            result = await self.perform(request)
        except Problem as problem:
            return error(request["id"], *problem.args) if is_call else None
        if not is_call or result is NEVER:
            return None
        return {"jsonrpc": "2.0", "result": result, "id": request["id"]}

    async def perform(self, request):
        method = self.methods.get(request["method"])
        if method is None:
            raise Problem(NO_METHOD, "Method not found")
        params = request.get("params", [])
        try:
            return await (method(**params) if isinstance(params, dict) else method(*params))
        except TypeError:
            raise Problem(INVALID_PARAMS, "Invalid params") from None


def is_request(request):
    return (
        isinstance(request, dict)
        and request.get("jsonrpc") == "2.0"
        and isinstance(request.get("method"), str)
        and isinstance(request.get("params", []), (list, dict))
        and (request.get("id") is None or type(request["id"]) in (str, int, float))
    )


def error(request_id, code, message):
    return {"jsonrpc": "2.0", "error": {"code": code, "message": message}, "id": request_id}


async def main():
    options = serving.parser(__doc__.splitlines()[0]).parse_args()
    serving.end_with_stdin()
    server = await serving.listen(lambda connection: Session(connection).talk())
    serving.announce(options.ports_file, ws=serving.port_of(server))
    await asyncio.Future()


asyncio.run(main())
