"""Orders that an earlier life of this bot left open: cancelled, adopted or left as they are, by setting."""

import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence

from hummingbot_extended.connector.bot_identity import BotIdentity
from hummingbot_extended.errors import NotFound
from hummingbot_extended.exchange.models import Order
from hummingbot_extended.exchange.order_search import find_order
from hummingbot_extended.exchange.rest import ExtendedRest

ADOPT, CANCEL, IGNORE = "adopt", "cancel", "ignore"


class Adoption:
    """Finds this bot's orphans by prefix and by journal, and has them tracked; manual orders and other bots' never.

    `is_known(order)` says whether Hummingbot tracks an order or has done with it; `is_anothers(order)`, whether it is
    younger than this bot and not of its making: then another bot runs under the same id, and its orders are left alone,
    with an error in the log. `adopt(order)` starts tracking it, with its fills and its state, so that it is recorded in
    every mode but "ignore". `restored` holds the ids of the orders that Hummingbot tracks and no strategy knows any
    more: those that its own database brought back, to which those adopted are added. With "cancel", `cancel(orders)` is
    awaited for whatever of them is open; what was cancelled leaves `restored`. Take-profits and stop-losses stay in
    every mode, as the position does that they protect. `mode` may be changed.
    """

    def __init__(
        self,
        rest: ExtendedRest,
        identity: BotIdentity,
        mode: str,
        *,
        is_known: Callable[[Order], bool],
        is_anothers: Callable[[Order], bool],
        adopt: Callable[[Order], Awaitable[None]],
        cancel: Callable[[Sequence[Order]], Awaitable[None]],
        restored: set[str],
    ) -> None:
        self._rest = rest
        self._identity = identity
        self.mode = mode
        self._is_known = is_known
        self._is_anothers = is_anothers
        self._has_warned = False
        self._adopt = adopt
        self._cancel = cancel
        self._restored = restored
        self._left = identity.journal.pending if identity.journal else []

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.mode}, {len(self._left)} from the journal>"

    async def run(self, open_orders: Sequence[Order]) -> None:
        """Deal with what `open_orders` has of an earlier life, and once with the journal. Raises what REST raises."""
        placed = [order for order in open_orders if not order.is_leg]
        orphans = {order.external_id: order for order in placed if self._is_orphan(order)}
        for external_id in self._left:
            if external_id not in orphans and (order := await self._ask(external_id)) is not None:
                orphans[external_id] = order
        restored = {order.external_id: order for order in placed if order.external_id in self._restored}
        if self.mode != IGNORE and orphans:
            await self._take(list(orphans.values()))
        if self.mode == CANCEL:
            await self._close({**orphans, **restored}.values())
        self._left = []

    async def _take(self, orphans: Iterable[Order]) -> None:
        logging.getLogger(__name__).warning(
            "Found order(s) of this bot that Hummingbot does not know; tracking %s.",
            ", ".join(order.external_id for order in orphans),
        )
        for order in orphans:
            self._restored.add(order.external_id)
            await self._adopt(order)

    async def _close(self, left: Iterable[Order]) -> None:
        still_open = [order for order in left if not order.status.is_final]
        if still_open:
            logging.getLogger(__name__).warning("Cancelling %d order(s) left by an earlier life.", len(still_open))
            await self._cancel(still_open)
        self._restored.difference_update(order.external_id for order in still_open)

    def _is_orphan(self, order: Order) -> bool:
        if not self._identity.owns(order.external_id) or self._is_known(order):
            return False
        if not self._is_anothers(order):
            return True
        if not self._has_warned:
            self._has_warned = True
            logging.getLogger(__name__).error(
                "Another bot places orders as %s on this account (%s). Give each bot a bot_id of its own: at its start "
                "each would cancel or adopt the other's orders.",
                self._identity.bot_id,
                order.external_id,
            )
        return False

    async def _ask(self, external_id: str) -> Order | None:
        """Return an order of the journal; None where the exchange never got it, or Hummingbot knows it."""
        try:
            order = await find_order(self._rest, external_id=external_id)
        except NotFound:
            order = None
        if order is None or self._is_known(order):
            if self._identity.journal is not None:
                self._identity.journal.strike_out(external_id)
            return None
        return order
