"""The words of the gateway's protocol."""

from enum import Enum


class _Word(Enum):
    """A word whose text is its value."""

    def __str__(self) -> str:
        return str(self.value)


class OrderType(_Word):
    """How an order executes. STOP is a market order and STOP_LIMIT a limit order once its stop price is reached."""

    LIMIT = "limit"
    MARKET = "market"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"

    @property
    def has_price(self) -> bool:
        """Whether an order of this type needs a limit price."""
        return self in (OrderType.LIMIT, OrderType.STOP_LIMIT)

    @property
    def has_stop_price(self) -> bool:
        """Whether an order of this type waits for a stop price."""
        return self in (OrderType.STOP, OrderType.STOP_LIMIT)


class OrderSide(_Word):
    """Which side of the book an order is for."""

    BUY = "buy"
    SELL = "sell"


class OrderStatus(_Word):
    """Where an order is in its life. An order the exchange has not confirmed yet is OPEN with `acknowledged: false`."""

    OPEN = "open"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def is_closed(self) -> bool:
        """Whether nothing more is to come but late fills."""
        return self in (OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.FAILED)


class MarketType(_Word):
    """What kind of market an exchange offers."""

    SPOT = "spot"
    FUTURES = "futures"


class ConnectionStatus(Enum):
    """The client's connection. ERROR means that it has given up reconnecting."""

    DISCONNECTED = "disconnected"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    ERROR = "error"
