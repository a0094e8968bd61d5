"""What Extended sends, as frozen models (API reference §2, §3). Times are ms since the epoch, money is Decimal.

Field names are the exchange's in Python's spelling, with the unit where it is not plain; a comment says where a name on
the wire is another. Optional fields are None when absent or null. `reading.py` says how the bytes get here.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar

import msgspec

from hummingbot_extended.errors import MalformedMessage
from hummingbot_extended.exchange.decimals import ZERO
from hummingbot_extended.exchange.enums import (
    AccountStatus,
    AssetOperationStatus,
    AssetOperationType,
    AssetType,
    ExecutionPriceType,
    ExitType,
    MarketStatus,
    MarketType,
    OrderStatus,
    OrderType,
    PositionSide,
    PositionStatus,
    Side,
    StatusReason,
    TimeInForce,
    TpSlType,
    TradeType,
    TradingHours,
    TriggerDirection,
    TriggerPriceType,
)
from hummingbot_extended.exchange.reading import Model, Records, fast, parse, read_records

named = msgspec.field  # named(name="wire") where the wire's name does not follow from ours


# --- markets --------------------------------------------------------------------------------------------------------


class DeleverageLevel(Model, frozen=True, kw_only=True, gc=False):
    """One step of the auto-deleverage ranking."""

    level: int
    ranking_lower_bound: Decimal


class DeleverageLevels(Model, frozen=True, kw_only=True):
    """Auto-deleverage ranking of both sides."""

    short_positions: tuple[DeleverageLevel, ...] = ()
    long_positions: tuple[DeleverageLevel, ...] = ()


class MarketStats(Model, frozen=True, kw_only=True):
    """A market's prices and day (API reference §2.2). Rates are fractions; `next_funding_time_ms` is a moment."""

    daily_volume: Decimal
    daily_volume_base: Decimal
    daily_price_change: Decimal
    daily_price_change_percentage: Decimal | None = None
    daily_low: Decimal
    daily_high: Decimal
    last_price: Decimal
    ask_price: Decimal
    bid_price: Decimal
    mark_price: Decimal
    index_price: Decimal
    funding_rate: Decimal
    next_funding_time_ms: int = named(name="nextFundingRate")
    open_interest: Decimal
    open_interest_base: Decimal
    deleverage_levels: DeleverageLevels | None = None


class RiskFactor(Model, frozen=True, kw_only=True, gc=False):
    """Initial-margin factor of positions up to a value in USD."""

    upper_bound: Decimal
    risk_factor: Decimal
    is_available_for_users: bool | None = None


class TradingConfig(Model, frozen=True, kw_only=True):
    """A market's trading rules (API reference §2.1). Sizes are in base, values in USD, caps and floors fractions."""

    min_order_size: Decimal
    min_order_size_change: Decimal
    min_price_change: Decimal
    max_market_order_value: Decimal
    max_limit_order_value: Decimal
    max_position_value: Decimal
    max_leverage: Decimal
    max_num_orders: int
    limit_price_cap: Decimal
    limit_price_floor: Decimal
    hourly_funding_rate_cap: Decimal | None = None  # percent, not a fraction
    open_interest_limit: Decimal | None = None
    risk_factor_config: tuple[RiskFactor, ...] = ()
    u_pnl_withdrawable: bool | None = None
    post_withdrawal_margin_factor: Decimal | None = None

    def __post_init__(self) -> None:
        if not all(grid.is_finite() and grid > 0 for grid in (self.min_price_change, self.min_order_size_change)):
            raise ValueError("tick and step must be positive")


class L2Config(Model, frozen=True, kw_only=True):
    """What the order hash needs of a market."""

    type: str = "STARKX"
    collateral_id: str
    synthetic_id: str
    collateral_resolution: int
    synthetic_resolution: int

    def __post_init__(self) -> None:
        for text in (self.collateral_id, self.synthetic_id):
            int(text, 16)  # ValueError on anything but hex
        if self.collateral_resolution <= 0 or self.synthetic_resolution <= 0:
            raise ValueError("resolutions must be positive")

    @property
    def quote_asset_id(self) -> int:
        """Collateral as the hash takes it."""
        return int(self.collateral_id, 16)

    @property
    def base_asset_id(self) -> int:
        """Synthetic asset as the hash takes it."""
        return int(self.synthetic_id, 16)


