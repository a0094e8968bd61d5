"""Orders of this bot that Hummingbot does not know, after a crash: adopted, cancelled or left alone, by setting."""

import logging
from collections.abc import Awaitable, Callable, Iterable

from hummingbot_extended.connector.bot_identity import BotIdentity
from hummingbot_extended.connector.order_outcomes import find_order
from hummingbot_extended.errors import NotFound
from hummingbot_extended.exchange.models import Order
from hummingbot_extended.exchange.rest import ExtendedRest

ADOPT, CANCEL, IGNORE = "adopt", "cancel", "ignore"


class Adoption:
    """Finds this bot's orphans by prefix and by journal, and has them tracked; manual orders and other bots' never.

    `is_known(order)` says whether Hummingbot tracks an order or has done with it. `adopt(order)` starts tracking it,
    with its fills and its state, so that it is recorded in every mode but "ignore". With "cancel" what is still open is
    cancelled then.
    """

    def __init__(
        self,
        rest: ExtendedRest,
        identity: BotIdentity,
        mode: str,
        *,
        is_known: Callable[[Order], bool],
        adopt: Callable[[Order], Awaitable[None]],
    ) -> None:
        self._rest = rest
        self._identity = identity
        self._mode = mode
        self._is_known = is_known
        self._adopt = adopt
        self._left = identity.journal.pending if identity.journal else []

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._mode}, {len(self._left)} from the journal>"

    async def run(self, open_orders: Iterable[Order]) -> None:
        """Deal with the orphans among `open_orders`, and once with those of the journal. Raises what REST raises."""
        orphans = {order.external_id: order for order in open_orders if self._is_orphan(order)}
        for external_id in self._left:
            if external_id not in orphans and (order := await self._ask(external_id)) is not None:
                orphans[external_id] = order
        if self._mode != IGNORE and orphans:
            await self._take(list(orphans.values()))
        self._left = []

    async def _take(self, orphans: list[Order]) -> None:
        logging.getLogger(__name__).warning(
            "Found %d order(s) of this bot that Hummingbot does not know: %s.",
            len(orphans),
            "cancelling what is open" if self._mode == CANCEL else "adopting",
        )
        for order in orphans:
            await self._adopt(order)
        still_open = [order.external_id for order in orphans if not order.status.is_final]
        if self._mode == CANCEL and still_open:
            await self._rest.mass_cancel(external_ids=still_open)

    def _is_orphan(self, order: Order) -> bool:
        return self._identity.owns(order.external_id) and not self._is_known(order)

    async def _ask(self, external_id: str) -> Order | None:
        """Return an order of the journal; None where the exchange never got it, or Hummingbot knows it."""
        try:
            order = await find_order(self._rest, external_id)
        except NotFound:
            order = None
        if order is None or self._is_known(order):
            if self._identity.journal is not None:
                self._identity.journal.strike_out(external_id)
            return None
        return order
