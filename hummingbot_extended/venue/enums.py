"""The words of the exchange as the venue writes them (API reference §1.4, §4); on purpose not those of `exchange`."""

from enum import Enum, StrEnum


class Side(StrEnum):
    """Side of an order or of a trade's taker."""

    BUY = "BUY"
    SELL = "SELL"

    @property
    def opposite(self) -> "Side":
        """The other side."""
        return Side.SELL if self is Side.BUY else Side.BUY

    @property
    def sign(self) -> int:
        """+1 for BUY, -1 for SELL: what a fill adds to a signed position."""
        return 1 if self is Side.BUY else -1


class OrderType(StrEnum):
    """Type of an order (API reference §4.1)."""

    LIMIT = "LIMIT"
    MARKET = "MARKET"
    CONDITIONAL = "CONDITIONAL"
    TPSL = "TPSL"


class TimeInForce(StrEnum):
    """How long an order lives. FOK and TOB exist on the wire and are refused."""

    GTT = "GTT"
    IOC = "IOC"
    FOK = "FOK"
    TOB = "TOB"


class OrderStatus(StrEnum):
    """State of an order (API reference §4.4)."""

    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    UNTRIGGERED = "UNTRIGGERED"
    TRIGGERED = "TRIGGERED"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"

    @property
    def is_final(self) -> bool:
        """Whether nothing can happen to the order any more."""
        return self in FINAL


FINAL = frozenset({OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.REJECTED, OrderStatus.EXPIRED})


class StatusReason(StrEnum):
    """Why an order was cancelled or rejected (API reference §4.5)."""

    NONE = "NONE"
    UNKNOWN = "UNKNOWN"
    UNKNOWN_MARKET = "UNKNOWN_MARKET"
    DISABLED_MARKET = "DISABLED_MARKET"
    NOT_ENOUGH_FUNDS = "NOT_ENOUGH_FUNDS"
    NO_LIQUIDITY = "NO_LIQUIDITY"
    INVALID_FEE = "INVALID_FEE"
    INVALID_QTY = "INVALID_QTY"
    INVALID_PRICE = "INVALID_PRICE"
    INVALID_VALUE = "INVALID_VALUE"
    UNKNOWN_ACCOUNT = "UNKNOWN_ACCOUNT"
    SELF_TRADE_PROTECTION = "SELF_TRADE_PROTECTION"
    POST_ONLY_FAILED = "POST_ONLY_FAILED"
    REDUCE_ONLY_FAILED = "REDUCE_ONLY_FAILED"
    INVALID_EXPIRE_TIME = "INVALID_EXPIRE_TIME"
    POSITION_TPSL_CONFLICT = "POSITION_TPSL_CONFLICT"
    INVALID_LEVERAGE = "INVALID_LEVERAGE"
    PREV_ORDER_NOT_FOUND = "PREV_ORDER_NOT_FOUND"
    PREV_ORDER_TRIGGERED = "PREV_ORDER_TRIGGERED"
    TPSL_OTHER_SIDE_FILLED = "TPSL_OTHER_SIDE_FILLED"
    PREV_ORDER_CONFLICT = "PREV_ORDER_CONFLICT"
    ORDER_REPLACED = "ORDER_REPLACED"
    POST_ONLY_MODE = "POST_ONLY_MODE"
    REDUCE_ONLY_MODE = "REDUCE_ONLY_MODE"
    TRADING_OFF_MODE = "TRADING_OFF_MODE"
    NEGATIVE_EQUITY = "NEGATIVE_EQUITY"
    ACCOUNT_LIQUIDATION = "ACCOUNT_LIQUIDATION"


class SelfTradeProtection(StrEnum):
    """Which resting orders a taker must not meet: none, its account's, its client's (all sub-accounts)."""

    DISABLED = "DISABLED"
    ACCOUNT = "ACCOUNT"
    CLIENT = "CLIENT"


class PriceSource(StrEnum):
    """Which price a trigger watches."""

    LAST = "LAST"
    MARK = "MARK"
    INDEX = "INDEX"


class Direction(StrEnum):
    """Whether a trigger waits for the price to rise to it or to fall to it."""

    UP = "UP"
    DOWN = "DOWN"


class ExecutionType(StrEnum):
    """How a triggered order goes on."""

    LIMIT = "LIMIT"
    MARKET = "MARKET"


class TpSlType(StrEnum):
    """Whether a take-profit or stop-loss covers its order's quantity or the whole position."""

    ORDER = "ORDER"
    POSITION = "POSITION"


class TradeType(StrEnum):
    """What brought a trade about."""

    TRADE = "TRADE"
    LIQUIDATION = "LIQUIDATION"
    DELEVERAGE = "DELEVERAGE"


class PositionSide(StrEnum):
    """Side of a position."""

    LONG = "LONG"
    SHORT = "SHORT"


class MarketStatus(StrEnum):
    """State of a market (API reference §2.1)."""

    ACTIVE = "ACTIVE"
    REDUCE_ONLY = "REDUCE_ONLY"
    DELISTED = "DELISTED"
    PRELISTED = "PRELISTED"
    DISABLED = "DISABLED"


class Mode(Enum):
    """Mode of the whole exchange; each but NORMAL refuses some new orders (codes 1010 to 1012)."""

    NORMAL = "normal"
    POST_ONLY = "post_only"
    REDUCE_ONLY = "reduce_only"
    MAINTENANCE = "maintenance"


class AccountKind(Enum):
    """Who owns an account: a user, the venue's market makers (no account events), or the insurance fund."""

    USER = "user"
    HOUSE = "house"
    INSURANCE = "insurance"
