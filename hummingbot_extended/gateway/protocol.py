"""The gateway's wire protocol, sans-I/O: requests, replies and events, one JSON text each. Client and bridge share it.

A request is `{"type": method, "id": "7", …}`, its reply `{"id": "7", "status": "success", "data": …}` or `{"id": "7",
"status": "error", "message": …, "code": …, "retry_after": seconds}`; an event is `{"type": …, "data": {…}, "seq": n}`.
Money travels as decimal strings. Version 1 is what the first client of this protocol spoke; all that is beyond it is
optional and named in the capabilities of the reply to `authenticate`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from hummingbot_extended.errors import MalformedMessage
from hummingbot_extended.gateway.enums import OrderSide, OrderType
from hummingbot_extended.gateway.errors import ErrorCode, InvalidOrderError

PROTOCOL_VERSION = 1
DEFAULT_PORT = 15888
PATH = "/ws"
CLOSE_GOING_AWAY = 1001
CLOSE_POLICY = 1008
CLOSE_SLOW = 1013
MAX_EXPONENT = 40  # beyond it a number is a mistake or an attack: written out, 1e999999999 fills the memory

CLIENT_REF = "client_ref"
PING = "ping"
RESUME = "resume"
STOP_ORDERS = "stop_orders"
CAPABILITIES = (
    CLIENT_REF,
    PING,
    RESUME,
    STOP_ORDERS,
    "unsubscribe",
    "ticker",
    "cancel_all",
    "positions",
    "trading_rules",
    "leverage",
    "position_mode",
    "fills",
    "history_filters",
)

# Requests whose repetition changes nothing: they may be sent again when no reply came.
REPEATABLE = frozenset(
    {
        "cancel_order",
        "cancel_all",
        "get_balances",
        "get_fills",
        "get_open_orders",
        "get_order",
        "get_order_book",
        "get_order_history",
        "get_positions",
        "get_ticker",
        "get_trading_rules",
        "ping",
        "set_leverage",
        "set_position_mode",
        "subscribe",
        "unsubscribe",
    }
)

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks. `id` is None where the client sent none: nothing can be answered then."""

    type: str
    id: str | None
    params: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answers to the request `id`."""

    id: str | None
    status: str
    data: Any = None
    message: str = ""
    code: str | None = None
    retry_after_s: float | None = None

    @property
    def ok(self) -> bool:
        """Whether the request was carried out."""
        return self.status == "success"


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """What a server tells without being asked. `seq` counts the events of a connection from 1, where it is given."""

    type: str
    data: dict[str, Any]
    seq: int | None = None


@dataclass(frozen=True, slots=True)
class Welcome:
    """What a server says of itself when it lets a client in.

    `exchanges` maps a connector's name to its trading pairs; `position` is where the journal of own fills stands, a
    text to give back at the next connect.
    """

    version: int = PROTOCOL_VERSION
    server: str = ""
    capabilities: frozenset[str] = frozenset()
    exchanges: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    position: str | None = None

    @classmethod
    def read(cls, data: Any) -> "Welcome":
        """Return what the data of a reply to `authenticate` says; a server that says nothing offers nothing extra."""
        if not isinstance(data, Mapping):
            return cls()
        exchanges = data.get("exchanges") or {}
        return cls(
            version=data.get("version", PROTOCOL_VERSION),
            server=str(data.get("server", "")),
            capabilities=frozenset(data.get("capabilities") or ()),
            exchanges={name: tuple(pairs) for name, pairs in exchanges.items()},
            position=data.get("position"),
        )


def encode_request(request_id: str, method: str, params: Mapping[str, Any]) -> str:
    """Return a request as text."""
    return _encode({"type": method, "id": request_id, **params}).decode()


def decode_request(text: str | bytes) -> Request:
    """Return the request a client sent. Raises MalformedMessage."""
    message = _object(text)
    method, request_id = message.pop("type", None), message.pop("id", None)
    if not isinstance(method, str):
        raise MalformedMessage("a request without a type", text)
    if request_id is not None and not isinstance(request_id, str | int):
        raise MalformedMessage("a request whose id is neither text nor a number", text)
    return Request(method, None if request_id is None else str(request_id), message)


def encode_reply(request_id: str | None, data: Any, message: str | None = None) -> bytes:
    """Return the reply to a request that was carried out."""
    reply = {"id": request_id, "status": "success", "data": data}
    return _encode(reply if message is None else {**reply, "message": message})


def encode_error(
    request_id: str | None, code: ErrorCode, message: str, data: Any = None, retry_after_s: float | None = None
) -> bytes:
    """Return the reply to a request that was not carried out."""
    reply: dict[str, Any] = {"id": request_id, "status": "error", "code": code, "message": message}
    if data is not None:
        reply["data"] = data
    if retry_after_s is not None:
        reply["retry_after"] = retry_after_s
    return _encode(reply)


def encode_event(event_type: str, data: Mapping[str, Any]) -> bytes:
    """Return an event without its number, so that one encoding serves every session; see `with_seq`."""
    return _encode({"type": event_type, "data": data})


def with_seq(event: bytes, seq: int) -> bytes:
    """Return an encoded event with its number in one session."""
    return b'%b,"seq":%d}' % (event[:-1], seq)


def decode_message(text: str | bytes) -> Reply | ServerEvent:
    """Return the reply or the event a server sent. Raises MalformedMessage."""
    message = _object(text)
    if isinstance(message.get("status"), str):
        request_id = message.get("id")
        return Reply(
            None if request_id is None else str(request_id),
            message["status"],
            message.get("data"),
            str(message.get("message") or ""),
            message.get("code"),
            message.get("retry_after"),
        )
    data, seq = message.get("data"), message.get("seq")
    if not isinstance(message.get("type"), str) or not isinstance(data, dict):
        raise MalformedMessage("neither a reply nor an event", text)
    return ServerEvent(message["type"], data, seq if isinstance(seq, int) else None)


def plain(number: Decimal) -> str:
    """Return a number as a plain decimal text, without an exponent and without zeros that say nothing."""
    text = format(number, "f")
    return (text.rstrip("0").rstrip(".") or "0") if "." in text else text


def decimal_of(value: Any) -> Decimal | None:
    """Return a number exactly as it is written, None for what is no finite number of a sensible size.

    A float counts as the shortest text that means it.
    """
    try:
        if isinstance(value, bool):
            return None
        number = value if isinstance(value, Decimal) else Decimal(repr(value) if isinstance(value, float) else value)
    except (InvalidOperation, TypeError, ValueError):
        return None
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or abs(exponent) > MAX_EXPONENT or abs(number.adjusted()) > MAX_EXPONENT:
        return None
    return number


def to_decimal(name: str, value: Any) -> Decimal:
    """Return a number above 0 exactly as it is written (see `decimal_of`). Raises InvalidOrderError."""
    number = decimal_of(value)
    if number is None or number <= 0:
        raise InvalidOrderError(f"Invalid order: {name} must be a number above 0, not {_shown(value)}")
    return number


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRequest:
    """An order as the client wants it, checked for what can be known without a market."""

    exchange: str
    market: str
    side: OrderSide
    order_type: OrderType
    amount: Decimal
    price: Decimal | None = None
    stop_price: Decimal | None = None
    post_only: bool = False
    reduce_only: bool = False
    client_ref: str | None = None

    @classmethod
    def read(cls, params: Mapping[str, Any]) -> "OrderRequest":
        """Return the order that a request's fields describe. Raises InvalidOrderError."""
        order_type = _word(OrderType, "order_type", params.get("order_type"))
        price, stop_price = params.get("price"), params.get("stop_price")
        if order_type.has_price is (price is None):
            raise InvalidOrderError(f"Invalid order: a {order_type} order {_needs(order_type.has_price)} price")
        if order_type.has_stop_price is (stop_price is None):
            raise InvalidOrderError(
                f"Invalid order: a {order_type} order {_needs(order_type.has_stop_price)} stop_price"
            )
        post_only = _flag(params, "post_only")
        if post_only and order_type is not OrderType.LIMIT:
            raise InvalidOrderError("Invalid order: post_only is for limit orders")
        client_ref = params.get("client_ref")
        if client_ref is not None and not (isinstance(client_ref, str) and 0 < len(client_ref) <= 64):
            raise InvalidOrderError("Invalid order: client_ref must be a text of at most 64 characters")
        return cls(
            exchange=text_of("exchange", params.get("exchange")),
            market=text_of("market", params.get("market")),
            side=_word(OrderSide, "side", params.get("side")),
            order_type=order_type,
            amount=to_decimal("amount", params.get("amount")),
            price=None if price is None else to_decimal("price", price),
            stop_price=None if stop_price is None else to_decimal("stop_price", stop_price),
            post_only=post_only,
            reduce_only=_flag(params, "reduce_only"),
            client_ref=client_ref,
        )

    def params(self) -> dict[str, Any]:
        """Return the fields of the request; what is not used is left out."""
        fields: dict[str, Any] = {
            "exchange": self.exchange,
            "market": self.market,
            "side": self.side.value,
            "order_type": self.order_type.value,
            "amount": plain(self.amount),
        }
        if self.price is not None:
            fields["price"] = plain(self.price)
        if self.stop_price is not None:
            fields["stop_price"] = plain(self.stop_price)
        if self.post_only:
            fields["post_only"] = True
        if self.reduce_only:
            fields["reduce_only"] = True
        if self.client_ref is not None:
            fields["client_ref"] = self.client_ref
        return fields


