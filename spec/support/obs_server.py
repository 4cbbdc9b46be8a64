"""A server that speaks the protocol of obs-websocket 5, without OBS.

    obs_server.py --dir DIR --ports-file FILE [--password PASSWORD] [--rpc-version N]

It has two scenes and knows the requests GetVersion, GetSceneList, SetCurrentProgramScene and Sleep. It refuses what
obs-websocket refuses, with the same close codes. The protocol:
https://github.com/obsproject/obs-websocket/blob/master/docs/generated/protocol.md
"""

import asyncio
import base64
import hashlib
import json
import os

import serving

EVENT_SCENES = 1 << 2
EVENT_ALL = (1 << 11) - 1
SERIAL_REALTIME, SERIAL_FRAME = 0, 1
SUCCESS = {"result": True, "code": 100}
REQUIRED = object()


class Refused(Exception):
    """Closes the connection with a code and a reason."""


def digest(text):
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def field(data, name, kind, default=REQUIRED):
    """Returns a field of a message; closes with 4003 where it is missing and with 4004 where it has another type."""
    if name not in data:
        if default is not REQUIRED:
            return default
        raise Refused(4003, f"Your payload's data is missing a `{name}`.")
    value = data[name]
    if not isinstance(value, kind) or (kind is int and (isinstance(value, bool) or value < 0)):
        raise Refused(4004, f"Your `{name}` has a wrong type.")
    return value


def failure(code, comment):
    return {"result": False, "code": code, "comment": comment}


class Studio:
    """The scenes, and the sessions that want to know of them."""

    def __init__(self):
        self.scenes = ["Camera", "Screen"]
        self.current = "Camera"
        self.sessions = set()

    async def request(self, kind, data):
        """Performs a request; returns its status, and its data or None."""
        if kind == "GetVersion":
            return SUCCESS, {"obsVersion": "30.2.2", "obsWebSocketVersion": "5.5.2", "rpcVersion": 1}
        if kind == "GetSceneList":
            scenes = [{"sceneIndex": index, "sceneName": name} for index, name in enumerate(self.scenes)]
            return SUCCESS, {"currentProgramSceneName": self.current, "scenes": scenes}
        if kind == "SetCurrentProgramScene":
            return await self.set_scene(data)
        if kind == "Sleep":
            return failure(206, "Sleep belongs into a batch."), None
        if kind == "":
            return failure(203, "The request has no `requestType`."), None
        return failure(204, "Your request type is not valid."), None

    async def set_scene(self, data):
        if not isinstance(data, dict):
            return failure(301, "Your request data is missing."), None
        if "sceneName" not in data:
            return failure(300, "Your request is missing the `sceneName` field."), None
        name = data["sceneName"]
        if not isinstance(name, str):
            return failure(401, "The field value of `sceneName` must be a string."), None
        if name not in self.scenes:
            return failure(600, f"No source was found by the name of `{name}`."), None
        self.current = name
        await self.tell("CurrentProgramSceneChanged", EVENT_SCENES, {"sceneName": name})
        return SUCCESS, None

    async def tell(self, kind, intent, data):
        for session in list(self.sessions):
            if session.subscriptions & intent:
                await session.send(5, {"eventType": kind, "eventIntent": intent, "eventData": data})


class Session:
    """One connection."""

    def __init__(self, studio, connection, options):
        self.studio, self.connection, self.options = studio, connection, options
        self.is_identified = False
        self.subscriptions = EVENT_ALL
        self.salt = base64.b64encode(os.urandom(32)).decode()
        self.challenge = base64.b64encode(os.urandom(32)).decode()

    async def send(self, op, data):
        await serving.send(self.connection, {"op": op, "d": data})

    async def talk(self):
        hello = {"obsStudioVersion": "30.2.2", "obsWebSocketVersion": "5.5.2", "rpcVersion": self.options.rpc_version}
        if self.options.password is not None:
            hello["authentication"] = {"challenge": self.challenge, "salt": self.salt}
        await self.send(0, hello)
        try:
            async for text in self.connection:
                await self.handle(text)
        except Refused as refusal:
            await self.connection.close(*refusal.args)
        finally:
            self.studio.sessions.discard(self)

    async def handle(self, text):
        if not isinstance(text, str):
            raise Refused(4002, "Your session encoding is set to Json, but a binary message was received.")
        try:
            message = json.loads(text)
        except ValueError:
            raise Refused(4002, "Unable to decode Json.") from None
        if not isinstance(message, dict):
            raise Refused(4002, "You sent a non-object payload.")
        if not self.is_identified and "request-type" in message:
            raise Refused(4010, "You appear to be attempting to connect with the pre-5.0.0 plugin protocol.")
        op = field(message, "op", int)
        data = field(message, "d", dict)
        if not self.is_identified and op != 1:
            raise Refused(4007, "You attempted to send a non-Identify message while not identified.")
        actions = {1: self.identify, 3: self.reidentify, 6: self.request, 8: self.batch}
        if op not in actions:
            raise Refused(4006, f"Unknown OpCode: {op}")
        await actions[op](data)

    async def identify(self, data):
        if self.is_identified:
            raise Refused(4008, "You are already Identified with the obs-websocket server.")
        if self.options.password is not None:
            right = digest(digest(self.options.password + self.salt) + self.challenge)
            if "authentication" not in data:
                raise Refused(4009, "Your payload's data is missing an `authentication` string.")
            if data["authentication"] != right:
                raise Refused(4009, "Authentication failed.")
        if field(data, "rpcVersion", int) != self.options.rpc_version:
            raise Refused(4010, "Your requested RPC version is not supported by this server.")
        await self.reidentify(data)
        self.is_identified = True
        self.studio.sessions.add(self)

    async def reidentify(self, data):
        self.subscriptions = field(data, "eventSubscriptions", int, self.subscriptions)
        await self.send(2, {"negotiatedRpcVersion": self.options.rpc_version})

    async def request(self, data):
        field(data, "requestId", object)
        kind = field(data, "requestType", str)
        await self.send(7, await self.answer(data, kind))

    async def answer(self, data, kind):
        status, result = await self.studio.request(kind, data.get("requestData"))
        answer = {"requestType": kind, "requestStatus": status}
        if data.get("requestId") is not None:
            answer["requestId"] = data["requestId"]
        if result is not None:
            answer["responseData"] = result
        return answer

    async def batch(self, data):
        batch_id = field(data, "requestId", object)
        if field(data, "executionType", int, SERIAL_REALTIME) not in (SERIAL_REALTIME, SERIAL_FRAME):
            raise Refused(4005, "Your `executionType` has an invalid value.")
        halts = field(data, "haltOnFailure", bool, False)
        results = []
        for request in field(data, "requests", list):
            kind = request.get("requestType")
            results.append(await self.answer(request, kind if isinstance(kind, str) else ""))
            if halts and not results[-1]["requestStatus"]["result"]:
                break
        await self.send(9, {"requestId": batch_id, "results": results})


async def main():
    options = serving.parser(__doc__.splitlines()[0])
    options.add_argument("--password")
    options.add_argument("--rpc-version", type=int, default=1)
    options = options.parse_args()
    serving.end_with_stdin()
    studio = Studio()
    server = await serving.listen(
        lambda connection: Session(studio, connection, options).talk(), subprotocol="obswebsocket.json"
    )
    serving.announce(options.ports_file, ws=serving.port_of(server))
    await asyncio.Future()


asyncio.run(main())
