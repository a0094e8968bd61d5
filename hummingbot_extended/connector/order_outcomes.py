"""What became of an order whose reply did not come: asked by its external id until the exchange has said so."""

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from typing import Any

from hummingbot.core.data_type.in_flight_order import InFlightOrder

from hummingbot_extended.connector.tasks import Tasks
from hummingbot_extended.errors import ApiError, ConnectFailed, ExtendedError, NotFound, Outcome
from hummingbot_extended.exchange.models import Order
from hummingbot_extended.exchange.order_search import VISIBLE_AFTER_S, find_order
from hummingbot_extended.exchange.rest import ExtendedRest

DUPLICATE_ORDER = 1134  # the external id is in use: an order of ours is there, whatever this reply says
IN_CALL_S = 5.0
FIRST_DELAY_S = 0.2
MAX_DELAY_S = 15.0


class OrderUnresolved(ExtendedError):
    """Raised when it is not known yet whether the exchange has an order. It stays tracked and is asked for on."""

    outcome = Outcome.UNKNOWN


class OrderOutcomes:
    """Sends orders; turns an unknown outcome into accepted or rejected, in the call or later in the background.

    `on_found(order)` is awaited with what the exchange says; `on_missing(tracked, error)` is called when the exchange
    has repeatedly said that it knows no such order, not before `VISIBLE_AFTER_S`. Network errors never end a search.
    """

    def __init__(
        self,
        rest: ExtendedRest,
        tasks: Tasks,
        *,
        on_found: Callable[[Order], Any],
        on_missing: Callable[[InFlightOrder, NotFound], None],
    ) -> None:
        self._rest = rest
        self._tasks = tasks
        self._on_found = on_found
        self._on_missing = on_missing
        self._searched: set[str] = set()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} searching {sorted(self._searched)}>"

    def is_searching(self, client_order_id: str) -> bool:
        """Return whether the outcome of an order is still unknown."""
        return client_order_id in self._searched

    async def place(self, tracked: InFlightOrder, body: Mapping[str, Any]) -> str:
        """Send a signed order; return its exchange id once it is known to have been received.

        Raises ApiError where the exchange refused it, ConnectFailed where nothing was sent, OrderUnresolved where its
        outcome stays unknown after `IN_CALL_S` (then `search` goes on in the background).
        """
        try:
            return str((await self._rest.place_order(body)).id)
        except ConnectFailed:
            raise
        except ExtendedError as error:
            is_duplicate = isinstance(error, ApiError) and error.code == DUPLICATE_ORDER
            if error.outcome is not Outcome.UNKNOWN and not is_duplicate:
                raise
            return await self._resolve(tracked, error)

    def search(self, tracked: InFlightOrder) -> None:
        """Ask for an order in the background until its outcome is known. Once per order."""
        if tracked.client_order_id not in self._searched:
            self._searched.add(tracked.client_order_id)
            self._tasks.start(self._search(tracked), name=f"search {tracked.client_order_id}")

    async def _resolve(self, tracked: InFlightOrder, cause: ExtendedError) -> str:
        self._searched.add(tracked.client_order_id)
        try:
            async with asyncio.timeout(IN_CALL_S):
                await self._ask_until_known(tracked)
        except TimeoutError:
            pass
        finally:
            self._searched.discard(tracked.client_order_id)
        if tracked.exchange_order_id is None:
            raise OrderUnresolved(f"the outcome of {tracked.client_order_id} is not known yet: {cause}") from cause
        return str(tracked.exchange_order_id)

    async def _search(self, tracked: InFlightOrder) -> None:
        logging.getLogger(__name__).warning(
            "It is not known whether the exchange has the order %s on %s; asking until it says.",
            tracked.client_order_id,
            tracked.trading_pair,
        )
        try:
            missing = await self._ask_until_known(tracked, give_up_after_s=VISIBLE_AFTER_S)
        finally:
            self._searched.discard(tracked.client_order_id)
        if missing is not None and tracked.is_pending_create:
            self._on_missing(tracked, missing)

    async def _ask_until_known(self, tracked: InFlightOrder, give_up_after_s: float | None = None) -> NotFound | None:
        """Ask, or be told by the stream, until the order has an exchange id; None then. NotFound after `give_up…`."""
        loop = asyncio.get_running_loop()
        began, delay_s = loop.time(), FIRST_DELAY_S
        while not await _told(tracked, delay_s * random.uniform(0.5, 1.0)):
            delay_s = min(MAX_DELAY_S, delay_s * 2)
            try:
                order = await find_order(self._rest, external_id=tracked.client_order_id)
            except NotFound as error:
                if give_up_after_s is not None and loop.time() - began >= give_up_after_s:
                    return error
            except ExtendedError as error:
                logging.getLogger(__name__).debug("asking for %s: %s", tracked.client_order_id, error)
            else:
                await self._on_found(order)
        return None


async def _told(tracked: InFlightOrder, timeout_s: float) -> bool:
    """Wait up to `timeout_s` for the account stream to tell of the order."""
    try:
        await asyncio.wait_for(tracked.exchange_order_id_update_event.wait(), timeout_s)
    except TimeoutError:
        return False
    return True