class Market(Model, frozen=True, kw_only=True):
    """One market (API reference §2.1)."""

    name: str
    type: MarketType = MarketType.PERPETUAL  # absent in older replies, when all were
    ui_name: str = ""
    category: str = ""
    sub_category: str = ""
    description: str = ""
    asset_name: str
    asset_precision: int  # for display; round with trading_config
    collateral_asset_name: str
    collateral_asset_precision: int
    active: bool
    status: MarketStatus = MarketStatus.UNKNOWN
    is_rfq: bool = False
    is_off_hours: bool = False
    trading_hours: TradingHours = TradingHours.UNKNOWN
    market_stats: MarketStats | None = None
    trading_config: TradingConfig
    l2_config: L2Config
    visible_on_ui: bool = True
    reference_market: str | None = None
    created_at_ms: int | None = named(name="createdAt", default=None)

    @property
    def is_tradable(self) -> bool:
        """Whether any order may be placed: a perpetual, active, and not by request for quote."""
        return (
            self.type is MarketType.PERPETUAL and self.active and self.status is MarketStatus.ACTIVE and not self.is_rfq
        )


class RestLevel(Model, frozen=True, kw_only=True):
    """One price of the REST order book."""

    qty: Decimal
    price: Decimal


class RestOrderBook(Model, frozen=True, kw_only=True):
    """The REST order book: whole, without a time or a sequence (API reference §2.3). Never mix it with the stream."""

    spellings: ClassVar[Mapping[str, str]] = {"m": "market", "b": "bid", "a": "ask", "q": "qty", "p": "price"}

    market: str
    bid: tuple[RestLevel, ...]
    ask: tuple[RestLevel, ...]


class PublicTrade(Model, frozen=True, kw_only=True, gc=False):
    """A trade of the market; `side` is the taker's (API reference §2.4)."""

    id: int = named(name="i")
    market: str = named(name="m")
    side: Side = named(name="S")
    type: TradeType = named(name="tT")
    time_ms: int = named(name="T")
    price: Decimal = named(name="p")
    qty: Decimal = named(name="q")


class Candle(Model, frozen=True, kw_only=True, gc=False):
    """A candle that starts at `time_ms`. `volume` is in base, None for mark and index prices."""

    time_ms: int = named(name="T")
    open: Decimal = named(name="o")
    high: Decimal = named(name="h")
    low: Decimal = named(name="l")
    close: Decimal = named(name="c")
    volume: Decimal | None = named(name="v", default=None)


class FundingRate(Model, frozen=True, kw_only=True, gc=False):
    """A 1-hour funding rate as a fraction; positive means longs pay shorts."""

    market: str = named(name="m")
    time_ms: int = named(name="T")
    rate: Decimal = named(name="f")


class OpenInterest(Model, frozen=True, kw_only=True):
    """Open interest of a market at a time, in USD and in base."""

    time_ms: int = named(name="t")
    value: Decimal = named(name="i")
    qty: Decimal = named(name="I")


class Asset(Model, frozen=True, kw_only=True):
    """An asset (API reference §2.8)."""

    id: int
    name: str
    symbol: str = ""
    precision: int
    is_active: bool = True
    is_collateral: bool = False
    starkex_id: str = ""
    starkex_resolution: int | None = None
    l1_id: str = ""
    l1_resolution: int | None = None
    version: int | None = None
    type: AssetType = AssetType.UNKNOWN
    can_be_used_as_collateral: bool = False


class StarknetInfo(Model, frozen=True, kw_only=True):
    """The signing domain as the exchange states it (API reference §2.9)."""

    name: str
    version: str
    chain_id: str
    revision: int


class ExchangeSettings(Model, frozen=True, kw_only=True):
    """General settings of the exchange."""

    stark_ex_contract_address: str = ""


# --- account --------------------------------------------------------------------------------------------------------


class Account(Model, frozen=True, kw_only=True):
    """A sub-account (API reference §3.1). `l2_vault` is the position id that orders are signed for."""

    spellings: ClassVar[Mapping[str, str]] = {"id": "accountId"}

    account_id: int
    description: str = ""
    account_index: int | None = None
    status: AccountStatus = AccountStatus.UNKNOWN
    l2_key: str
    l2_vault: int
    bridge_starknet_address: str | None = None


class ClientInfo(Model, frozen=True, kw_only=True):
    """The owner of the accounts."""

    id: int
    evm_wallet_address: str | None = None
    starknet_wallet_address: str | None = None
    referral_link_code: str | None = None


class Balance(Model, frozen=True, kw_only=True):
    """The collateral balance (API reference §3.2); everything zero when the exchange knows of none."""

    collateral_name: str = "USD"
    balance: Decimal = ZERO
    status: AccountStatus = AccountStatus.UNKNOWN
    equity: Decimal = ZERO
    spot_equity: Decimal = ZERO
    spot_equity_for_available_for_trade: Decimal = ZERO
    available_for_trade: Decimal = ZERO
    available_for_withdrawal: Decimal = ZERO
    unrealised_pnl: Decimal = ZERO
    initial_margin: Decimal = ZERO
    margin_ratio: Decimal = ZERO
    exposure: Decimal = ZERO
    leverage: Decimal = ZERO
    collateral_reserved_for_spot_orders: Decimal = ZERO
    updated_time_ms: int | None = named(name="updatedTime", default=None)


