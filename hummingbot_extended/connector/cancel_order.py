"""Cancels one order, and finds out what it is when it cannot be cancelled."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from hummingbot.core.data_type.in_flight_order import InFlightOrder

from hummingbot_extended.connector.order_outcomes import OrderUnresolved
from hummingbot_extended.errors import (
    ApiError,
    ExtendedError,
    NotFound,
    Outcome,
    RateLimited,
    ServerUnavailable,
    TransportError,
    Unauthorized,
)
from hummingbot_extended.exchange.http import order_not_found
from hummingbot_extended.exchange.models import Order
from hummingbot_extended.exchange.order_search import find_order
from hummingbot_extended.exchange.rest import ExtendedRest

ATTEMPTS = 3
RETRY_S = 0.25
FIND_AGAIN_S = 0.1
UNDER_WAY_S = 5.0


def exchange_id(tracked: InFlightOrder) -> int | None:
    """Return the exchange's id of a tracked order, None before it is known."""
    return int(tracked.exchange_order_id) if tracked.exchange_order_id else None


class Canceller:
    """Cancels by exchange id, or by client id before that is known.

    `apply(order)` is awaited with what is found out about an order; `is_searched(id)` says whether its outcome is being
    asked for already; `may_show(order)`, whether one that the exchange does not know may be on its way there. Who asks
    again waits for the first.
    """

    def __init__(
        self,
        rest: ExtendedRest,
        *,
        apply: Callable[[Order], Awaitable[Any]],
        is_searched: Callable[[str], bool],
        may_show: Callable[[InFlightOrder], bool],
    ) -> None:
        self._rest = rest
        self._apply = apply
        self._is_searched = is_searched
        self._may_show = may_show
        self._under_way: dict[str, asyncio.Future[bool]] = {}
        self._wished: dict[str, InFlightOrder] = {}

    def take_wish(self, client_order_id: str) -> InFlightOrder | None:
        """Return, once, an order whose cancel was asked for before it was known to exist; None where it was not."""
        return self._wished.pop(client_order_id, None)

    def wish(self, tracked: InFlightOrder) -> None:
        """Have an order that is not known to exist cancelled once it is: see `take_wish`."""
        open_still = {key: order for key, order in self._wished.items() if not order.is_done}
        self._wished = {**open_still, tracked.client_order_id: tracked}

    async def cancel(self, tracked: InFlightOrder) -> bool:
        """Return True when the exchange will cancel the order (the stream tells when), False when it had ended already.

        While it is not known whether there is an order, no answer says that it will be gone: the wish is kept for
        `take_wish`, whatever comes of this call, and the result is not True. Raises NotFound only when the exchange
        knows no such order and it is old enough to be known; OrderUnresolved while that is not so, or while the outcome
        of placing it is being asked for. TransportError and other ApiErrors come as they are.
        """
        key = tracked.client_order_id
        if tracked.exchange_order_id is None and self._is_searched(key):
            self.wish(tracked)
            raise OrderUnresolved(f"it is not known yet whether the exchange has {key}; it will be cancelled if so")
        if key in self._under_way:
            return await asyncio.shield(self._under_way[key])
        under_way = self._under_way[key] = asyncio.get_running_loop().create_future()
        will_be_cancelled = False
        try:
            will_be_cancelled = await self._cancel(tracked) and tracked.exchange_order_id is not None
        finally:
            if tracked.exchange_order_id is None:
                self.wish(tracked)
            del self._under_way[key]
            under_way.set_result(will_be_cancelled)  # an error is told to the first one only, and counts once
        return will_be_cancelled

    async def _cancel(self, tracked: InFlightOrder) -> bool:
        try:
            await self._send(tracked)
        except ApiError as error:
            if error.outcome is Outcome.UNKNOWN or isinstance(error, Unauthorized):
                raise
            return await self._was_refused(tracked, error)
        return True

    async def _send(self, tracked: InFlightOrder) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                if (order_id := exchange_id(tracked)) is not None:
                    await self._rest.cancel_order(order_id)
                else:
                    await self._rest.cancel_by_external_id(tracked.client_order_id)
            except ExtendedError as error:
                # A cancel may be repeated: where nothing is known of it, try again.
                if error.outcome is not Outcome.UNKNOWN or attempt == ATTEMPTS:
                    raise
                await asyncio.sleep(RETRY_S * 2**attempt)
            else:
                return

    async def _was_refused(self, tracked: InFlightOrder, refusal: ApiError) -> bool:
        """How the exchange refuses to cancel what is gone is not documented: ask what the order is."""
        try:
            order = await self._find(tracked)
        except (TransportError, ServerUnavailable, RateLimited) as error:
            if order_not_found(refusal):
                raise OrderUnresolved(f"nobody can tell whether {tracked.client_order_id} is open: {error}") from error
            raise refusal from None
        await self._apply(order)
        if order.status.is_final:
            return False
        if not order_not_found(refusal):
            raise refusal
        await self._rest.cancel_order(order.id)
        return True

    async def _find(self, tracked: InFlightOrder) -> Order:
        began_s, delay_s = time.monotonic(), FIND_AGAIN_S
        while True:
            try:
                return await find_order(self._rest, external_id=tracked.client_order_id, order_id=exchange_id(tracked))
            except NotFound as error:
                if not order_not_found(error) or not self._may_show(tracked):
                    raise
                if time.monotonic() - began_s > UNDER_WAY_S:
                    raise OrderUnresolved(f"the exchange does not know {tracked.client_order_id} yet") from error
            await asyncio.sleep(delay_s)
            delay_s *= 2
