"""Cancels many of this bot's orders by one request, and makes sure of it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from itertools import batched

from hummingbot.core.data_type.cancellation_result import CancellationResult
from hummingbot.core.data_type.in_flight_order import InFlightOrder

from hummingbot_extended.errors import ApiError, ExtendedError, Outcome
from hummingbot_extended.exchange.http import order_not_found
from hummingbot_extended.exchange.models import Order
from hummingbot_extended.exchange.rest import ExtendedRest

CHUNK = 100
STREAM_GRACE_S = 1.0
POLL_S = 0.05
RETRY_S = 0.5


class CancelAll:
    """One mass cancel of exactly these orders, verified by the stream or by the list of open orders.

    What is still open then is cancelled one by one, until the caller's time is up. `ask(order)` brings the state of an
    order up to date and returns whether it is open no more: that it is not listed proves nothing, the list lags (API
    reference §4.10). `stream_is_live()` says whether waiting for the account stream makes sense.
    """

    def __init__(
        self,
        rest: ExtendedRest,
        orders: Sequence[InFlightOrder],
        *,
        ask: Callable[[InFlightOrder], Awaitable[bool]],
        stream_is_live: Callable[[], bool],
    ) -> None:
        self._rest = rest
        self._orders = {order.client_order_id: order for order in orders}
        self._ask = ask
        self._stream_is_live = stream_is_live
        self._gone: set[str] = set()
        self._refused: set[str] = set()

    def is_gone(self, order: InFlightOrder) -> bool:
        """Return whether the order is known to be open no more: cancelled, or filled before it could be."""
        return order.client_order_id in self._gone or order.is_done

    def unknown(self) -> list[InFlightOrder]:
        """Return those that are not known to exist: their POST may still be under way."""
        return [order for order in self._orders.values() if not order.exchange_order_id and not self.is_gone(order)]

    async def within(self, timeout_s: float) -> list[CancellationResult]:
        """Work for `timeout_s` at most; return for each order whether it is open no more."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._run()
        except TimeoutError:
            logging.getLogger(__name__).warning("Not all orders could be cancelled within %.1f s.", timeout_s)
        return [CancellationResult(key, self.is_gone(order)) for key, order in self._orders.items()]

    async def _run(self) -> None:
        """Work until all are gone or refused to go. Network errors are tried again."""
        await self._mass_cancel()
        while self._open():
            try:
                await self._round()
            except ExtendedError as error:
                logging.getLogger(__name__).debug("verifying cancels: %s", error)
                await asyncio.sleep(RETRY_S)

    def _open(self) -> list[InFlightOrder]:
        return [o for o in self._orders.values() if not self.is_gone(o) and o.client_order_id not in self._refused]

    async def _mass_cancel(self) -> None:
        try:
            for some in batched(self._orders.values(), CHUNK):
                await self._rest.mass_cancel(
                    # Where it is known, the exchange id: its legs share an order's external id, and are to stay.
                    order_ids=[int(order.exchange_order_id) for order in some if order.exchange_order_id],
                    external_ids=[order.client_order_id for order in some if not order.exchange_order_id],
                )
        except ExtendedError as error:
            logging.getLogger(__name__).warning("The mass cancel failed (%s); cancelling one by one.", error)

    async def _round(self) -> None:
        await self._wait_for_stream()
        if not (waiting := self._open()):
            return
        listed = {order.external_id: order for order in await self._rest.open_orders() if not order.is_leg}
        for order in waiting:
            if order.client_order_id in listed:
                await self._cancel(order, listed[order.client_order_id])
            elif order.exchange_order_id is not None:  # otherwise its POST may still be under way
                await self._update(order)
        if self._open():
            await asyncio.sleep(RETRY_S)

    async def _wait_for_stream(self) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + STREAM_GRACE_S
        while True:
            if not self._stream_is_live() or not self._open() or loop.time() >= until:
                return
            await asyncio.sleep(POLL_S)

    async def _cancel(self, order: InFlightOrder, listed: Order) -> None:
        try:
            await self._rest.cancel_order(listed.id)
        except ApiError as error:
            if error.outcome is Outcome.UNKNOWN or order_not_found(error):
                return  # it is listed, or was a moment ago: the next round tells
            await self._update(order)
            if not self.is_gone(order):
                logging.getLogger(__name__).warning("Failed to cancel order %s: %s", order.client_order_id, error)
                self._refused.add(order.client_order_id)

    async def _update(self, order: InFlightOrder) -> None:
        try:
            if await self._ask(order):
                self._gone.add(order.client_order_id)
        except ExtendedError as error:
            logging.getLogger(__name__).debug("the end of %s is not known yet: %s", order.client_order_id, error)
