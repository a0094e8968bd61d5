"""Everything the engine remembers, as one tree of plain records that goes to JSON and back without loss."""

from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct, field

from hummingbot_extended.errors import SettingsError
from hummingbot_extended.venue.accounts import Account, ClosedPosition
from hummingbot_extended.venue.enums import MarketStatus, Mode
from hummingbot_extended.venue.ids import IdSource
from hummingbot_extended.venue.markets import MarketSpec
from hummingbot_extended.venue.orders import ZERO, Order
from hummingbot_extended.venue.records import AccountTrade, FundingPayment, FundingRate, PublicTrade

VERSION = 1


class Market(Struct, kw_only=True):
    """A market: its fixed part and what moves."""

    spec: MarketSpec
    mark: Decimal
    index: Decimal
    next_funding_ms: int = 0  # 0: set by the first `advance`
    status: MarketStatus = MarketStatus.ACTIVE
    last_price: Decimal | None = None
    funding_rate: Decimal = ZERO
    fixed_rate: Decimal | None = None
    premium_sum: Decimal = ZERO
    premium_count: int = 0
    trades: list[PublicTrade] = field(default_factory=list)
    rates: list[FundingRate] = field(default_factory=list)


class History(Struct, kw_only=True):
    """What an account did, oldest first; orders in the order of their closing."""

    orders: dict[int, Order] = field(default_factory=dict)
    trades: list[AccountTrade] = field(default_factory=list)
    positions: list[ClosedPosition] = field(default_factory=list)
    payments: list[FundingPayment] = field(default_factory=list)


class PendingOrder(Struct, frozen=True):
    """An order that was received and not yet accepted; a silent one never will be (API reference §4.1)."""

    order: Order
    is_silent: bool = False


class VenueState(Struct, kw_only=True):
    """The state of the whole venue. `queues` holds each book's order ids, best first: their time priority."""

    insurance_id: int
    markets: dict[str, Market]
    accounts: dict[int, Account] = field(default_factory=dict)
    histories: dict[int, History] = field(default_factory=dict)
    open_orders: dict[int, Order] = field(default_factory=dict)
    pending: dict[int, PendingOrder] = field(default_factory=dict)
    queues: dict[str, list[int]] = field(default_factory=dict)
    ids: IdSource = field(default_factory=IdSource)
    mode: Mode = Mode.NORMAL
    fees_collected: Decimal = ZERO
    builder_fees_collected: Decimal = ZERO
    deposited: Decimal = ZERO
    forget_ms: int = 0
    version: int = VERSION


def append_bounded[T](rows: list[T], row: T, limit: int) -> None:
    """Append, and let go of the oldest rows now and then so that about `limit` stay."""
    rows.append(row)
    if len(rows) > limit + limit // 4:
        del rows[: len(rows) - limit]


def dump(state: VenueState) -> dict[str, Any]:
    """Return the state as JSON-able data: decimals as strings, keys as strings."""
    plain: dict[str, Any] = msgspec.to_builtins(state, str_keys=True)
    return plain


def load(plain: dict[str, Any]) -> VenueState:
    """Return the state that `dump` wrote. Raises SettingsError for anything else."""
    if plain.get("version") != VERSION:
        raise SettingsError(f"the saved state has version {plain.get('version')!r}, this venue reads {VERSION}")
    try:
        return msgspec.convert(plain, VenueState, str_keys=True)
    except msgspec.ValidationError as error:
        raise SettingsError(f"the saved state cannot be read: {error}") from error
