"""What callbacks get: one frozen object an event, money as Decimal. Times are the exchange's, in ms since the epoch."""

from dataclasses import dataclass, field
from decimal import Decimal

from hummingbot_extended.exchange.enums import Side, TradeType
from hummingbot_extended.exchange.models import AccountTrade, Balance, Order, Position

type Level = tuple[Decimal, Decimal]  # price, size in base


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What all events have. `raw` is the message's JSON text as it came; None where REST told it, after an outage."""

    ts_ms: int
    raw: bytes | str | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote(Event):
    """Best bid and ask with their sizes; None on a side that is empty."""

    market: str
    bid: Decimal | None
    bid_qty: Decimal | None
    ask: Decimal | None
    ask_qty: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Book(Event):
    """The order book as deep as it was asked for, best first. `is_snapshot` after a (re)connect and each minute."""

    market: str
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    is_snapshot: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade(Event):
    """A trade of the market. `side` is the taker's; `ts_ms` is when it happened."""

    market: str
    id: int
    side: Side
    type: TradeType
    price: Decimal
    qty: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar(Event):
    """A price bar. Of one `open_time_ms` any number with `is_closed` False may come, then exactly one with True.

    `is_history` bars come first, closed, oldest first; the last of them has `is_end_of_history`. A time without trades
    has a flat bar without volume.
    """

    market: str
    interval: str
    open_time_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    is_closed: bool
    is_history: bool = False
    is_end_of_history: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Funding(Event):
    """The current 1-hour funding rate as a fraction; positive means longs pay shorts."""

    market: str
    rate: Decimal
    time_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkPrice(Event):
    """The mark price."""

    market: str
    price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderUpdate(Event):
    """The state of an order. `is_snapshot` where it is what the account had when the stream began."""

    order: Order
    is_snapshot: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill(Event):
    """A fill of the account; each trade id comes once, also over reconnects."""

    trade: AccountTrade


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionUpdate(Event):
    """A position. `size` is signed: negative for a short, zero when it is closed."""

    market: str
    size: Decimal
    position: Position
    is_snapshot: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceUpdate(Event):
    """The collateral balance."""

    balance: Balance
    is_snapshot: bool = False


@dataclass(frozen=True, slots=True)
class Reconnected:
    """A stream is back. `generation` counts its connections from 1; what was missed follows as events."""

    stream: str
    generation: int
