"""Finding an order whatever has become of it (API reference §3.6, §4.10)."""

from collections.abc import Iterable

from hummingbot_extended.errors import NotFound, ServerUnavailable
from hummingbot_extended.exchange.http import order_not_found
from hummingbot_extended.exchange.models import Order
from hummingbot_extended.exchange.rest import ExtendedRest

# An order may become visible only some time after its POST. Before, "not found" says nothing.
VISIBLE_AFTER_S = 30.0
NEWEST = 10  # as many orders as may share an external id


async def find_order(rest: ExtendedRest, *, external_id: str = "", order_id: int | None = None) -> Order:
    """Return an order, open or closed: by exchange id, by external id, from the history.

    An external id stands for the order that was placed with it, not for the take-profit or stop-loss that shares it.
    Raises NotFound only when all of them say that there is none; every other error says nothing about the order.
    """
    if order_id is not None:
        try:
            return await rest.order(order_id)
        except NotFound as error:
            if not order_not_found(error):
                raise
    found = None
    if external_id:
        found = await _by_external_id(rest, external_id)
    elif order_id is not None:
        found = await _closed(rest, order_ids=[order_id])
    if found is not None:
        return found
    raise NotFound(404, "NOT_FOUND", "neither open nor in the history", request=f"order {external_id or order_id}")


async def _by_external_id(rest: ExtendedRest, external_id: str) -> Order | None:
    try:
        if orders := await rest.orders_by_external_id(external_id):
            return _newest(orders)
    except NotFound as error:
        if not order_not_found(error):
            raise
    return await _closed(rest, external_ids=[external_id])


async def _closed(
    rest: ExtendedRest, *, order_ids: Iterable[int] = (), external_ids: Iterable[str] = ()
) -> Order | None:
    try:
        return _newest(await rest.orders_history(order_ids=order_ids, external_ids=external_ids, limit=NEWEST))
    except NotFound as error:
        if error.code is not None:
            raise
        # A bare 404 where there always is a list is of something in between (§9.5), and so were those before.
        raise ServerUnavailable(error.status, None, "not even a history", request=error.request) from error


def _newest(orders: list[Order]) -> Order | None:
    placed = [order for order in orders if not order.is_leg] or orders
    return max(placed, key=lambda order: order.updated_time_ms, default=None)