class SpotBalance(Model, frozen=True, kw_only=True):
    """A spot asset that may count into equity (API reference §3.3)."""

    account_id: int
    asset: str
    balance: Decimal
    index_price: Decimal | None = None
    notional_value: Decimal | None = None
    contribution_factor: Decimal | None = None
    equity_contribution: Decimal | None = None
    available_to_withdraw: Decimal | None = None
    absolute_pnl: Decimal | None = None
    pnl_percentage: Decimal | None = None
    average_entry_price: Decimal | None = None
    updated_at_ms: int | None = named(name="updatedAt", default=None)


class Position(Model, frozen=True, kw_only=True):
    """A position (API reference §3.4). `size` is absolute; `signed_size` is negative for a short, zero when closed."""

    spellings: ClassVar[Mapping[str, str]] = {
        "createdTime": "createdAt",
        "updatedTime": "updatedAt",
        "tpPrice": "tpLimitPrice",
        "slPrice": "slLimitPrice",
    }

    id: int
    account_id: int | None = None
    market: str
    side: PositionSide
    status: PositionStatus = PositionStatus.OPENED  # absent in the documents' table
    leverage: Decimal
    size: Decimal
    value: Decimal
    open_price: Decimal
    mark_price: Decimal | None = None
    liquidation_price: Decimal | None = None
    margin: Decimal | None = None
    unrealised_pnl: Decimal = ZERO
    mid_price_unrealised_pnl: Decimal | None = None
    realised_pnl: Decimal = ZERO
    tp_trigger_price: Decimal | None = None
    tp_limit_price: Decimal | None = None
    sl_trigger_price: Decimal | None = None
    sl_limit_price: Decimal | None = None
    max_position_size: Decimal | None = None
    adl: Decimal | None = None
    created_at_ms: int | None = named(name="createdAt", default=None)
    updated_at_ms: int | None = named(name="updatedAt", default=None)

    @property
    def signed_size(self) -> Decimal:
        """Size in base: positive long, negative short, zero when the position is closed."""
        if self.status is PositionStatus.CLOSED:
            return ZERO
        return -self.size if self.side is PositionSide.SHORT else self.size


class RealisedPnlBreakdown(Model, frozen=True, kw_only=True):
    """Where a position's realised result comes from."""

    trade_pnl: Decimal = ZERO
    funding_fees: Decimal = ZERO
    open_fees: Decimal = ZERO
    close_fees: Decimal = ZERO


class PositionHistory(Model, frozen=True, kw_only=True):
    """A position of the past or the present (API reference §3.5); `closed_time_ms` is None while it is open."""

    spellings: ClassVar[Mapping[str, str]] = {"createdAt": "createdTime", "closedAt": "closedTime"}

    id: int
    account_id: int | None = None
    market: str
    side: PositionSide
    exit_type: ExitType | None = None
    leverage: Decimal
    size: Decimal
    max_position_size: Decimal | None = None
    open_price: Decimal
    exit_price: Decimal | None = None
    realised_pnl: Decimal = ZERO
    realised_pnl_breakdown: RealisedPnlBreakdown | None = None
    created_time_ms: int | None = named(name="createdTime", default=None)
    closed_time_ms: int | None = named(name="closedTime", default=None)


class FundingPayment(Model, frozen=True, kw_only=True):
    """A funding payment; `funding_fee` is negative when the account paid (API reference §3.8)."""

    id: int
    account_id: int | None = None
    market: str
    position_id: int | None = None
    side: PositionSide
    size: Decimal
    value: Decimal
    mark_price: Decimal
    funding_fee: Decimal
    funding_rate: Decimal
    paid_time_ms: int = named(name="paidTime")


class Fees(Model, frozen=True, kw_only=True):
    """The account's fee rates in a market, as fractions."""

    market: str
    maker_fee_rate: Decimal
    taker_fee_rate: Decimal
    builder_fee_rate: Decimal = ZERO


class Rebates(Model, frozen=True, kw_only=True):
    """The account's maker rebates."""

    total_paid: Decimal = ZERO
    rebates_rate: Decimal = ZERO
    market_share: Decimal = ZERO
    next_tier_maker_share: Decimal | None = None
    next_tier_rebate_rate: Decimal | None = None


class Leverage(Model, frozen=True, kw_only=True):
    """The account's leverage in a market."""

    market: str
    leverage: Decimal


class AssetOperation(Model, frozen=True, kw_only=True):
    """A deposit, withdrawal or transfer (API reference §3.14); `asset` is an id or a name."""

    id: int
    type: AssetOperationType
    status: AssetOperationStatus
    amount: Decimal
    fee: Decimal = ZERO
    asset: int | str
    time_ms: int = named(name="time")
    account_id: int
    counterparty_account_id: int | None = None
    transaction_hash: str | None = None
    chain: str | None = None


