"""The ledger: what fills, fees and funding do to accounts, and what accounts are worth at the present marks.

Money is conserved exactly: the sum of all accounts' equity plus the fees collected is what was deposited.
"""

from decimal import Decimal

from msgspec.structs import replace

from hummingbot_extended.venue import margin, positions
from hummingbot_extended.venue.accounts import Account, ClosedPosition, Position
from hummingbot_extended.venue.enums import AccountKind, PositionSide, Side, TpSlType, TradeType
from hummingbot_extended.venue.events import BalanceEvent, PositionEvent
from hummingbot_extended.venue.floor import Floor
from hummingbot_extended.venue.orders import ZERO, Leg, Order
from hummingbot_extended.venue.records import BalanceView, PositionView
from hummingbot_extended.venue.state import append_bounded
from hummingbot_extended.venue.store import Resting

ADL_LEVELS = 4


class Ledger:
    """The only writer of balances and positions."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor

    # ------------------------------------------------------------------------------------------------------- changes
    def apply_fill(
        self, account_id: int, market: str, qty: Decimal, price: Decimal, fee: Decimal, kind: TradeType, now_ms: int
    ) -> None:
        """Buy `qty` (negative: sell) at `price` for `fee` on an account; a position that closes goes to the history."""
        floor = self._floor
        account = floor.account(account_id)
        before = account.positions.get(market)
        new_id = floor.state.ids.take() if before is None or abs(qty) > abs(before.size) else 0
        change = positions.fill(before, market, qty, price, fee, new_id, now_ms)
        self.pay(account, change.pnl - fee, now_ms)
        if change.position is None:
            del account.positions[market]
        else:
            account.positions[market] = change.position
            floor.dirty_positions[account_id, market] = None
        if change.closed is not None:
            self._close(account, change.closed, kind, now_ms)

    def pay(self, account: Account, amount: Decimal, now_ms: int) -> None:
        """Add `amount` USD (negative: take) to an account's balance."""
        account.balance += amount
        account.updated_ms = now_ms
        self._floor.touch(account.id)

    def pay_funding(self, account: Account, position: Position, amount: Decimal, now_ms: int) -> None:
        """Pay funding (negative: charge) for a position."""
        changed = replace(position, funding=position.funding + amount, updated_ms=now_ms)
        account.positions[position.market] = changed
        self._floor.dirty_positions[account.id, position.market] = None
        self.pay(account, amount, now_ms)

    def _close(self, account: Account, position: Position, kind: TradeType, now_ms: int) -> None:
        floor = self._floor
        leverage = floor.leverage(account.id, position.market)
        closed = ClosedPosition(
            position=position, side=position.side, leverage=leverage, exit_type=kind, closed_ms=now_ms
        )
        append_bounded(floor.history(account.id).positions, closed, floor.history_limit(account.id))
        floor.emit(PositionEvent(account.id, self.position_view(account, position, is_closed=True)))

    def tell(self) -> None:
        """Emit POSITION and BALANCE events for what the command touched."""
        floor = self._floor
        for account_id, market in floor.dirty_positions:
            account = floor.account(account_id)
            if account.kind is AccountKind.USER and (position := account.positions.get(market)) is not None:
                floor.emit(PositionEvent(account_id, self.position_view(account, position)))
        for account_id in floor.dirty_accounts:
            account = floor.account(account_id)
            if account.kind is AccountKind.USER:
                floor.emit(BalanceEvent(account_id, self.balance_view(account)))
        floor.dirty_positions.clear()
        floor.dirty_accounts.clear()

    # ------------------------------------------------------------------------------------------------------- valuing
    def value(self, position: Position) -> Decimal:
        """Return a position's signed value at the mark."""
        return position.size * self._floor.state.markets[position.market].mark

    def unrealised(self, position: Position) -> Decimal:
        """Return a position's unrealised result at the mark."""
        return position.unrealised_pnl(self._floor.state.markets[position.market].mark)

    def equity(self, account: Account) -> Decimal:
        """Return balance plus unrealised result."""
        return account.balance + sum(map(self.unrealised, account.positions.values()), ZERO)

    def resting(self, account_id: int, market: str, without: Order | None = None) -> Resting:
        """Return what an account's resting orders could add to its position, `without` one of them."""
        resting = self._floor.store.resting(account_id, market)
        return resting.without(without) if without is not None and without.market == market else resting

    def initial_margin(self, account: Account, without: Order | None = None) -> Decimal:
        """Return the margin locked by positions and resting orders (`without` one of them), over all markets."""
        return sum((self._market_margin(account, market, without) for market in self._floor.state.markets), ZERO)

    def _market_margin(self, account: Account, market: str, without: Order | None) -> Decimal:
        position = account.positions.get(market)
        value = self.value(position) if position else ZERO
        resting = self.resting(account.id, market, without)
        return margin.initial_margin(value, resting, self._floor.leverage(account.id, market))

    def available(self, account: Account, without: Order | None = None) -> Decimal:
        """Return what is available for trade: equity less initial margin (`without` one order's share)."""
        return self.equity(account) - self.initial_margin(account, without)

    def order_cost(
        self, account: Account, market: str, side: Side, qty: Decimal, price: Decimal, without: Order | None = None
    ) -> Decimal:
        """Return what an order would take of the available balance (§4.7), `without` the one it replaces."""
        floor = self._floor
        resting, leverage = self.resting(account.id, market, without), floor.leverage(account.id, market)
        mark, held = floor.state.markets[market].mark, floor.size(account.id, market)
        return margin.order_cost(side, qty, price, mark, held, resting, leverage)

    def maintenance(self, account: Account) -> Decimal:
        """Return the maintenance margin of all positions."""
        specs = self._floor.state.markets
        values = ((specs[p.market].spec, self.value(p)) for p in account.positions.values())
        return sum((margin.maintenance_margin(spec, value) for spec, value in values), ZERO)

    # --------------------------------------------------------------------------------------------------------- views
    def balance_view(self, account: Account) -> BalanceView:
        """Return the account's money at the present marks (API reference §3.2)."""
        equity, locked = self.equity(account), self.initial_margin(account)
        unrealised = equity - account.balance
        exposure = sum((abs(self.value(position)) for position in account.positions.values()), ZERO)
        return BalanceView(
            balance=account.balance,
            equity=equity,
            available_for_trade=equity - locked,
            available_for_withdrawal=max(ZERO, account.balance + min(ZERO, unrealised) - locked),
            unrealised_pnl=unrealised,
            initial_margin=locked,
            margin_ratio=self.maintenance(account) / equity if equity else ZERO,
            exposure=exposure,
            leverage=exposure / equity if equity else ZERO,
            updated_ms=account.updated_ms,
        )

    def position_view(self, account: Account, position: Position, *, is_closed: bool = False) -> PositionView:
        """Return a position valued at the mark (API reference §3.4); a closed one is worth nothing any more."""
        market = self._floor.state.markets[position.market]
        value = ZERO if is_closed else abs(self.value(position))
        leverage = self._floor.leverage(account.id, position.market)
        profit, loss = self._whole_position_legs(account.id, position.market)
        return PositionView(
            id=position.id,
            account_id=account.id,
            market=position.market,
            is_closed=is_closed,
            side=position.side,
            leverage=leverage,
            size=abs(position.size),
            value=value,
            open_price=position.entry_price,
            mark_price=market.mark,
            liquidation_price=None if is_closed else self._liquidation_price(account, position),
            margin=value / leverage,
            unrealised_pnl=ZERO if is_closed else self.unrealised(position),
            mid_price_unrealised_pnl=ZERO if is_closed else position.unrealised_pnl(self._mid(position.market)),
            realised_pnl=position.realised_pnl,
            tp_trigger_price=profit.trigger_price if profit else None,
            tp_limit_price=profit.price if profit else None,
            sl_trigger_price=loss.trigger_price if loss else None,
            sl_limit_price=loss.price if loss else None,
            max_position_size=position.peak_size,
            adl=self._adl_level(position),
            created_ms=position.created_ms,
            updated_ms=position.updated_ms,
        )

    def _liquidation_price(self, account: Account, position: Position) -> Decimal | None:
        market = self._floor.state.markets[position.market]
        value = self.value(position)
        others = self.maintenance(account) - margin.maintenance_margin(market.spec, value)
        factor = margin.maintenance_factor(market.spec, value)
        return margin.liquidation_price(position.size, market.mark, self.equity(account), others, factor)

    def _mid(self, market: str) -> Decimal:
        book, mark = self._floor.books[market], self._floor.state.markets[market].mark
        bid, ask = book.best_price(Side.BUY), book.best_price(Side.SELL)
        return mark if bid is None or ask is None else (bid + ask) / 2

    def _whole_position_legs(self, account_id: int, market: str) -> tuple[Leg | None, Leg | None]:
        orders = [o for o in self._floor.store.open_of(account_id, market) if o.tp_sl_type is TpSlType.POSITION]
        profits = (order.take_profit for order in orders if order.is_untriggered and order.take_profit)
        losses = (order.stop_loss for order in orders if order.is_untriggered and order.stop_loss)
        return next(profits, None), next(losses, None)

    def adl_queue(self, market: str, side: PositionSide) -> list[Account]:
        """Return the accounts with a position of `side`, in the order in which they would be deleveraged."""
        holders = [(account, account.positions.get(market)) for account in self._floor.state.accounts.values()]
        ranked = [(self.adl_rank(position), account.id) for account, position in holders if position]
        sides = self._floor.state.accounts
        ordered = sorted(ranked, key=lambda pair: (-pair[0], pair[1]))
        return [sides[account_id] for _, account_id in ordered if sides[account_id].positions[market].side is side]

    def adl_rank(self, position: Position) -> Decimal:
        """Return how early a position is deleveraged: its result in proportion to what it was bought for."""
        return self.unrealised(position) / abs(position.cost)

    def _adl_level(self, position: Position) -> int:
        rank = self.adl_rank(position)
        ranks = [
            self.adl_rank(other)
            for account in self._floor.state.accounts.values()
            if (other := account.positions.get(position.market)) is not None and other.side is position.side
        ]
        above = sum(other > rank for other in ranks)
        return ADL_LEVELS - min(ADL_LEVELS - 1, above * ADL_LEVELS // max(1, len(ranks)))
