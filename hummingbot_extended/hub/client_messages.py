"""What a WebSocket client says to the hub, parsed once into frozen messages. Sans-I/O (statements W9–W16, W24, W35).

Errors name the field and what it may be; nothing that the client sent comes back in them.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any

import msgspec

from hummingbot_extended.candles.timeframes import TIMEFRAMES, Timeframe, timeframe
from hummingbot_extended.errors import SettingsError
from hummingbot_extended.hub.kinds import Kind

MAX_SYMBOLS = 50
MAX_SYMBOL_CHARS = 40
MIN_INTERVAL_MS, DEFAULT_INTERVAL_MS, MAX_INTERVAL_MS = 100, 1_000, 60_000
MAX_LEVELS = 1_000


class CloseCode(IntEnum):
    """Why the hub ends a connection (W39)."""

    NORMAL = 1000
    GOING_AWAY = 1001
    NOT_TEXT = 1003
    POLICY = 1008  # too many messages, or a reader that is too slow
    TOO_BIG = 1009
    INTERNAL = 1011
    OVERLOADED = 1013
    UNAUTHORIZED = 4001


class ErrorCode(StrEnum):
    """`error_code` of an error message (W35)."""

    INVALID_JSON = "INVALID_JSON"
    INVALID_MESSAGE_TYPE = "INVALID_MESSAGE_TYPE"
    SUBSCRIPTION_ERROR = "SUBSCRIPTION_ERROR"
    UNSUBSCRIBE_ERROR = "UNSUBSCRIBE_ERROR"
    PROCESSING_ERROR = "PROCESSING_ERROR"
    ALERT_ERROR = "ALERT_ERROR"


class Refused(Exception):
    """Raised when a message cannot be obeyed; the connection stays open. The text is for the client."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class StreamType(StrEnum):
    """What can be subscribed to: the five of the founding document, and ours after them."""

    PRICE = "price"
    OHLCV = "ohlcv"
    QUOTE = "quote"
    TRADES = "trades"
    MULTI_ASSET = "multi_asset"
    DEPTH = "depth"
    FUNDING = "funding"
    MARK = "mark"
    INDEX = "index"
    STATS = "stats"
    NEWS = "news"

    @property
    def kind(self) -> Kind:
        """The kind of rows that the stream is made of."""
        return Kind.PRICE if self is StreamType.MULTI_ASSET else Kind(self.value)


# News may be of all markets.
ALL_SYMBOLS = "*"


class Mode(StrEnum):
    """When data is sent: all rows each interval, the changed rows each interval, or each change at once."""

    INTERVAL = "interval"
    CHANGES = "changes"
    TICK = "tick"


class Numbers(StrEnum):
    """How decimals are written: exactly in both, as JSON numbers or as strings."""

    NUMBER = "number"
    STRING = "string"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """Past data instead of live: from `from_ms` to `to_ms` (epoch ms), `speed` times as fast as it happened."""

    from_ms: int
    to_ms: int
    speed: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """Options of a subscription. `levels` is of each side of a book, None for all of them."""

    timeframe: Timeframe = TIMEFRAMES[0]
    timeframe_name: str = TIMEFRAMES[0].interval  # as it was asked for
    levels: int | None = None
    mode: Mode | None = None
    numbers: Numbers = Numbers.NUMBER
    snapshot: bool = False
    replay: Replay | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribe:
    """A subscription asked for. `symbols` are trimmed, as the client wrote them."""

    stream_type: StreamType
    symbols: tuple[str, ...]
    interval_ms: int = DEFAULT_INTERVAL_MS
    params: Params = field(default_factory=Params)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsubscribe:
    """What to end: one subscription by id, or those of a stream type, all of their symbols when None (W24, W27)."""

    stream_type: StreamType | None = None
    symbols: tuple[str, ...] | None = None
    subscription_id: str | None = None


@dataclass(frozen=True, slots=True)
class Ping:
    """Asks for a pong."""


