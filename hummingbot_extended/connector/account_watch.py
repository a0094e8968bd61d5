"""Notices when the account stream is open and silent about what happens: pings prove a socket, not its content."""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Collection, Iterable

from hummingbot.connector.derivative.position import Position
from hummingbot.core.data_type.in_flight_order import InFlightOrder

from hummingbot_extended.connector.account_state import AccountState
from hummingbot_extended.connector.extended_perpetual_user_stream_data_source import (
    ExtendedPerpetualUserStreamDataSource,
)
from hummingbot_extended.connector.fault_log import FaultLog
from hummingbot_extended.connector.reconcile import Reconciler
from hummingbot_extended.errors import ExtendedError

BEAT_S = 0.5
# The exchange answers an order or a cancel on the stream within milliseconds. After this, REST is asked.
OVERDUE_S = 3.0
# A cancel that is not carried out by then is sent again.
CANCEL_AGAIN_AFTER_S = 10.0
# How often REST is asked anyway, while something of ours is open.
REGULAR_S = 20.0
# How often REST is asked instead of a stream that is down: fills and cancels go on meanwhile.
DOWN_S = 3.0
# How long the stream has to tell what REST told first.
GRACE_S = 1.0


class AccountWatch:
    """Asks REST when the stream owes an answer or is down, and now and then while orders are open.

    Where REST knows more than the stream, and the stream stays silent, it is made to reconnect: then everything is
    reconciled. `open_orders()` and `positions()` give what Hummingbot holds open; what a position is worth moves with
    the mark, of which the stream need not tell. `cancel(order)` repeats a cancel that was acknowledged and not done.
    """

    def __init__(
        self,
        stream: ExtendedPerpetualUserStreamDataSource,
        state: AccountState,
        reconciler: Reconciler,
        *,
        open_orders: Callable[[], Iterable[InFlightOrder]],
        positions: Callable[[], Collection[Position]],
        cancel: Callable[[InFlightOrder], Awaitable[object]],
    ) -> None:
        self._stream = stream
        self._state = state
        self._reconciler = reconciler
        self._open_orders = open_orders
        self._positions = positions
        self._cancel = cancel
        self._faults = FaultLog(logging.getLogger(__name__))

    async def run(self) -> None:
        """Watch until cancelled."""
        checked_s = -math.inf  # monotonic: the wall clock may be set back while the stream is down
        while True:
            await asyncio.sleep(BEAT_S)
            orders, now_s = list(self._open_orders()), time.time()
            if (orders or self._positions()) and time.monotonic() - checked_s >= self._wait_s(orders, now_s):
                checked_s = time.monotonic()
                try:
                    await self._check(orders)
                except Exception:  # nobody else looks after the account while the stream is down
                    logging.getLogger(__name__).exception("The account could not be checked; this is tried again.")

    def _wait_s(self, orders: Iterable[InFlightOrder], now_s: float) -> float:
        if not self._stream.is_live:
            return DOWN_S
        return OVERDUE_S if any(self._is_overdue(order, now_s) for order in orders) else REGULAR_S

    def _is_overdue(self, order: InFlightOrder, now_s: float) -> bool:
        owed = order.is_pending_cancel_confirmation or (
            order.exchange_order_id is not None and not self._state.is_acknowledged(order.client_order_id)
        )
        return owed and now_s - order.last_update_timestamp > OVERDUE_S

    async def _check(self, orders: list[InFlightOrder]) -> None:
        began_s, news = time.time(), self._state.news
        try:
            await self._reconciler.apply_fills(orders)
            await self._reconciler.apply_orders()
            await self._reconciler.apply_positions()
            await self._reconciler.apply_balance()
        except ExtendedError as error:
            self._faults.failed("Checking the account stream by REST", error)
            return
        self._faults.worked("Checking the account stream by REST")
        for order in orders:
            if (
                order.is_pending_cancel_confirmation
                and time.time() - order.last_update_timestamp > CANCEL_AGAIN_AFTER_S
            ):
                await self._cancel(order)
        if self._state.news == news or not self._stream.is_live:
            return
        await asyncio.sleep(GRACE_S)
        if self._stream.last_frame_time < began_s:
            self._stream.request_reconnect("it is silent about what REST tells")
