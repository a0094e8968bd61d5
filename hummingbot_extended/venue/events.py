"""What happened in the engine, in order: frozen records that the server drains and turns into frames.

Account events are not made for the venue's own market-making accounts (AccountKind.HOUSE): nobody listens.
"""

from decimal import Decimal

from msgspec import Struct

from hummingbot_extended.venue.enums import PriceSource, Side
from hummingbot_extended.venue.orders import Order
from hummingbot_extended.venue.records import AccountTrade, BalanceView, FundingPayment, PositionView, PublicTrade


class OrderEvent(Struct, frozen=True):
    """An order became visible or changed; `order` is its state right after."""

    account_id: int
    order: Order


class AccountTradeEvent(Struct, frozen=True):
    """An order of the account was filled."""

    account_id: int
    trade: AccountTrade


class PositionEvent(Struct, frozen=True):
    """A position was opened, changed or closed (`position.is_closed`)."""

    account_id: int
    position: PositionView


class BalanceEvent(Struct, frozen=True):
    """The account's money changed: at most one a command."""

    account_id: int
    balance: BalanceView


class FundingPaymentEvent(Struct, frozen=True):
    """The account paid or received funding (no frame of its own on the exchange; BALANCE and POSITION follow)."""

    account_id: int
    payment: FundingPayment


class PublicTradeEvent(Struct, frozen=True):
    """A trade took place."""

    trade: PublicTrade


class BookEvent(Struct, frozen=True):
    """The size at a price changed by `change` to `total` (0: the level is gone). Sum changes, keep the last total."""

    market: str
    side: Side
    price: Decimal
    change: Decimal
    total: Decimal


class PriceEvent(Struct, frozen=True):
    """The mark or index price changed (`source` is MARK or INDEX)."""

    market: str
    source: PriceSource
    price: Decimal
    ts_ms: int


class FundingRateEvent(Struct, frozen=True):
    """The current 1-hour rate was recomputed or, with `applied`, was paid at `ts_ms`."""

    market: str
    rate: Decimal
    ts_ms: int
    applied: bool


type AccountEvent = OrderEvent | AccountTradeEvent | PositionEvent | BalanceEvent | FundingPaymentEvent
type Event = AccountEvent | PublicTradeEvent | BookEvent | PriceEvent | FundingRateEvent
