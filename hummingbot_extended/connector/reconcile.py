"""After a gap in the account stream: what happened meanwhile, from REST, before the stream goes on."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable

from hummingbot.core.data_type.in_flight_order import InFlightOrder

from hummingbot_extended.connector.account_state import AccountState
from hummingbot_extended.connector.adoption import Adoption
from hummingbot_extended.connector.fills import FillHistory
from hummingbot_extended.errors import ExtendedError, NotFound
from hummingbot_extended.exchange.models import Order
from hummingbot_extended.exchange.order_search import find_order
from hummingbot_extended.exchange.rest import ExtendedRest
from hummingbot_extended.streams.backoff import Backoff


class Reconciler:
    """Brings the account up to date over REST: fills, open orders, orders that are open no more, positions, balance.

    Fills come first, so that an order ends with all of them. That an order is not in the list of open orders means
    nothing by itself: it is asked for. `tracked()` gives the orders that Hummingbot holds open; `missing(order, error)`
    is awaited for one that the exchange says it does not know.
    """

    def __init__(
        self,
        rest: ExtendedRest,
        state: AccountState,
        fills: FillHistory,
        *,
        tracked: Callable[[], Iterable[InFlightOrder]],
        missing: Callable[[InFlightOrder, NotFound], Awaitable[None]],
        adoption: Callable[[], Adoption],
    ) -> None:
        self._rest = rest
        self._state = state
        self._fills = fills
        self._tracked = tracked
        self._missing = missing
        self._adoption = adoption
        self.passes = 0

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.passes} passes>"

    async def run(self, is_current: Callable[[], bool], *, first: Callable[[], Awaitable[None]]) -> bool:
        """Repeat `first` and a pass until they succeed; False when `is_current` says that the connection is gone."""
        backoff, has_failed = Backoff(), False
        while is_current():
            try:
                await first()
                await self.once()
            except ExtendedError as error:
                if not has_failed:
                    logging.getLogger(__name__).warning("The account could not be reconciled yet: %s", error)
                has_failed = True
                await asyncio.sleep(backoff.next_delay_s())
            else:
                return True
        return False

    async def once(self) -> None:
        """Do one pass. Raises what REST raises; what was applied until then stays."""
        await self.apply_fills(self._tracked())
        await self.apply_orders()
        await self.apply_positions()
        await self.apply_balance()
        self.passes += 1

    async def apply_fills(self, orders: Iterable[InFlightOrder]) -> None:
        """Apply the fills since the last look; the first time, those since the oldest of `orders`."""
        created = [order.creation_timestamp for order in orders if order.creation_timestamp > 0]
        since_ms = int(min(created) * 1000) if created else None
        self._state.apply_trades(await self._fills.fetch_new(since_ms))

    async def apply_orders(self) -> None:
        """Apply the open orders, ask for those tracked ones that are not among them, and adopt the unknown ones."""
        open_orders = await self._rest.open_orders()
        listed = await self._apply(open_orders)
        for tracked in [order for order in self._tracked() if order.client_order_id not in listed]:
            await self.ask(tracked)
        await self._adoption().run(open_orders)

    async def apply_positions(self) -> None:
        """Apply the positions; those that are not listed are closed, where the list could be read whole."""
        asked = self._state.mark()
        positions = await self._rest.positions()
        self._state.apply_positions(positions, is_whole=not positions.bad, asked=asked)

    async def apply_balance(self) -> None:
        """Apply the balance."""
        asked = self._state.mark()
        self._state.apply_balance(await self._rest.balance(), asked=asked)

    async def _apply(self, orders: Iterable[Order]) -> set[str]:
        listed = set()
        for order in orders:
            if await self._state.apply_order(order):
                tracked = self._state.find(order.external_id, order.id)
                listed.add(tracked.client_order_id if tracked else order.external_id)
        return listed

    async def ask(self, tracked: InFlightOrder) -> Order | None:
        """Ask for one order, apply what the exchange says and return it; None where it knows no such order.

        Raises what REST raises but NotFound.
        """
        exchange_id = int(tracked.exchange_order_id) if tracked.exchange_order_id else None
        try:
            order = await find_order(self._rest, external_id=tracked.client_order_id, order_id=exchange_id)
        except NotFound as error:
            await self._missing(tracked, error)
            return None
        await self._state.apply_order(order)
        return order
