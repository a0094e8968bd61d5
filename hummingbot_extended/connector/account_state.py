"""The account as Hummingbot sees it: what the stream and the polls tell, applied each once and never backwards."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from hummingbot.connector.perpetual_trading import PerpetualTrading
from hummingbot.core.data_type.in_flight_order import InFlightOrder, OrderState, OrderUpdate

from hummingbot_extended.connector import translate
from hummingbot_extended.connector.client_order_tracker import FINAL, ExtendedClientOrderTracker
from hummingbot_extended.connector.fault_log import FaultLog
from hummingbot_extended.connector.tasks import Tasks
from hummingbot_extended.errors import ExtendedError, Outcome
from hummingbot_extended.exchange.decimals import ZERO
from hummingbot_extended.exchange.enums import OrderStatus, PositionStatus, TradeType
from hummingbot_extended.exchange.models import AccountTrade, Balance, Order, Position

KEPT_ORDERS = 10_000
KEPT_TRADES = 50_000
# How long a final status waits for the fills it speaks of to arrive by themselves, before REST is asked.
FILLS_GRACE_S = 1.0
# While REST does not answer, the order does not end: Hummingbot takes no fill 30 s after an order's end.
FILLS_LONGEST_WAIT_S = 15.0
FETCHING = "Reading an order's fills"


class Host(Protocol):
    """What the account needs of its connector."""

    def pair_of(self, market: str) -> str | None:
        """Return Hummingbot's pair of a market, None when it is not known."""
        ...

    def set_balance(self, balance: Balance) -> None:
        """Publish the collateral balance."""
        ...

    def order_expired(self, tracked: InFlightOrder) -> None:
        """Report that an order expired."""
        ...

    def owns(self, external_id: str) -> bool:
        """Return whether an order with this external id is this bot's."""
        ...

    def foreign_trade(self, trade: AccountTrade, pair: str, *, is_leg: bool) -> None:
        """Report a fill that belongs to no tracked order; `is_leg`: to a take-profit or stop-loss of this bot."""
        ...

    def is_recorded(self, trade: AccountTrade, pair: str) -> bool:
        """Return whether Hummingbot's database holds this fill already."""
        ...

    async def fetch_fills(self, tracked: InFlightOrder) -> Iterable[AccountTrade]:
        """Return an order's fills by REST."""
        ...


@dataclass(slots=True)
class _Seen:
    """The newest that was told about one order."""

    updated_ms: int
    status: OrderStatus
    rested: bool
    accepted: bool
    triggered: bool


