"""What comes over the account stream, applied in its order; after every gap, first what was missed in it."""

import asyncio
import logging
from collections.abc import AsyncIterable, Awaitable, Callable

from hummingbot_extended.connector.account_state import AccountState
from hummingbot_extended.connector.extended_perpetual_user_stream_data_source import (
    ExtendedPerpetualUserStreamDataSource,
    StreamOpened,
)
from hummingbot_extended.connector.reconcile import Reconciler
from hummingbot_extended.errors import MalformedMessage
from hummingbot_extended.exchange.channels import AccountFrame
from hummingbot_extended.exchange.enums import AccountEvent


class AccountFeed:
    """Reads the stream's queue. A new connection has the account reconciled, while the messages behind it wait.

    `prepare()` is awaited before each pass of a reconciliation, and may raise what REST raises.
    """

    def __init__(
        self,
        stream: ExtendedPerpetualUserStreamDataSource,
        state: AccountState,
        reconciler: Reconciler,
        *,
        prepare: Callable[[], Awaitable[None]],
        logger: logging.Logger,
    ) -> None:
        self._stream = stream
        self._state = state
        self._reconciler = reconciler
        self._prepare = prepare
        self._logger = logger
        self._reconciled_generation = 0

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {'current' if self.is_current else 'not current'}>"

    @property
    def is_current(self) -> bool:
        """Whether the stream is open, and nothing that was missed before is unknown."""
        return self._stream.is_live and self._reconciled_generation == self._stream.generation

    @property
    def was_current(self) -> bool:
        """Whether the account was ever reconciled."""
        return self._reconciled_generation > 0

    async def run(self, items: AsyncIterable[object]) -> None:
        """Apply what the queue brings until cancelled. What fails is logged, and reconciled by a reconnect."""
        async for item in items:
            try:
                await self._handle(item)
            except asyncio.CancelledError:
                raise
            except Exception:  # logged, and whatever was lost by it is reconciled
                self._logger.exception("Unexpected error in user stream listener loop.")
                self._stream.request_reconnect("a message could not be applied")

    async def _handle(self, item: object) -> None:
        if isinstance(item, StreamOpened):
            await self._reconcile(item.generation)
        elif isinstance(item, AccountFrame):
            await self._apply(item)
        else:
            raise MalformedMessage("not a message of the account stream", str(item))

    async def _reconcile(self, generation: int) -> None:
        if await self._reconciler.run(lambda: self._stream.generation == generation, first=self._prepare):
            self._reconciled_generation = generation

    async def _apply(self, frame: AccountFrame) -> None:
        self._state.apply_trades(frame.trades)
        for order in frame.orders:
            await self._state.apply_order(order)
        if frame.event is AccountEvent.POSITIONS:
            self._state.apply_positions(frame.positions, is_whole=frame.is_snapshot and not frame.bad)
        if frame.balance is not None:
            self._state.apply_balance(frame.balance)
