"""The account that a hub shows to who has its token: open orders, fills, positions and balance, kept up to date."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Self

import msgspec

from hummingbot_extended.client import BalanceUpdate, Event, ExtendedClient, Fill, OrderUpdate, PositionUpdate
from hummingbot_extended.errors import ExtendedError
from hummingbot_extended.exchange.models import AccountTrade, Balance, Order, Position
from hummingbot_extended.hub.events import iso_z

logger = logging.getLogger(__name__)

KEPT_FILLS = 500
RETRY_S = 3.0

_encode = msgspec.json.Encoder(decimal_format="string").encode


class AccountView:
    """The account of `client`, which has an API key and is closed with the view. Nothing can be traded with it.

    `async with AccountView(client) as view`: reads the latest fills by REST, everything else from the account stream.
    """

    def __init__(self, client: ExtendedClient) -> None:
        self._client = client
        self._orders: dict[int, Order] = {}
        self._positions: dict[str, Position] = {}
        self._balance: Balance | None = None
        self._fills: dict[int, tuple[int, AccountTrade]] = {}  # by trade id, with their number in the order they came
        self._fill_count = 0
        self._problem: str | None = "the account stream is connecting"
        self._watchers: set[Callable[[], None]] = set()
        self._reading: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<AccountView {len(self._orders)} open orders, {self._fill_count} fills, {self._problem or 'live'}>"

    async def __aenter__(self) -> Self:
        self._reading = asyncio.get_running_loop().create_task(self._read(), name="hub: account")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._reading is not None:
            self._reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reading
        await self._client.close()

    # --- for readers --------------------------------------------------------------------------------------------------

    def watch(self, watcher: Callable[[], None]) -> None:
        """Have `watcher` called after every change, until `leave`."""
        self._watchers.add(watcher)

    def leave(self, watcher: Callable[[], None]) -> None:
        """Call `watcher` no more."""
        self._watchers.discard(watcher)

    def news(self, told_fills: int) -> tuple[bytes, int]:
        """Return the account as JSON, decimals as strings, and the number to give the next time.

        Orders, positions and balance are complete; `fills` are those that came after the first `told_fills`.
        `problem` is a sentence while the account stream is down (then nothing of it is up to date), else null.
        """
        fills = [_fill_row(fill) for number, fill in self._fills.values() if number > told_fills]
        account = {
            "problem": self._problem,
            "orders": [_order_row(order) for order in self._orders.values()],
            "positions": [_position_row(position) for position in self._positions.values()],
            "balance": self._balance and _balance_row(self._balance),
            "fills": fills,
        }
        return _encode(account), self._fill_count

    # --- from the exchange --------------------------------------------------------------------------------------------

    async def _read(self) -> None:
        while True:
            try:
                await self._follow()
            except ExtendedError as error:
                self._hear(error)
            await asyncio.sleep(RETRY_S)

    async def _follow(self) -> None:
        events = await self._client.brokerage.stream_account_events(
            error_callback=self._hear, on_reconnected=lambda _: self._come_back()
        )
        async with events:  # they wait in their inbox while REST tells the past
            self._add_fills(sorted(await self._client.rest.trades(limit=KEPT_FILLS), key=lambda each: each.id))
            self._orders.clear()
            self._positions.clear()
            self._come_back()
            async for event in events:
                self._take(event)
                self._changed()

    def _take(self, event: Event) -> None:
        match event:
            case OrderUpdate(order=order):
                if order.status.is_final:
                    self._orders.pop(order.id, None)
                else:
                    self._orders[order.id] = order
            case Fill(trade=trade):
                self._add_fills([trade])
            case PositionUpdate(market=market, size=size, position=position):
                if size:
                    self._positions[market] = position
                else:
                    self._positions.pop(market, None)
            case BalanceUpdate(balance=balance):
                self._balance = balance

    def _add_fills(self, trades: Iterable[AccountTrade]) -> None:
        for trade in trades:
            if trade.id not in self._fills:
                self._fill_count += 1
                self._fills[trade.id] = self._fill_count, trade
        while len(self._fills) > KEPT_FILLS:
            del self._fills[next(iter(self._fills))]

    def _hear(self, error: ExtendedError) -> None:
        if self._problem is None:
            logger.warning("The account stream is down: %s", error)
        self._problem = f"the account stream is down: {error}"
        self._changed()

    def _come_back(self) -> None:
        self._problem = None
        self._changed()

    def _changed(self) -> None:
        for watcher in tuple(self._watchers):
            watcher()


def _order_row(order: Order) -> dict[str, Any]:
    return {
        "symbol": order.market,
        "id": str(order.id),
        "side": order.side.lower(),
        "type": order.type,
        "price": order.price,
        "quantity": order.qty,
        "filled": order.filled_qty,
        "trigger_price": order.trigger and order.trigger.trigger_price,
        "reduce_only": order.reduce_only,
    }


def _fill_row(fill: AccountTrade) -> dict[str, Any]:
    return {
        "symbol": fill.market,
        "id": str(fill.id),
        "order_id": str(fill.order_id),
        "side": fill.side.lower(),
        "price": fill.price,
        "quantity": fill.qty,
        "fee": fill.fee,
        "liquidity": "taker" if fill.is_taker else "maker",
        "type": fill.type,
        "timestamp": iso_z(fill.created_time_ms),
    }


def _position_row(position: Position) -> dict[str, Any]:
    return {
        "symbol": position.market,
        "size": position.signed_size,
        "entry_price": position.open_price,
        "leverage": position.leverage,
        "liquidation_price": position.liquidation_price,
        "unrealised_pnl": position.unrealised_pnl,
        "realised_pnl": position.realised_pnl,
    }


def _balance_row(balance: Balance) -> dict[str, Any]:
    return {
        "balance": balance.balance,
        "equity": balance.equity,
        "available": balance.available_for_trade,
        "unrealised_pnl": balance.unrealised_pnl,
    }
