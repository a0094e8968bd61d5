"""Reading the engine: what the REST queries and the streams' opening snapshots need. Nothing here changes anything."""

from collections.abc import Collection, Sequence
from decimal import Decimal

from hummingbot_extended.venue.accounts import Account
from hummingbot_extended.venue.enums import OrderType, PositionSide, Side, TradeType
from hummingbot_extended.venue.markets import MarketSpec
from hummingbot_extended.venue.orders import Order
from hummingbot_extended.venue.records import (
    AccountTrade,
    BalanceView,
    FeeRates,
    FundingPayment,
    FundingRate,
    MarketView,
    Page,
    PositionHistory,
    PositionView,
    PublicTrade,
)


class Queries:
    """The read side. An empty `markets` means all. Pages are newest first; `cursor` is the last id of the page before (§1.9)."""

    def accounts(self, client_id: int | None = None) -> list[Account]:
        """Return all accounts, or one client's."""
        raise NotImplementedError

    def account(self, account_id: int) -> Account:
        """Return an account. Raises Refusal 1004."""
        raise NotImplementedError

    def account_by_key(self, api_key: str) -> Account | None:
        """Return the account of an API key, or None."""
        raise NotImplementedError

    def balance(self, account_id: int, now_ms: int) -> BalanceView:
        """Return the account's money at the present marks."""
        raise NotImplementedError

    def positions(
        self, account_id: int, markets: Collection[str] = (), side: PositionSide | None = None
    ) -> list[PositionView]:
        """Return the open positions."""
        raise NotImplementedError

    def position_history(
        self,
        account_id: int,
        *,
        markets: Collection[str] = (),
        side: PositionSide | None = None,
        cursor: int | None = None,
        limit: int = 100,
    ) -> Page[PositionHistory]:
        """Return open and closed positions."""
        raise NotImplementedError

    def order(self, account_id: int, order_id: int) -> Order | None:
        """Return an accepted order, open or closed, or None."""
        raise NotImplementedError

    def orders_by_external_id(self, account_id: int, external_id: str) -> list[Order]:
        """Return the accepted orders with this external id (TP/SL legs share it with their parent)."""
        raise NotImplementedError

    def open_orders(
        self, account_id: int, markets: Collection[str] = (), type: OrderType | None = None, side: Side | None = None
    ) -> list[Order]:
        """Return the open orders, oldest first."""
        raise NotImplementedError

    def order_history(
        self,
        account_id: int,
        *,
        markets: Collection[str] = (),
        type: OrderType | None = None,
        side: Side | None = None,
        ids: Collection[int] = (),
        external_ids: Collection[str] = (),
        cursor: int | None = None,
        limit: int = 100,
        by_update: bool = False,
    ) -> Page[Order]:
        """Return the closed orders that are still kept; `by_update` sorts by the last change instead of the id."""
        raise NotImplementedError

    def trades(
        self,
        account_id: int,
        *,
        markets: Collection[str] = (),
        type: TradeType | None = None,
        side: Side | None = None,
        cursor: int | None = None,
        limit: int = 100,
    ) -> Page[AccountTrade]:
        """Return the account's fills."""
        raise NotImplementedError

    def funding_payments(
        self,
        account_id: int,
        start_ms: int,
        *,
        markets: Collection[str] = (),
        side: PositionSide | None = None,
        cursor: int | None = None,
        limit: int = 100,
    ) -> Page[FundingPayment]:
        """Return the funding paid and received since `start_ms`."""
        raise NotImplementedError

    def fees(self, account_id: int, market: str) -> FeeRates:
        """Return what the account pays on a market."""
        raise NotImplementedError

    def leverage(self, account_id: int, market: str) -> Decimal:
        """Return the account's leverage on a market."""
        raise NotImplementedError

    def market_specs(self) -> list[MarketSpec]:
        """Return all markets' fixed parts, in their order."""
        raise NotImplementedError

    def market(self, market: str) -> MarketView:
        """Return a market's moving part. Raises Refusal 1001."""
        raise NotImplementedError

    def book(
        self, market: str, depth: int | None = None
    ) -> tuple[list[tuple[Decimal, Decimal]], list[tuple[Decimal, Decimal]]]:
        """Return (bids, asks) as (price, size) levels, best first."""
        raise NotImplementedError

    def public_trades(self, market: str, limit: int = 100) -> Sequence[PublicTrade]:
        """Return the last trades, oldest first."""
        raise NotImplementedError

    def funding_rates(
        self, market: str, start_ms: int, end_ms: int, *, cursor: int | None = None, limit: int = 10_000
    ) -> Page[FundingRate]:
        """Return the rates applied in [start_ms, end_ms]."""
        raise NotImplementedError
