"""How the client sends requests: in their turn, once at a time unless repeating is safe, each reply checked."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from typing import Any

from hummingbot_extended.errors import Outcome
from hummingbot_extended.gateway.errors import ConnectionLostError, HummingbotClientException, ServerError
from hummingbot_extended.gateway.link import Link
from hummingbot_extended.gateway.protocol import REPEATABLE, Reply
from hummingbot_extended.streams.backoff import ConnectBudget

BURST_S = 2.0  # so many seconds of requests may go out at once
RETRY_DELAY_S = 0.2


class Requester:
    """Sends requests over a link: spread to `per_second`, orders to `orders_per_second` (None: no limit).

    A request that may be repeated is tried `retries` times more, with the same fields, so that the server can tell it
    is the same.
    """

    def __init__(self, link: Link, *, retries: int, per_second: float | None, orders_per_second: float | None) -> None:
        self._link = link
        self._retries = retries
        self._budgets = [_budget(per_second)]
        self._order_budgets = [*self._budgets, _budget(orders_per_second)]

    async def data[Data: (dict[str, Any], list[dict[str, Any]])](
        self, method: str, params: Mapping[str, Any], kind: type[Data]
    ) -> Data:
        """Return the data of the reply. Raises ServerError where it is of another kind, and what `request` raises."""
        return checked(method, (await self.request(method, params)).data, kind)

    async def request(
        self, method: str, params: Mapping[str, Any], *, repeatable: bool | None = None, is_order: bool = False
    ) -> Reply:
        """Return the reply to a request; `repeatable` says whether it may be sent again (None: by its method).

        Raises HummingbotClientException; its `was_repeated` says whether the request was sent before.
        """
        repeatable = method in REPEATABLE if repeatable is None else repeatable
        tries, was_sent = 1 + self._retries, False
        while True:
            tries -= 1
            await self._wait_for_turn(self._order_budgets if is_order else self._budgets)
            try:
                return await self._link.request(method, params)
            except HummingbotClientException as error:
                error.was_repeated = was_sent
                was_sent |= error.outcome is Outcome.UNKNOWN and getattr(error, "sent", True)
                if isinstance(error, ConnectionLostError):
                    error.sent = was_sent
                is_safe = repeatable or not was_sent
                if tries <= 0 or not error.retryable or not is_safe or not self._link.may_come_back:
                    raise
                await asyncio.sleep(error.retry_after_s or random.uniform(0.5, 1.0) * RETRY_DELAY_S)

    async def _wait_for_turn(self, budgets: Sequence[ConnectBudget | None]) -> None:
        now_s = asyncio.get_running_loop().time()
        wait_s = max((budget.reserve(now_s) for budget in budgets if budget is not None), default=0.0)
        if wait_s > 0:
            await asyncio.sleep(wait_s)


def checked[Data: (dict[str, Any], list[dict[str, Any]])](method: str, data: Any, kind: type[Data]) -> Data:
    """Return the data of a reply. Raises ServerError where it is of another kind."""
    if not isinstance(data, kind):
        raise ServerError(f"{method}: the server answered with {type(data).__name__} instead of {kind.__name__}")
    return data


def _budget(per_second: float | None) -> ConnectBudget | None:
    if per_second is None:
        return None
    if not per_second > 0:
        raise ValueError("a rate limit must be above 0 requests a second; None is no limit")
    return ConnectBudget(burst=max(1, round(per_second * BURST_S)), interval_s=1 / per_second)
