"""What happens to the orders of a client that was lost: nothing, or they are cancelled after a grace period."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable

from hummingbot_extended.bridge.journal import Journal
from hummingbot_extended.bridge.login import KEEP, Login
from hummingbot_extended.bridge.registry import OrderRecord, Registry

logger = logging.getLogger(__name__)

CANCEL_ALL = "cancel_all"
ASK_AGAIN_S = 5.0


class Departures:
    """Waits for lost sessions to come back, and cancels for those that do not.

    The wish is in the journal, so that it also holds when the bridge dies with its clients: then every session counts
    as lost from the next start on. It is forgotten when the orders have ended: until then their cancel is asked for
    again, as the exchange may be away. `may_see(key name, record)` says whether a key reaches an order.
    """

    def __init__(
        self,
        journal: Journal,
        registry: Registry,
        cancel: Callable[[OrderRecord], None],
        may_see: Callable[[str, OrderRecord], bool],
    ) -> None:
        self._journal = journal
        self._registry = registry
        self._cancel = cancel
        self._may_see = may_see
        self._waiting: dict[tuple[str, str], asyncio.Task[None]] = {}

    def __repr__(self) -> str:
        return f"<Departures {len(self._waiting)} awaited>"

    def start(self) -> None:
        """Begin to wait for the sessions that an earlier life has left."""
        for owner, session_id, policy, grace_s in self._journal.sessions():
            self._wait(owner, session_id, policy, grace_s)

    async def stop(self) -> None:
        """Stop waiting; the wishes stay in the journal."""
        tasks = list(self._waiting.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def came(self, login: Login) -> None:
        """A session is there, or back."""
        if login.session_id is None:
            return
        key = (login.key.name, login.session_id)
        if (task := self._waiting.pop(key, None)) is not None:
            task.cancel()
        try:
            if login.policy == KEEP:
                self._journal.forget_session(*key)
            else:
                self._journal.save_session(*key, login.policy, login.grace_s)
        except sqlite3.OperationalError:  # its disk is full, say: the client is let in, to cancel at least
            logger.exception("What %s wants when it is lost is not in the journal: it ends with this bridge.", key[0])

    def left(self, login: Login) -> None:
        """A session is gone."""
        if login.session_id is not None and login.policy != KEEP:
            self._wait(login.key.name, login.session_id, login.policy, login.grace_s)

    def _wait(self, owner: str, session_id: str, policy: str, grace_s: float) -> None:
        key = (owner, session_id)
        if (before := self._waiting.pop(key, None)) is not None:
            before.cancel()
        self._waiting[key] = asyncio.create_task(
            self._give_up(owner, session_id, policy, grace_s), name=f"grace of {session_id}"
        )

    async def _give_up(self, owner: str, session_id: str, policy: str, grace_s: float) -> None:
        await asyncio.sleep(grace_s)
        orders = [
            record
            for record in self._registry.open_orders()
            if (
                self._may_see(owner, record)
                if policy == CANCEL_ALL
                else (record.owner, record.session_id) == (owner, session_id)
            )
        ]
        if orders:
            logger.warning("A client of the key %s has not come back: cancelling %d orders.", owner, len(orders))
        while orders := [record for record in orders if not record.is_closed]:
            for record in orders:
                self._ask(record)
            await asyncio.sleep(ASK_AGAIN_S)
        self._waiting.pop((owner, session_id), None)
        self._journal.forget_session(owner, session_id)

    def _ask(self, record: OrderRecord) -> None:
        try:
            self._cancel(record)
        except Exception:  # of any connector: the other orders are cancelled all the same
            logger.exception("The order %s of %s cannot be cancelled now.", record.order_id, record.exchange)
