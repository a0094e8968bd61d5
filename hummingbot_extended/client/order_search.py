"""Orders whose reply did not come: asked for by external id until the exchange has said what became of them."""

import asyncio
import logging
import random
import time

from hummingbot_extended.client.order_result import OrderOutcome, OrderResult
from hummingbot_extended.errors import ExtendedError, NotFound
from hummingbot_extended.exchange.enums import OrderStatus, StatusReason
from hummingbot_extended.exchange.models import Order
from hummingbot_extended.exchange.order_search import VISIBLE_AFTER_S, find_order
from hummingbot_extended.exchange.rest import ExtendedRest

logger = logging.getLogger(__name__)

FIRST_DELAY_S = 0.1
MAX_DELAY_S = 5.0
MAX_SENT = 10_000


class OrderSearch:
    """Asks for orders in the background, once each. A network error never ends a search; `close` ends all."""

    def __init__(self, rest: ExtendedRest, *, visible_after_s: float = VISIBLE_AFTER_S) -> None:
        self._rest = rest
        self._visible_after_s = visible_after_s
        self._running: dict[str, asyncio.Task[OrderResult]] = {}
        self._sent_s: dict[str, float] = {}
        self._is_closed = False

    def __repr__(self) -> str:
        return f"<OrderSearch {', '.join(self._running) or 'nothing'}>"

    @property
    def external_ids(self) -> tuple[str, ...]:
        """The orders whose outcome is not known yet."""
        return tuple(self._running)

    def sent(self, external_id: str) -> None:
        """Take note that an order is being sent: that it is not visible says nothing for some time."""
        self._sent_s.pop(external_id, None)
        self._sent_s[external_id] = time.monotonic()
        if len(self._sent_s) > MAX_SENT:
            del self._sent_s[next(iter(self._sent_s))]

    def _may_appear(self, external_id: str) -> bool:
        sent_s = self._sent_s.get(external_id)
        return sent_s is not None and time.monotonic() - sent_s < self._visible_after_s

    def start(self, external_id: str, cause: ExtendedError) -> None:
        """Begin to ask for an order whose command failed with `cause`. Nothing happens once this is closed."""
        if external_id not in self._running and not self._is_closed:
            task = asyncio.create_task(self._search(external_id, cause), name=f"search for order {external_id}")
            self._running[external_id] = task
            task.add_done_callback(lambda _: self._running.pop(external_id, None))

    async def result(self, external_id: str, timeout_s: float, cause: ExtendedError | None = None) -> OrderResult:
        """Return what became of an order, UNKNOWN when `timeout_s` was not enough; a search under way goes on."""
        if external_id not in self._running:
            try:
                return result_of(await find_order(self._rest, external_id=external_id))
            except NotFound as error:
                if not self._may_appear(external_id):
                    return OrderResult(outcome=OrderOutcome.REJECTED, external_id=external_id, error=error)
                cause = error
                self.start(external_id, error)
            except ExtendedError as error:
                return OrderResult(outcome=OrderOutcome.UNKNOWN, external_id=external_id, error=error)
        task = self._running.get(external_id)
        if task is not None:
            await asyncio.wait([task], timeout=timeout_s)
            if task.done() and not task.cancelled():
                return task.result()
        return OrderResult(outcome=OrderOutcome.UNKNOWN, external_id=external_id, error=cause)

    async def close(self) -> None:
        """Cancel what runs and wait for its end. Safe to repeat; no search begins afterwards."""
        self._is_closed = True
        running = tuple(self._running.values())
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)

    async def _search(self, external_id: str, cause: ExtendedError) -> OrderResult:
        loop = asyncio.get_running_loop()
        began_s, delay_s = loop.time(), FIRST_DELAY_S
        while True:
            await asyncio.sleep(delay_s * random.uniform(0.5, 1.0))
            delay_s = min(MAX_DELAY_S, delay_s * 2)
            try:
                order = await find_order(self._rest, external_id=external_id)
            except NotFound:
                if loop.time() - began_s >= self._visible_after_s:
                    return OrderResult(outcome=OrderOutcome.REJECTED, external_id=external_id, error=cause)
            except ExtendedError as error:
                logger.debug("asking for %s: %s", external_id, error)
            else:
                return result_of(order)


def result_of(order: Order) -> OrderResult:
    """The outcome that an order's state tells: rejected by the matching engine, or accepted."""
    refused = order.status is OrderStatus.REJECTED or order.status_reason is StatusReason.POST_ONLY_FAILED
    return OrderResult(
        outcome=OrderOutcome.REJECTED if refused else OrderOutcome.ACCEPTED,
        external_id=order.external_id,
        order_id=order.id,
        order=order,
    )