# --- orders ---------------------------------------------------------------------------------------------------------


class OrderTrigger(Model, frozen=True, kw_only=True):
    """When a conditional order becomes active."""

    trigger_price: Decimal
    trigger_price_type: TriggerPriceType = TriggerPriceType.UNKNOWN
    direction: TriggerDirection = TriggerDirection.UNKNOWN
    execution_price_type: ExecutionPriceType = ExecutionPriceType.UNKNOWN


class OrderTpSl(Model, frozen=True, kw_only=True):
    """A take-profit or stop-loss of an order."""

    trigger_price: Decimal
    trigger_price_type: TriggerPriceType = TriggerPriceType.UNKNOWN
    price: Decimal | None = None
    price_type: ExecutionPriceType = ExecutionPriceType.UNKNOWN
    status: str | None = None


class Twap(Model, frozen=True, kw_only=True):
    """How a TWAP order is sliced."""

    duration_seconds: int
    frequency_seconds: int
    randomise: bool = False


class Order(Model, frozen=True, kw_only=True):
    """An order (API reference §3.6). `price` is its limit; what it got is in `average_price` and its trades."""

    spellings: ClassVar[Mapping[str, str]] = {
        "expiryTime": "expireTime",
        "createdAt": "createdTime",
        "updatedAt": "updatedTime",
        "tpslType": "tpSlType",
        "triggerPriceDirection": "direction",
    }

    id: int
    account_id: int | None = None
    external_id: str = ""  # no document says that what the exchange places by itself has one
    market: str
    type: OrderType
    side: Side
    status: OrderStatus
    status_reason: StatusReason | None = None
    price: Decimal | None = None
    average_price: Decimal | None = None
    qty: Decimal
    filled_qty: Decimal = ZERO
    cancelled_qty: Decimal | None = None
    payed_fee: Decimal | None = None
    trigger: OrderTrigger | None = None
    tp_sl_type: TpSlType | None = None
    take_profit: OrderTpSl | None = None
    stop_loss: OrderTpSl | None = None
    twap: Twap | None = None
    reduce_only: bool = False
    post_only: bool = False
    time_in_force: TimeInForce = TimeInForce.UNKNOWN
    chase_order: bool = False
    rfq_start_price: Decimal | None = None
    prev_order_id: int | str | None = None
    created_time_ms: int = named(name="createdTime")
    updated_time_ms: int = named(name="updatedTime")
    expire_time_ms: int | None = named(name="expireTime", default=None)

    @property
    def is_leg(self) -> bool:
        """Whether it is a take-profit or stop-loss: an order of its own under the external id of the order that it
        belongs to, so that only its exchange id tells the two apart (API reference §3.6, §4.8)."""
        return self.type is OrderType.TPSL


class OrderReceipt(Model, frozen=True, kw_only=True):
    """Answer to a new order: received, not accepted (API reference §4.10)."""

    id: int
    external_id: str


class AccountTrade(Model, frozen=True, kw_only=True):
    """A fill of the account (API reference §3.7). REST may leave `external_id` out: match by `order_id`."""

    spellings: ClassVar[Mapping[str, str]] = {
        "externalOrderId": "externalId",
        "averagePrice": "price",
        "filledQty": "qty",
    }

    id: int
    account_id: int | None = None
    market: str
    order_id: int
    external_id: str | None = None
    side: Side
    price: Decimal
    qty: Decimal
    value: Decimal
    fee: Decimal  # in USD, positive is paid
    is_taker: bool
    type: TradeType = named(name="tradeType")
    created_time_ms: int = named(name="createdTime")


# --- the markets list, fast -----------------------------------------------------------------------------------------

_market_list_decoder = msgspec.json.Decoder(list[Market], strict=False)


def decode_market_list(raw: bytes) -> Records[Market]:
    """Return the markets of a JSON list; unreadable ones are in `.bad`, never raised.

    One pass when all are well; record by record otherwise. Raises MalformedMessage when it is no list at all.
    """
    markets = fast(_market_list_decoder, raw)
    return read_records(parse(raw), Market) if markets is None else Records(markets)


def decode_markets(raw: bytes) -> Records[Market]:
    """Return the markets of a whole `GET /info/markets` reply (see `decode_market_list`)."""
    try:
        return decode_market_list(bytes(msgspec.json.decode(raw, type=_MarketsReply).data))
    except msgspec.DecodeError as error:
        raise MalformedMessage(f"not a reply with markets ({error})", raw) from error


class _MarketsReply(msgspec.Struct):
    data: msgspec.Raw
