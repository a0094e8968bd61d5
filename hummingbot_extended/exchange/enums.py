"""The exchange's words (API reference §2–§4), spelled as on the wire.

Two kinds. Strict ones decide about money and state: an unknown member is an error of the one record that holds it.
Open ones only describe: an unknown member reads as UNKNOWN, because new ones appear over time (§1.4).
"""

from enum import Enum, StrEnum
from typing import Self


class OpenEnum(StrEnum):
    """Base of the descriptive enums: what is not known reads as the member UNKNOWN, which each subclass has."""

    @classmethod
    def _missing_(cls, value: object) -> Self:
        return cls["UNKNOWN"]


# --- strict ---------------------------------------------------------------------------------------------------------


class Side(StrEnum):
    """Side of an order or of a trade's taker."""

    BUY = "BUY"
    SELL = "SELL"

    @property
    def opposite(self) -> "Side":
        """The other side."""
        return Side.SELL if self is Side.BUY else Side.BUY


class PositionSide(StrEnum):
    """Side of a position."""

    LONG = "LONG"
    SHORT = "SHORT"


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
        """Whether the order can no longer change."""
        return self in FINAL_STATUSES


FINAL_STATUSES = frozenset({OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.REJECTED, OrderStatus.EXPIRED})


class TradeType(StrEnum):
    """Why a trade happened."""

    TRADE = "TRADE"
    LIQUIDATION = "LIQUIDATION"
    DELEVERAGE = "DELEVERAGE"


class PositionStatus(StrEnum):
    """State of a position; CLOSED means flat whatever its size says (API reference §6.7)."""

    OPENED = "OPENED"
    CLOSED = "CLOSED"


class SelfTradeProtection(StrEnum):
    """Request only and required: without it an order is answered with 200 and never appears (API reference §4.1)."""

    DISABLED = "DISABLED"
    ACCOUNT = "ACCOUNT"
    CLIENT = "CLIENT"


class CandleType(StrEnum):
    """Source of a candle: the path segment of REST and v1 streams."""

    TRADES = "trades"
    MARK_PRICES = "mark-prices"
    INDEX_PRICES = "index-prices"


class PriceType(StrEnum):
    """Which price a price stream carries: the path segment of v1 streams, the selector of v2."""

    MARK = "mark"
    INDEX = "index"


class OrderSort(StrEnum):
    """Sort key of the order history."""

    ID = "ID"
    UPDATED_AT = "UPDATED_AT"


class AccountEvent(Enum):
    """What an account frame carries, named by its payload key (API reference §6.7)."""

    ORDERS = "orders"
    TRADES = "trades"
    POSITIONS = "positions"
    BALANCE = "balance"
    SPOT_BALANCES = "spotBalances"
    OTHER = "other"


# --- open -----------------------------------------------------------------------------------------------------------


class OrderType(OpenEnum):
    """Type of an order (API reference §4.1). TWAP is visible in reads only."""

    UNKNOWN = "UNKNOWN"
    LIMIT = "LIMIT"
    MARKET = "MARKET"
    CONDITIONAL = "CONDITIONAL"
    TPSL = "TPSL"
    TWAP = "TWAP"


class TimeInForce(OpenEnum):
    """Time in force. Send GTT or IOC only (API reference §4.1)."""

    UNKNOWN = "UNKNOWN"
    GTT = "GTT"
    IOC = "IOC"
    FOK = "FOK"
    TOB = "TOB"


class StatusReason(OpenEnum):
    """Why an order was cancelled or rejected (API reference §4.5)."""

    UNKNOWN = "UNKNOWN"
    NONE = "NONE"
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


class TriggerPriceType(OpenEnum):
    """Which price pulls a trigger."""

    UNKNOWN = "UNKNOWN"
    LAST = "LAST"
    MARK = "MARK"
    INDEX = "INDEX"


class TriggerDirection(OpenEnum):
    """From which side the price has to reach a trigger."""

    UNKNOWN = "UNKNOWN"
    UP = "UP"
    DOWN = "DOWN"


class ExecutionPriceType(OpenEnum):
    """How a triggered order executes."""

    UNKNOWN = "UNKNOWN"
    LIMIT = "LIMIT"
    MARKET = "MARKET"


class TpSlType(OpenEnum):
    """Whether take-profit and stop-loss cover the order or the whole position (API reference §4.8)."""

    UNKNOWN = "UNKNOWN"
    ORDER = "ORDER"
    POSITION = "POSITION"


class MarketType(OpenEnum):
    """Kind of a market."""

    UNKNOWN = "UNKNOWN"
    PERPETUAL = "PERPETUAL"
    SPOT = "SPOT"


class MarketStatus(OpenEnum):
    """State of a market's life (API reference §2.1)."""

    UNKNOWN = "UNKNOWN"
    ACTIVE = "ACTIVE"
    REDUCE_ONLY = "REDUCE_ONLY"
    DELISTED = "DELISTED"
    PRELISTED = "PRELISTED"
    DISABLED = "DISABLED"


class TradingHours(OpenEnum):
    """Session of a market."""

    UNKNOWN = "UNKNOWN"
    CONTINUOUS = "CONTINUOUS"
    WEEKDAYS = "WEEKDAYS"
    REGULAR = "REGULAR"
    NO_OVERNIGHT = "NO_OVERNIGHT"


class AssetType(OpenEnum):
    """Kind of an asset."""

    UNKNOWN = "UNKNOWN"
    SPOT = "SPOT"
    PERPETUAL = "PERPETUAL"


class AccountStatus(OpenEnum):
    """State of an account or a balance; only ACTIVE is documented."""

    UNKNOWN = "UNKNOWN"
    ACTIVE = "ACTIVE"


class ExitType(OpenEnum):
    """How a position ended; the documents say DELEVERAGE, the SDK says ADL."""

    UNKNOWN = "UNKNOWN"
    TRADE = "TRADE"
    LIQUIDATION = "LIQUIDATION"
    DELEVERAGE = "DELEVERAGE"
    ADL = "ADL"


class AssetOperationType(OpenEnum):
    """Kind of a deposit, withdrawal or transfer (API reference §3.14)."""

    UNKNOWN = "UNKNOWN"
    CLAIM = "CLAIM"
    DEPOSIT = "DEPOSIT"
    TRANSFER = "TRANSFER"
    WITHDRAWAL = "WITHDRAWAL"
    FAST_WITHDRAWAL = "FAST_WITHDRAWAL"
    SLOW_WITHDRAWAL = "SLOW_WITHDRAWAL"


class AssetOperationStatus(OpenEnum):
    """State of a deposit, withdrawal or transfer."""

    UNKNOWN = "UNKNOWN"
    CREATED = "CREATED"
    IN_PROGRESS = "IN_PROGRESS"
    READY_FOR_CLAIM = "READY_FOR_CLAIM"
    COMPLETED = "COMPLETED"
    REJECTED = "REJECTED"