@dataclass(frozen=True, slots=True)
class ListSubscriptions:
    """Asks for the subscriptions and alerts of this connection."""


@dataclass(frozen=True, slots=True)
class AlertSet:
    """An alert asked for: an object as `alerts.parse_alert` wants it."""

    alert: dict[str, Any]


@dataclass(frozen=True, slots=True)
class AlertClear:
    """Ends an alert by its id."""

    alert_id: str


type ClientMessage = Subscribe | Unsubscribe | Ping | ListSubscriptions | AlertSet | AlertClear

_ASSET_TYPES = frozenset(
    "equity crypto forex commodity index etf option future perpetual".split()  # noqa: SIM905 (a list of words)
)
_MARKETS = frozenset({"US", "UK", "EU", "JP", "CN", "HK", "CRYPTO", "GLOBAL"})


def parse_client_message(text: str) -> ClientMessage:
    """Return what `text` asks for. Raises Refused, with the code of W35."""
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise Refused(ErrorCode.INVALID_JSON, "the message is not JSON") from None
    if not isinstance(value, dict):
        raise Refused(ErrorCode.PROCESSING_ERROR, "a message is a JSON object")
    name = value.get("type")
    read = _READERS.get(name) if isinstance(name, str) else None
    if read is None:
        known = ", ".join(_READERS)
        raise Refused(ErrorCode.INVALID_MESSAGE_TYPE, f"type is missing or not known; it may be {known}")
    return read(value)


# --- the messages ---------------------------------------------------------------------------------------------------


def _subscribe(value: Mapping[str, Any]) -> Subscribe:
    code = ErrorCode.SUBSCRIPTION_ERROR
    stream_type = _enum(code, "stream_type", value.get("stream_type"), StreamType)
    if value.get("asset_type", "crypto") not in _ASSET_TYPES:
        raise Refused(code, f"asset_type is one of {', '.join(sorted(_ASSET_TYPES))}")
    if value.get("market", "CRYPTO") not in _MARKETS:
        raise Refused(code, f"market is one of {', '.join(sorted(_MARKETS))}")
    return Subscribe(
        stream_type=stream_type,
        symbols=read_symbols(value.get("symbols"), code),
        interval_ms=_interval_ms(value.get("interval_ms", DEFAULT_INTERVAL_MS)),
        params=_params(value.get("params") or {}),
    )


def _unsubscribe(value: Mapping[str, Any]) -> Unsubscribe:
    code = ErrorCode.UNSUBSCRIBE_ERROR
    subscription_id = value.get("subscription_id")
    if subscription_id is not None:
        if not isinstance(subscription_id, str):
            raise Refused(code, "subscription_id is the text that the acknowledgment gave")
        return Unsubscribe(subscription_id=subscription_id)
    symbols = value.get("symbols")
    return Unsubscribe(
        stream_type=_enum(code, "stream_type", value.get("stream_type"), StreamType),
        symbols=None if symbols is None else read_symbols(symbols, code),
    )


def _alert_set(value: Mapping[str, Any]) -> AlertSet:
    alert = value.get("alert")
    if not isinstance(alert, dict):
        raise Refused(ErrorCode.ALERT_ERROR, "alert is an object with kind and symbol, and what its kind needs")
    return AlertSet(alert)


def _alert_clear(value: Mapping[str, Any]) -> AlertClear:
    alert_id = value.get("alert_id")
    if not isinstance(alert_id, str):
        raise Refused(ErrorCode.ALERT_ERROR, "alert_id is the text that the acknowledgment gave")
    return AlertClear(alert_id)


_READERS: Mapping[str, Callable[[Mapping[str, Any]], ClientMessage]] = {
    "subscribe": _subscribe,
    "unsubscribe": _unsubscribe,
    "ping": lambda _: Ping(),
    "list": lambda _: ListSubscriptions(),
    "alert_set": _alert_set,
    "alert_clear": _alert_clear,
}