def text_of(name: str, value: Any) -> str:
    """Return a name that must be given. Raises InvalidOrderError."""
    if not isinstance(value, str) or not value.strip():
        raise InvalidOrderError(
            f"{name} must be a text that is not empty, not {_shown(value)}", code=ErrorCode.INVALID_REQUEST
        )
    return value


def _flag(params: Mapping[str, Any], name: str) -> bool:
    value = params.get(name, False)
    if not isinstance(value, bool):
        raise InvalidOrderError(f"Invalid order: {name} must be true or false, not {_shown(value)}")
    return value


def _word[Word: (OrderType, OrderSide)](words: type[Word], name: str, value: Any) -> Word:
    try:
        return value if isinstance(value, words) else words(value)
    except ValueError:
        known = ", ".join(str(word) for word in words)
        raise InvalidOrderError(f"Invalid order: {name} must be one of {known}, not {_shown(value)}") from None


def _shown(value: Any) -> str:
    return repr(value)[:80]


def _needs(given: bool) -> str:
    return "needs a" if given else "takes no"


def _object(text: str | bytes) -> dict[str, Any]:
    try:
        message = _decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise MalformedMessage("not JSON", text) from exc
    if not isinstance(message, dict):
        raise MalformedMessage("not a JSON object", text)
    return message
