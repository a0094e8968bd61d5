"""JSON-RPC over one socket with many topics (API reference §6.8): the state of its client, without any I/O.

Calls carry a string id and are answered once, or never (a bad selector gets no reply at all). Frames of topics carry
`subscription`, the topic's name, and `seq`, counted over the whole connection from 0.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from hummingbot_extended.errors import ApiError, ExtendedError, MalformedMessage, ServerUnavailable, Unauthorized
from hummingbot_extended.streams.sequence import SequenceChecker

FIRST_SEQ = 0

INTERNAL_ERROR = -32603
UNAUTHORIZED = -32001


class Topic(Protocol):
    """What can be subscribed to. `exchange.channels.Topic` is one."""

    @property
    def name(self) -> str:
        """What the topic's frames carry as `subscription`."""
        ...

    @property
    def scope(self) -> str:
        """The kind of data."""
        ...

    @property
    def selector(self) -> Mapping[str, object]:
        """Which of that kind."""
        ...


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a call. `topic` is the name the caller gave to what the call was about, if any."""

    request_id: str
    method: str
    topic: str | None
    result: Mapping[str, Any] = field(default_factory=dict)
    error: ExtendedError | None = None


@dataclass(frozen=True, slots=True)
class _Wanted:
    topic: Topic
    api_key: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Call:
    method: str
    topic: str | None
    secret: str | None = field(repr=False)


class _Head(msgspec.Struct, gc=False):
    subscription: str | None = None
    seq: int | None = None
    id: str | int | None = None
    ts: int | None = None


class _Refusal(msgspec.Struct):
    code: int = 0
    message: str = ""


class _Answer(msgspec.Struct):
    result: dict[str, Any] = {}
    error: _Refusal | None = None


_decode_head = msgspec.json.Decoder(_Head).decode
_decode_answer = msgspec.json.Decoder(_Answer).decode


class RpcProtocol:
    """One client of a JSON-RPC socket, over all its connections: the topics it wants, the calls that wait.

    `connected()` begins a connection and returns the calls that ask for all topics again; none of them may be awaited
    before reading starts. `read()` says what a message is.
    """

    def __init__(self, name: str = "rpc") -> None:
        self._name = name
        self._ids = itertools.count(1)
        self._wanted: dict[str, _Wanted] = {}
        self._names: dict[str, str] = {}  # what the server calls a topic → what its caller does
        self._calls: dict[str, _Call] = {}
        self._sequence = SequenceChecker(FIRST_SEQ, name)
        self.last_ts_ms: int | None = None  # the exchange's time of the last frame

    def __repr__(self) -> str:
        return f"<RpcProtocol {self._name}: {len(self._wanted)} topics, {len(self._calls)} calls unanswered>"

    @property
    def topics(self) -> tuple[str, ...]:
        """The names of the topics that are wanted, whether or not the server has confirmed them."""
        return tuple(self._wanted)

    def connected(self) -> list[tuple[str, str]]:
        """Begin a connection: return (request id, text) of the calls that subscribe to every topic again."""
        self._calls.clear()
        self._names.clear()
        self._sequence = SequenceChecker(FIRST_SEQ, self._name)
        return [self._subscribe(wanted) for wanted in self._wanted.values()]

    def subscribe(self, topic: Topic, api_key: str | None = None) -> tuple[str, str]:
        """Want `topic` from now on; return (request id, text) of the call. `api_key` is for private topics only.

        For a topic that is wanted already this asks for a fresh start: the server sends its snapshot again.
        """
        wanted = self._wanted[topic.name] = _Wanted(topic, api_key)
        return self._subscribe(wanted)

    def subscribe_again(self, name: str) -> tuple[str, str] | None:
        """Return (request id, text) of the call that asks once more for a topic, or None where it is not wanted."""
        wanted = self._wanted.get(name)
        return None if wanted is None else self._subscribe(wanted)

    def unsubscribe(self, name: str) -> tuple[str, str] | None:
        """Want the topic no more; return (request id, text) of the call, or None where it was not wanted."""
        wanted = self._wanted.pop(name, None)
        if wanted is None:
            return None
        self._names = {theirs: ours for theirs, ours in self._names.items() if ours != name}
        return self._call("unsubscribe", wanted.topic)

    def call(self, method: str) -> tuple[str, str]:
        """Return (request id, text) of a call without parameters: "ping", "list-subscriptions"."""
        return self._call(method)

    def forget(self, request_id: str) -> str | None:
        """No longer wait for the answer to a call. Return its topic if it was waited for (and had one)."""
        call = self._calls.pop(request_id, None)
        return call.topic if call else None

    def read(self, text: bytes | str) -> str | Reply | None:
        """Return a frame's topic by the name its subscriber gave it, or a call's reply, or None for what nobody wants.

        Raises:
            SequenceGap: Frames of some topic were lost; the connection is of no further use.
            MalformedMessage: It is neither.
        """
        try:
            head = _decode_head(text)
            if head.subscription is not None:
                if head.seq is not None:
                    self._sequence.check(head.seq)
                self.last_ts_ms = head.ts
                name = self._names.get(head.subscription, head.subscription)
                return name if name in self._wanted else None
            return None if head.id is None else self._reply(str(head.id), text)
        except ValueError as exc:
            raise MalformedMessage(f"{self._name}: neither a reply nor a topic's frame", text) from exc

    # --- inside -----------------------------------------------------------------------------------------------------
    def _subscribe(self, wanted: _Wanted) -> tuple[str, str]:
        return self._call("subscribe", wanted.topic, wanted.api_key)

    def _call(self, method: str, topic: Topic | None = None, api_key: str | None = None) -> tuple[str, str]:
        request_id = str(next(self._ids))
        request: dict[str, object] = {"method": method, "id": request_id, "jsonrpc": "2.0"}
        if topic is not None:
            params: dict[str, object] = {"scope": topic.scope, "selector": topic.selector}
            request["params"] = params | ({"apiKey": api_key} if api_key is not None else {})
        self._calls[request_id] = _Call(method, topic.name if topic else None, api_key)
        return request_id, msgspec.json.encode(request).decode()

    def _reply(self, request_id: str, text: bytes | str) -> Reply | None:
        call = self._calls.pop(request_id, None)
        if call is None:
            return None  # given up on, or of nobody's
        answer = _decode_answer(text)
        if answer.error is not None:
            return Reply(request_id, call.method, call.topic, error=_error(call, answer.error))
        theirs = answer.result.get("subscription")
        if call.method == "subscribe" and call.topic in self._wanted and isinstance(theirs, str):
            self._names[theirs] = call.topic
        return Reply(request_id, call.method, call.topic, answer.result)


def _error(call: _Call, refusal: _Refusal) -> ExtendedError:
    """Return the error of a refused call. JSON-RPC has no HTTP status; each code is given the one it corresponds to."""
    message = refusal.message
    if call.secret:
        message = message.replace(call.secret, "…")
    request = f"{call.method} {call.topic}" if call.topic else call.method
    if refusal.code == UNAUTHORIZED:
        return Unauthorized(401, refusal.code, message, request=request)
    if refusal.code == INTERNAL_ERROR:
        return ServerUnavailable(500, refusal.code, message, request=request)
    return ApiError(400, refusal.code, message, request=request)