# --- the fields -----------------------------------------------------------------------------------------------------


def read_symbols(value: Any, code: ErrorCode = ErrorCode.SUBSCRIPTION_ERROR) -> tuple[str, ...]:
    """Return 1 to 50 symbols, trimmed. Raises Refused with `code`."""
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_SYMBOLS:
        raise Refused(code, f"symbols is a list of 1 to {MAX_SYMBOLS} symbols")
    symbols = tuple(symbol.strip() if isinstance(symbol, str) else "" for symbol in value)
    if not all(0 < len(symbol) <= MAX_SYMBOL_CHARS for symbol in symbols):
        raise Refused(code, f"a symbol is a text of 1 to {MAX_SYMBOL_CHARS} characters, such as BTC-USD")
    return symbols


def _interval_ms(value: Any) -> int:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,6}", value):
        value = int(value)
    if type(value) is not int or not MIN_INTERVAL_MS <= value <= MAX_INTERVAL_MS:
        limits = f"{MIN_INTERVAL_MS} to {MAX_INTERVAL_MS}"
        raise Refused(ErrorCode.SUBSCRIPTION_ERROR, f"interval_ms is a whole number from {limits}")
    return value


def _params(value: Any) -> Params:
    code = ErrorCode.SUBSCRIPTION_ERROR
    if not isinstance(value, dict):
        raise Refused(code, "params is an object")
    frame, name = _timeframe(value.get("timeframe", TIMEFRAMES[0].interval))
    snapshot = value.get("snapshot", False)
    if not isinstance(snapshot, bool):
        raise Refused(code, "params.snapshot is true or false")
    mode, replay = value.get("mode"), value.get("replay")
    return Params(
        timeframe=frame,
        timeframe_name=name,
        levels=_levels(value.get("levels")),
        mode=None if mode is None else _enum(code, "params.mode", mode, Mode),
        numbers=_enum(code, "params.numbers", value.get("numbers", Numbers.NUMBER), Numbers),
        snapshot=snapshot,
        replay=None if replay is None else _replay(replay),
    )


def _timeframe(value: Any) -> tuple[Timeframe, str]:
    try:
        return timeframe(value if isinstance(value, str) else ""), str(value)
    except SettingsError:
        offered = ", ".join(frame.interval for frame in TIMEFRAMES)
        raise Refused(ErrorCode.SUBSCRIPTION_ERROR, f"params.timeframe is one of {offered}") from None


def _levels(value: Any) -> int | None:
    if value is None or value == "all":
        return None
    if type(value) is not int or not 1 <= value <= MAX_LEVELS:
        raise Refused(ErrorCode.SUBSCRIPTION_ERROR, f"params.levels is 1 to {MAX_LEVELS}, or all")
    return value


def _replay(value: Any) -> Replay:
    code = ErrorCode.SUBSCRIPTION_ERROR
    if not isinstance(value, dict):
        raise Refused(code, "params.replay is an object with from and to (epoch ms) and speed")
    from_ms = int(_number(code, "params.replay.from", value.get("from"), 0, 1e14))
    to_ms = int(_number(code, "params.replay.to", value.get("to"), 0, 1e14))
    if to_ms < from_ms:
        raise Refused(code, "params.replay.to lies before params.replay.from")
    return Replay(
        from_ms=from_ms, to_ms=to_ms, speed=_number(code, "params.replay.speed", value.get("speed", 1), 0.1, 1e6)
    )


def _enum[Choice: StrEnum](code: ErrorCode, name: str, value: Any, choices: type[Choice]) -> Choice:
    if isinstance(value, str) and value in choices:
        return choices(value)
    raise Refused(code, f"{name} is one of {', '.join(choices)}")


def _number(code: ErrorCode, name: str, value: Any, least: float, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise Refused(code, f"{name} is a number from {least:g} to {most:g}")
    return float(value)
