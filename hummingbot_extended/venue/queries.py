"""Reading the engine: what the REST queries and the streams' opening snapshots need. Nothing here changes anything."""

from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from itertools import islice
from typing import Protocol

from msgspec.structs import replace

from hummingbot_extended.venue.accounts import Account, ClosedPosition, Position
from hummingbot_extended.venue.enums import Mode, OrderType, PositionSide, Side, TradeType
from hummingbot_extended.venue.floor import Floor
from hummingbot_extended.venue.ledger import Ledger
from hummingbot_extended.venue.markets import MarketSpec
from hummingbot_extended.venue.orders import ZERO, Order
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

type Levels = list[tuple[Decimal, Decimal]]


class Queries:
    """The read side. An empty `markets` means all. Pages are newest first; `cursor`: the last id of the page before."""

    def __init__(self, floor: Floor, ledger: Ledger) -> None:
        self._floor = floor
        self._ledger = ledger

    @property
    def mode(self) -> Mode:
        """The exchange's mode."""
        return self._floor.state.mode

    def pending_ids(self) -> list[int]:
        """Return the orders that were received and wait for `accept`, oldest first (to go on after a restore)."""
        return list(self._floor.state.pending)

    def open_and_pending(self, account_id: int) -> list[Order]:
        """Return an account's orders that can still be cancelled, oldest first."""
        store = self._floor.store
        ids = [order.id for order in store.open_of(account_id)] + self.pending_ids()
        found = (store.open_or_pending(account_id, order_id) for order_id in ids)
        return [order for order in found if order is not None]

    def accounts(self, client_id: int | None = None) -> list[Account]:
        """Return all accounts, or one client's."""
        accounts = self._floor.state.accounts.values()
        return [account for account in accounts if client_id is None or account.client_id == client_id]

    def account(self, account_id: int) -> Account:
        """Return an account. Raises Refusal 1004."""
        return self._floor.account(account_id)

    def account_by_key(self, api_key: str) -> Account | None:
        """Return the account of an API key, or None."""
        return self._floor.accounts_by_key.get(api_key)

    def balance(self, account_id: int, now_ms: int) -> BalanceView:
        """Return the account's money at the present marks."""
        return self._ledger.balance_view(self._floor.account(account_id))

    def positions(
        self, account_id: int, markets: Collection[str] = (), side: PositionSide | None = None
    ) -> list[PositionView]:
        """Return the open positions."""
        account = self._floor.account(account_id)
        held = (p for p in account.positions.values() if not markets or p.market in markets)
        return [self._ledger.position_view(account, p) for p in held if side is None or p.side is side]

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
        account = self._floor.account(account_id)
        rows = [_history_of_closed(account_id, closed) for closed in self._floor.history(account_id).positions]
        rows += [
            _history_of_open(account_id, position, self._floor.leverage(account_id, position.market))
            for position in account.positions.values()
        ]
        kept = (r for r in rows if (not markets or r.market in markets) and (side is None or r.side is side))
        return _page(kept, cursor, limit)

    def order(self, account_id: int, order_id: int) -> Order | None:
        """Return an accepted order, open or closed, or None."""
        order = self._floor.store.find(order_id)
        return order if order is not None and order.account_id == account_id else None

    def orders_by_external_id(self, account_id: int, external_id: str) -> list[Order]:
        """Return the accepted orders with this external id (TP/SL legs share it with their parent)."""
        found = map(self._floor.store.find, self._floor.store.ids_of(account_id, external_id))
        return [order for order in found if order is not None]

    def open_orders(
        self, account_id: int, markets: Collection[str] = (), type: OrderType | None = None, side: Side | None = None
    ) -> list[Order]:
        """Return the open orders, oldest first."""
        return [o for o in self._floor.store.open_of(account_id) if _matches(o, markets, type, side)]

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
        orders = self._floor.history(account_id).orders.values()
        wanted = (
            o
            for o in orders
            if _matches(o, markets, type, side)
            and (not ids or o.id in ids)
            and (not external_ids or o.external_id in external_ids)
        )
        if not by_update:
            return _page(wanted, cursor, limit)
        latest = sorted(wanted, key=lambda order: (order.updated_ms, order.id), reverse=True)
        # A cursor whose order was forgotten meanwhile ends the listing: from the top it would never end.
        before = (n + 1 for n, order in enumerate(latest) if order.id == cursor)
        at = 0 if cursor is None else next(before, len(latest))
        rows = latest[at : at + limit]
        return Page(rows, rows[-1].id if rows else None)

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
        rows = (
            row
            for row in reversed(self._floor.history(account_id).trades)
            if (not markets or row.market in markets)
            and (type is None or row.trade_type is type)
            and (side is None or row.side is side)
        )
        return _first(rows, cursor, limit)

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
        rows = (
            row
            for row in reversed(self._floor.history(account_id).payments)
            if row.paid_ms >= start_ms and (not markets or row.market in markets) and (side is None or row.side is side)
        )
        return _page(rows, cursor, limit)

    def fees(self, account_id: int, market: str) -> FeeRates:
        """Return what the account pays on a market."""
        return self._floor.fees(account_id, self._floor.market(market).spec.name)

    def leverage(self, account_id: int, market: str) -> Decimal:
        """Return the account's leverage on a market."""
        return self._floor.leverage(account_id, market)

    def market_specs(self) -> list[MarketSpec]:
        """Return all markets' fixed parts, in their order."""
        return [market.spec for market in self._floor.state.markets.values()]

    def market(self, market: str) -> MarketView:
        """Return a market's moving part. Raises Refusal 1001."""
        state, book = self._floor.market(market), self._floor.books[market]
        accounts = self._floor.state.accounts.values()
        sizes = (a.positions[market].size for a in accounts if market in a.positions)
        return MarketView(
            name=market,
            status=state.status,
            mark_price=state.mark,
            index_price=state.index,
            last_price=state.last_price,
            best_bid=book.best_price(Side.BUY),
            best_ask=book.best_price(Side.SELL),
            funding_rate=state.funding_rate,
            next_funding_ms=state.next_funding_ms,
            open_interest_base=sum((size for size in sizes if size > 0), ZERO),
        )

    def book(self, market: str, depth: int | None = None) -> tuple[Levels, Levels]:
        """Return (bids, asks) as (price, size) levels, best first."""
        self._floor.market(market)
        book = self._floor.books[market]
        return book.levels(Side.BUY, depth), book.levels(Side.SELL, depth)

    def public_trades(self, market: str, limit: int = 100) -> Sequence[PublicTrade]:
        """Return the last trades, oldest first."""
        return self._floor.market(market).trades[-limit:]

    def funding_rates(
        self, market: str, start_ms: int, end_ms: int, *, cursor: int | None = None, limit: int = 10_000
    ) -> Page[FundingRate]:
        """Return the rates applied in [start_ms, end_ms]."""
        rows = (row for row in reversed(self._floor.market(market).rates) if start_ms <= row.ts_ms <= end_ms)
        return _first(rows, cursor, limit)


