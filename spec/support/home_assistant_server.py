"""A server that speaks the WebSocket API of Home Assistant, for a house with a door and a light.

    home_assistant_server.py --dir DIR --ports-file FILE --token TOKEN [--door SECONDS] [--restarts N]

The path is /api/websocket. While somebody is subscribed to changes of states, the door opens and closes each SECONDS, but
only when the light has followed. N times, whenever the door has moved twice, the server goes away for half a second: first
with a Close of 1000, as when Home Assistant is restarted, then without a Close, as when it has crashed, and so on. It
refuses what Home Assistant refuses. The protocol: https://developers.home-assistant.io/docs/api/websocket
"""

import asyncio
import json

import serving
from websockets.exceptions import ConnectionClosed

VERSION = "2024.6.0"
DOOR, LIGHT = "binary_sensor.door", "light.hall"
STATE_CHANGED = "state_changed"
NAMES = {DOOR: "Door", LIGHT: "Hall"}
AWAY = 0.5


class Problem(Exception):
    """The error of a result: its code and message."""


class House:
    """The states, the sessions, and the server that goes away and comes back."""

    def __init__(self, options):
        self.options = options
        self.states = {DOOR: "off", LIGHT: "off"}
        self.sessions = set()
        self.server = None
        self.moves = 0
        self.restarts = 0

    def state(self, entity):
        return {"entity_id": entity, "state": self.states[entity], "attributes": {"friendly_name": NAMES[entity]}}

    async def change(self, entity, state):
        if self.states[entity] == state:
            return
        old = self.state(entity)
        self.states[entity] = state
        data = {"entity_id": entity, "old_state": old, "new_state": self.state(entity)}
        await self.fire(STATE_CHANGED, data)

    async def fire(self, kind, data):
        for session in list(self.sessions):
            try:
                await session.tell(kind, data)
            except ConnectionClosed:
                pass  # its own task is about to leave

    def is_watched(self):
        return any(STATE_CHANGED in session.subscriptions.values() for session in self.sessions)

    async def start(self, port):
        self.server = await serving.listen(lambda connection: Session(self, connection).talk(), port)
        return serving.port_of(self.server)

    async def live(self, port):
        while True:
            await asyncio.sleep(self.options.door)
            if not self.is_watched() or self.states[LIGHT] != self.states[DOOR]:
                continue
            if self.restarts < self.options.restarts and self.moves == 2 * (self.restarts + 1):
                await self.restart(port)
            else:
                self.moves += 1
                await self.change(DOOR, "off" if self.states[DOOR] == "on" else "on")

    async def restart(self, port):
        self.restarts += 1
        if self.restarts % 2 == 0:
            for session in list(self.sessions):
                session.connection.transport.abort()
        self.server.close(code=1000)
        await self.server.wait_closed()
        self.states[LIGHT] = "off"
        await asyncio.sleep(AWAY)
        await self.start(port)


class Session:
    """One connection."""

    def __init__(self, house, connection):
        self.house, self.connection = house, connection
        self.last_id = 0
        self.subscriptions = {}
        self.commands = {
            "ping": self.ping,
            "get_states": self.get_states,
            "subscribe_events": self.subscribe,
            "unsubscribe_events": self.unsubscribe,
            "call_service": self.call_service,
            "fire_event": self.fire_event,
        }

    async def send(self, **message):
        await serving.send(self.connection, message)

    async def tell(self, kind, data):
        for command_id, wanted in list(self.subscriptions.items()):
            if wanted in (kind, "*"):
                event = {"event_type": kind, "data": data, "origin": "LOCAL"}
                await self.send(id=command_id, type="event", event=event)

    async def talk(self):
        if self.connection.request.path != "/api/websocket":
            await self.connection.close(1008, "no such path")
            return
        await self.send(type="auth_required", ha_version=VERSION)
        first = await self.receive()
        if not isinstance(first, dict) or first.get("type") != "auth" or set(first) - {"type", "access_token"}:
            await self.send(type="auth_invalid", message="Auth message incorrectly formatted")
            return
        if first.get("access_token") != self.house.options.token:
            await self.send(type="auth_invalid", message="Invalid access token or password")
            return
        await self.send(type="auth_ok", ha_version=VERSION)
        self.house.sessions.add(self)
        try:
            while (message := await self.receive()) is not None:
                for each in message if isinstance(message, list) else [message]:
                    await self.handle(each)
        finally:
            self.house.sessions.discard(self)

    async def receive(self):
        """Returns the next message, or None after what is no text or no JSON, which ends the connection."""
        text = await self.connection.recv()
        try:
            return json.loads(text) if isinstance(text, str) else None
        except ValueError:
            return None

    async def handle(self, message):
        command_id = message.get("id") if isinstance(message, dict) else None
        kind = message.get("type") if isinstance(message, dict) else None
        try:
            if type(command_id) is not int or command_id < 0 or not isinstance(kind, str):
                raise Problem("invalid_format", "Message incorrectly formatted.")
            if command_id <= self.last_id:
                raise Problem("id_reuse", "Identifier values have to increase.")
            if kind not in self.commands:
                raise Problem("unknown_command", "Unknown command.")
            self.last_id = command_id
            await self.commands[kind](command_id, message)
        except Problem as problem:
            code, text = problem.args
            await self.send(id=command_id, type="result", success=False, error={"code": code, "message": text})

    async def result(self, command_id, value=None):
        await self.send(id=command_id, type="result", success=True, result=value)

    async def ping(self, command_id, _message):
        await self.send(id=command_id, type="pong")

    async def get_states(self, command_id, _message):
        await self.result(command_id, [self.house.state(entity) for entity in self.house.states])

    async def subscribe(self, command_id, message):
        kind = message.get("event_type", "*")
        if not isinstance(kind, str):
            raise Problem("invalid_format", "expected str for dictionary value @ data['event_type'].")
        self.subscriptions[command_id] = kind
        await self.result(command_id)

    async def unsubscribe(self, command_id, message):
        if self.subscriptions.pop(message.get("subscription"), None) is None:
            raise Problem("not_found", "Subscription not found.")
        await self.result(command_id)

    async def fire_event(self, command_id, message):
        await self.house.fire(str(message.get("event_type")), message.get("event_data", {}))
        await self.result(command_id, {"context": {}})

    async def call_service(self, command_id, message):
        states = {"turn_on": "on", "turn_off": "off"}
        if message.get("domain") != "light" or message.get("service") not in states:
            raise Problem("not_found", "Service not found.")
        target = message.get("target")
        if not isinstance(target, dict) or target.get("entity_id") != LIGHT:
            raise Problem("invalid_format", "must contain at least one of entity_id.")
        await self.house.change(LIGHT, states[message["service"]])
        await self.result(command_id, {"context": {}, "response": None})


async def main():
    options = serving.parser(__doc__.splitlines()[0])
    options.add_argument("--token", required=True)
    options.add_argument("--door", type=float, default=0.2)
    options.add_argument("--restarts", type=int, default=0)
    options = options.parse_args()
    serving.end_with_stdin()
    house = House(options)
    port = await house.start(0)
    serving.announce(options.ports_file, ws=port)
    await house.live(port)


asyncio.run(main())