class AccountState:
    """Applies models to Hummingbot's order tracker, positions and balance.

    An event older than what was applied changes nothing, a trade counts once, and a poll does not undo what the stream
    told while it was under way: take `mark()` before the request, hand it to `apply_*` with the answer.
    """

    def __init__(
        self, tracker: ExtendedClientOrderTracker, perpetual: PerpetualTrading, host: Host, tasks: Tasks
    ) -> None:
        self._tracker = tracker
        self._perpetual = perpetual
        self._host = host
        self._tasks = tasks
        self._seen: OrderedDict[str, _Seen] = OrderedDict()
        self._trades: OrderedDict[int, None] = OrderedDict()
        self._legs: OrderedDict[int, None] = OrderedDict()  # exchange ids of this bot's take-profits and stop-losses
        self._marks = 0
        self.news = 0  # how often an order or a trade was told that was not known
        self._position_marks: dict[str, int] = {}
        self._position_ids: dict[str, int] = {}  # of the open ones
        self._balance_mark = 0
        self._filling: dict[str, asyncio.Event] = {}
        self._faults = FaultLog(logging.getLogger(__name__))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {len(self._seen)} orders, {len(self._trades)} trades kept>"

    def mark(self) -> int:
        """Return the moment, to tell later whether the stream told something since."""
        self._marks += 1
        return self._marks

    # --- orders -----------------------------------------------------------------------------------------------------

    def status_of(self, client_order_id: str) -> OrderStatus | None:
        """Return the exchange's own status of an order, the newest told; None before the first."""
        seen = self._seen.get(client_order_id)
        return seen.status if seen else None

    def is_acknowledged(self, client_order_id: str) -> bool:
        """Return whether the exchange has confirmed that it accepted an order (an HTTP 200 does not)."""
        seen = self._seen.get(client_order_id)
        return seen is not None and seen.accepted

    def was_triggered(self, client_order_id: str) -> bool:
        """Return whether a conditional order's price has come, as far as the exchange has told; it stays true."""
        seen = self._seen.get(client_order_id)
        return seen is not None and seen.triggered

    def find(self, external_id: str | None, order_id: int) -> InFlightOrder | None:
        """Return the tracked order, also one that is done lately or counted as lost.

        Once its exchange id is known, that decides: an order may share its external id with its legs.
        """
        tracker, exchange_id = self._tracker, str(order_id)
        named = (
            tracker.active_orders.get(external_id or "")
            or tracker.fetch_order(external_id)
            or tracker.fetch_lost_order(external_id)
        )
        if named is not None and named.exchange_order_id in (None, exchange_id):
            return named
        return tracker.fetch_order(None, exchange_id) or tracker.fetch_lost_order(None, exchange_id)

    async def apply_order(self, order: Order) -> bool:
        """Apply what is told of an order. False when it is not tracked (not ours, or unknown after a crash)."""
        if order.is_leg:
            self._note_leg(order)
            return False
        tracked = self.find(order.external_id, order.id)
        if tracked is None:
            return False
        client_order_id, before = tracked.client_order_id, self._seen.get(tracked.client_order_id)
        if before is not None and not _is_news(order, before):
            return True
        self.news += before is None or before.status is not order.status
        rested = (before is not None and before.rested) or not order.status.is_final
        update = translate.order_update(order, client_order_id, tracked.trading_pair, rested=rested)
        accepted = update.new_state is not OrderState.FAILED
        triggered = _is_triggered(order, before)
        self._remember(client_order_id, _Seen(order.updated_time_ms, order.status, rested, accepted, triggered))
        if triggered and not (before and before.triggered):
            logging.getLogger(__name__).info(
                "The conditional order %s on %s was triggered.", client_order_id, tracked.trading_pair
            )
        self._tracker.announce(client_order_id, update.exchange_order_id, update.update_timestamp)
        if not _lacks_fills(tracked, order):
            await self._finalise(tracked, order, update)
            return True
        if not order.status.is_final:
            await self._finalise(tracked, order, update)
        if client_order_id not in self._filling or order.status.is_final:
            self._tasks.start(self._catch_up(tracked, order, update), name=f"fills of {client_order_id}")
        return True

    async def _catch_up(self, tracked: InFlightOrder, order: Order, update: OrderUpdate) -> None:
        """Get the fills that a status speaks of, and only then end the order: a fill that wins a race is a fill."""
        try:
            await self._wait_for_fills(tracked, order)
        except BaseException:
            self._seen.pop(tracked.client_order_id, None)  # the end was not reported: let it be told again
            raise
        finally:
            self._filling.pop(tracked.client_order_id, None)
        if order.status.is_final:
            await self._finalise(tracked, order, update)

    async def _wait_for_fills(self, tracked: InFlightOrder, order: Order) -> None:
        wait_s = FILLS_GRACE_S
        while True:
            arrived = self._filling.setdefault(tracked.client_order_id, asyncio.Event())
            try:
                async with asyncio.timeout(wait_s):
                    while _lacks_fills(tracked, order):
                        arrived.clear()
                        await arrived.wait()
                return
            except TimeoutError:
                if await self._fetch_fills(tracked):
                    return
            wait_s = min(FILLS_LONGEST_WAIT_S, wait_s * 2)

    async def _fetch_fills(self, tracked: InFlightOrder) -> bool:
        """Apply an order's fills as REST tells them; False where it cannot be asked now."""
        try:
            self.apply_trades(await self._host.fetch_fills(tracked))
        except ExtendedError as error:
            self._faults.failed(FETCHING, error)
            return error.outcome is not Outcome.UNKNOWN
        self._faults.worked(FETCHING)
        return True

    async def _finalise(self, tracked: InFlightOrder, order: Order, update: OrderUpdate) -> None:
        was_done = tracked.current_state in FINAL
        if was_done and tracked.client_order_id not in self._tracker.lost_orders:
            return
        keeps_waiting = tracked.is_pending_cancel_confirmation and not order.status.is_final
        if keeps_waiting:
            update = update._replace(new_state=OrderState.PENDING_CANCEL)
        task = self._tracker.process_order_update(update)
        if update.new_state is not OrderState.FILLED:  # the tracker itself may wait seconds for a full order's fills
            await asyncio.shield(task)  # it is noted as applied already
        if order.status is OrderStatus.EXPIRED and not was_done:
            self._host.order_expired(tracked)

    def _note_leg(self, leg: Order) -> None:
        if self._host.owns(leg.external_id):
            _keep(self._legs, leg.id, None, KEPT_ORDERS)

    def _remember(self, client_order_id: str, seen: _Seen) -> None:
        _keep(self._seen, client_order_id, seen, KEPT_ORDERS)

    # --- trades -----------------------------------------------------------------------------------------------------

    def apply_trades(self, trades: Iterable[AccountTrade]) -> None:
        """Apply fills, in the order given, each once."""
        for trade in trades:
            if trade.id not in self._trades and self._apply_trade(trade):
                self.news += 1
                _keep(self._trades, trade.id, None, KEPT_TRADES)

    def _apply_trade(self, trade: AccountTrade) -> bool:
        """Return whether the trade is dealt with (a market that is not known yet is not)."""
        pair = self._host.pair_of(trade.market)
        if pair is None:
            return False
        tracked = self.find(trade.external_id, trade.order_id)
        if tracked is None:
            is_leg = trade.order_id in self._legs
            self._host.foreign_trade(trade, pair, is_leg=is_leg)
            return is_leg or trade.type is not TradeType.TRADE
        update = translate.trade_update(trade, tracked.client_order_id, pair, tracked.position)
        if self._host.is_recorded(trade, pair):
            tracked.update_with_trade_update(update)
        else:
            self._tracker.process_trade_update(update)
        if tracked.client_order_id in self._filling:
            self._filling[tracked.client_order_id].set()
        return True

    # --- positions and balance --------------------------------------------------------------------------------------

    def apply_positions(self, positions: Iterable[Position], *, is_whole: bool, asked: int | None = None) -> None:
        """Apply positions. `is_whole`: those not among them are closed. `asked`: the mark before a poll.

        A position that flips is told as one that closed and another one that opened, in whatever order.
        """
        closed_first = sorted(positions, key=lambda each: each.status is not PositionStatus.CLOSED)
        told = {pair: each for each in closed_first if (pair := self._host.pair_of(each.market)) is not None}
        gone = set(self._perpetual.account_positions) - told.keys() if is_whole else set()
        for pair in (*told, *gone):
            if asked is not None and self._position_marks.get(pair, 0) > asked:
                continue
            if asked is None:
                self._position_marks[pair] = self.mark()
            self._set_position(pair, told.get(pair))

    def _set_position(self, pair: str, model: Position | None) -> None:
        if model is None or not model.signed_size:
            if model is None or self._position_ids.get(pair) in (None, model.id):  # not the one before the present one
                self._perpetual.remove_position(pair)
                self._position_ids.pop(pair, None)
            return
        self._position_ids[pair] = model.id
        self._perpetual.set_position(pair, translate.position(model, pair))
        if model.leverage == model.leverage.to_integral_value():
            self._perpetual.set_leverage(pair, int(model.leverage))

    def apply_balance(self, balance: Balance, *, asked: int | None = None) -> None:
        """Apply the collateral balance. `asked`: the mark before a poll."""
        if asked is not None and self._balance_mark > asked:
            return
        if asked is None:
            self._balance_mark = self.mark()
        self._host.set_balance(balance)


def _keep[Key, Value](kept: OrderedDict[Key, Value], key: Key, value: Value, limit: int) -> None:
    kept[key] = value
    kept.move_to_end(key)
    if len(kept) > limit:
        kept.popitem(last=False)


def _is_news(order: Order, before: _Seen) -> bool:
    if before.status.is_final:
        return False
    return order.updated_time_ms >= before.updated_ms or order.status.is_final


def _lacks_fills(tracked: InFlightOrder, order: Order) -> bool:
    filled = order.filled_qty or (order.qty if order.status is OrderStatus.FILLED else ZERO)  # it may be left out
    return tracked.executed_amount_base < filled and not tracked.completely_filled_event.is_set()


def _is_triggered(order: Order, before: _Seen | None) -> bool:
    if order.status is OrderStatus.TRIGGERED or (before is not None and before.triggered):
        return True
    works = order.status in (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED)
    return works and before is not None and before.status is OrderStatus.UNTRIGGERED