class _Row(Protocol):
    @property
    def id(self) -> int: ...


def _page[R: _Row](rows: Iterable[R], cursor: int | None, limit: int) -> Page[R]:
    """Return the newest `limit` rows with ids below the cursor, of rows in any order."""
    return _first(sorted(rows, key=lambda row: row.id, reverse=True), cursor, limit)


def _first[R: _Row](rows: Iterable[R], cursor: int | None, limit: int) -> Page[R]:
    """Return the first `limit` rows with ids below the cursor, of rows that come newest first."""
    page = list(islice((row for row in rows if cursor is None or row.id < cursor), limit))
    return Page(page, page[-1].id if page else None)


def _matches(order: Order, markets: Collection[str], type: OrderType | None, side: Side | None) -> bool:
    return (
        (not markets or order.market in markets)
        and (type is None or order.type is type)
        and (side is None or order.side is side)
    )


def _history_of_open(account_id: int, position: Position, leverage: Decimal) -> PositionHistory:
    return PositionHistory(
        id=position.id,
        account_id=account_id,
        market=position.market,
        side=position.side,
        exit_type=None,
        leverage=leverage,
        size=abs(position.size),
        max_position_size=position.peak_size,
        open_price=position.entry_price,
        exit_price=position.closed_value / position.closed_qty if position.closed_qty else None,
        trade_pnl=position.trade_pnl,
        funding_fees=position.funding,
        open_fees=-position.open_fees,
        close_fees=-position.close_fees,
        created_ms=position.created_ms,
        closed_ms=None,
    )


def _history_of_closed(account_id: int, closed: ClosedPosition) -> PositionHistory:
    row = _history_of_open(account_id, closed.position, closed.leverage)
    return replace(row, exit_type=closed.exit_type, closed_ms=closed.closed_ms)
