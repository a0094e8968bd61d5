"""Accounts and their positions as the ledger keeps them. Amounts are exact Decimals, times in ms."""

from decimal import Decimal

from msgspec import Struct, field

from hummingbot_extended.venue.enums import AccountKind, PositionSide, TradeType
from hummingbot_extended.venue.records import FeeRates

ZERO = Decimal(0)


class Position(Struct, frozen=True, kw_only=True):
    """A one-way position. `size` is signed; `cost` is what the open size was bought for (negative for a short).

    Keeping the cost instead of the entry price makes the ledger exact: balance - cost changes by cash flows only,
    however a partial close is rounded.
    """

    id: int
    market: str
    size: Decimal
    cost: Decimal
    created_ms: int
    updated_ms: int
    trade_pnl: Decimal = ZERO
    funding: Decimal = ZERO
    open_fees: Decimal = ZERO
    close_fees: Decimal = ZERO
    peak_size: Decimal = ZERO
    closed_qty: Decimal = ZERO
    closed_value: Decimal = ZERO

    @property
    def side(self) -> PositionSide:
        """LONG or SHORT."""
        return PositionSide.LONG if self.size > 0 else PositionSide.SHORT

    @property
    def entry_price(self) -> Decimal:
        """Mean price of the open size."""
        return self.cost / self.size

    @property
    def realised_pnl(self) -> Decimal:
        """Trading result plus funding minus fees since the position was opened."""
        return self.trade_pnl + self.funding - self.open_fees - self.close_fees

    def unrealised_pnl(self, price: Decimal) -> Decimal:
        """Return what closing at `price` would earn, without fees."""
        return self.size * price - self.cost


class Account(Struct, kw_only=True):
    """A sub-account: who it is, its money, its positions and settings. Mutable: the engine is its only writer."""

    id: int
    client_id: int
    vault: int
    public_key: int
    api_key: str
    kind: AccountKind = AccountKind.USER
    description: str = "Main account"
    index: int = 0
    is_high_volume: bool = False
    balance: Decimal = ZERO
    updated_ms: int = 0
    positions: dict[str, Position] = field(default_factory=dict)
    leverage: dict[str, Decimal] = field(default_factory=dict)
    fees: FeeRates | None = None
    market_fees: dict[str, FeeRates] = field(default_factory=dict)
    dead_man_ms: int | None = None

    def __repr__(self) -> str:
        return (
            f"Account(id={self.id}, kind={self.kind.value}, balance={self.balance}, positions={list(self.positions)})"
        )


class ClosedPosition(Struct, frozen=True, kw_only=True):
    """A position that is no more: its last state, and how and when it ended."""

    position: Position
    side: PositionSide
    leverage: Decimal
    exit_type: TradeType
    closed_ms: int
