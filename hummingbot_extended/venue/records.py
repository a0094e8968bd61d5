"""What the venue tells about trades, positions, balances and payments: frozen, money in USD as Decimal, times in ms."""

from decimal import Decimal

from msgspec import Struct

from hummingbot_extended.venue.enums import MarketStatus, PositionSide, Side, TradeType


class PublicTrade(Struct, frozen=True, kw_only=True):
    """A trade as everybody sees it. `side` is the taker's."""

    id: int
    market: str
    side: Side
    trade_type: TradeType
    ts_ms: int
    price: Decimal
    qty: Decimal


class AccountTrade(Struct, frozen=True, kw_only=True):
    """A fill of one account's order (API reference §3.7). `fee` is positive when paid and includes `builder_fee`.

    The taker's id is the public trade's id; the maker's is one of its own, so that no account ever sees one id twice.
    """

    id: int
    account_id: int
    market: str
    order_id: int
    external_id: str
    side: Side
    price: Decimal
    qty: Decimal
    value: Decimal
    fee: Decimal
    builder_fee: Decimal
    is_taker: bool
    trade_type: TradeType
    created_ms: int


class PositionView(Struct, frozen=True, kw_only=True):
    """A position valued at the mark (API reference §3.4). `size` is absolute; of a closed one it is the last size."""

    id: int
    account_id: int
    market: str
    is_closed: bool
    side: PositionSide
    leverage: Decimal
    size: Decimal
    value: Decimal
    open_price: Decimal
    mark_price: Decimal
    liquidation_price: Decimal | None
    margin: Decimal
    unrealised_pnl: Decimal
    mid_price_unrealised_pnl: Decimal
    realised_pnl: Decimal
    tp_trigger_price: Decimal | None
    tp_limit_price: Decimal | None
    sl_trigger_price: Decimal | None
    sl_limit_price: Decimal | None
    max_position_size: Decimal
    adl: int
    created_ms: int
    updated_ms: int


class PositionHistory(Struct, frozen=True, kw_only=True):
    """A position's life so far (API reference §3.5). Open ones have no exit type and no closing time."""

    id: int
    account_id: int
    market: str
    side: PositionSide
    exit_type: TradeType | None
    leverage: Decimal
    size: Decimal
    max_position_size: Decimal
    open_price: Decimal
    exit_price: Decimal | None
    trade_pnl: Decimal
    funding_fees: Decimal
    open_fees: Decimal
    close_fees: Decimal
    created_ms: int
    closed_ms: int | None

    @property
    def realised_pnl(self) -> Decimal:
        """Trading result plus funding received minus fees paid (fees are kept here as negative numbers)."""
        return self.trade_pnl + self.funding_fees + self.open_fees + self.close_fees


class BalanceView(Struct, frozen=True, kw_only=True):
    """An account's money at the present marks (API reference §3.2)."""

    balance: Decimal
    equity: Decimal
    available_for_trade: Decimal
    available_for_withdrawal: Decimal
    unrealised_pnl: Decimal
    initial_margin: Decimal
    margin_ratio: Decimal
    exposure: Decimal
    leverage: Decimal
    updated_ms: int


class FundingPayment(Struct, frozen=True, kw_only=True):
    """One funding payment of one position (API reference §3.8). `fee` is negative when the account paid."""

    id: int
    account_id: int
    market: str
    position_id: int
    side: PositionSide
    size: Decimal
    value: Decimal
    mark_price: Decimal
    fee: Decimal
    rate: Decimal
    paid_ms: int


class FundingRate(Struct, frozen=True, kw_only=True):
    """A 1-hour funding rate that was applied, as a fraction (API reference §2.6)."""

    id: int
    market: str
    ts_ms: int
    rate: Decimal


class FeeRates(Struct, frozen=True, kw_only=True):
    """What an account pays on a market, as fractions of the value."""

    maker: Decimal
    taker: Decimal


class MarketView(Struct, frozen=True, kw_only=True):
    """The moving part of a market: status, prices, funding, open interest."""

    name: str
    status: MarketStatus
    mark_price: Decimal
    index_price: Decimal
    last_price: Decimal | None
    best_bid: Decimal | None
    best_ask: Decimal | None
    funding_rate: Decimal
    next_funding_ms: int
    open_interest_base: Decimal


class Page[T](Struct, frozen=True):
    """One page of a listing, newest first; `cursor` is its last id (None when empty): pass it for the next page."""

    items: list[T]
    cursor: int | None
