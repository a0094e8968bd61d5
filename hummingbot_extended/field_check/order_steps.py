"""The steps that trade, with the smallest size there is: placed, cancelled, bought, sold again. Nothing is left."""

import asyncio
import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from hummingbot_extended.client.client import ExtendedClient
from hummingbot_extended.client.order_result import OrderOutcome, OrderResult
from hummingbot_extended.errors import ApiError, ExtendedError
from hummingbot_extended.exchange.channels import ACCOUNT_PATH, stream_url
from hummingbot_extended.exchange.enums import OrderStatus, Side
from hummingbot_extended.exchange.models import Market, MarketStats
from hummingbot_extended.exchange.rounding import round_price
from hummingbot_extended.field_check.findings import Notebook, Step, StepFailed, StepSkipped
from hummingbot_extended.streams.stream import WebSocketStream

WAIT_S = 10.0
NEAR = Decimal("0.98")  # far enough from the book to rest, inside every band
FAR = Decimal("0.88")  # what some were refused for (API reference §4.7)
POLL_S = 0.1
MOST_BOUGHT = 2  # smallest sizes: the IOC order, and a post-only order that traded


class OrderSteps:
    """Trades the smallest size of one market, and puts everything back."""

    def __init__(self, client: ExtendedClient, notebook: Notebook, api_key: str) -> None:
        self._client = client
        self._notes = notebook
        self._api_key = api_key
        self._prefix = f"hbx-check-{uuid.uuid4().hex[:8]}"
        self._count = 0
        self._rules: Market | None = None
        self._resting: OrderResult | None = None
        self._bought = Decimal(0)
        self._is_clean = False

    def steps(self) -> Iterator[Step]:
        """The steps, in order."""
        yield Step("the account can trade here", self.can_trade)
        yield Step("post-only order rests", self.post_only_rests)
        yield Step("it is replaced", self.replaced)
        yield Step("it is cancelled", self.cancelled)
        yield Step("cancel of an unknown order", self.cancel_unknown)
        yield Step("post-only order that would trade is refused", self.post_only_refused)
        yield Step("order far below the mark", self.far_order)
        yield Step("IOC order buys", self.buys)
        yield Step("reduce-only order closes", self.closes)
        yield Step("nothing is left", self.nothing_left)

    async def can_trade(self) -> str:
        """No position and money enough: what is opened here must be closable here."""
        market = self._notes.market
        rules = next((each for each in await self._client.rest.markets(market) if each.name == market), None)
        if rules is None or not rules.is_tradable:
            raise StepFailed(f"{market} is not open for trading")
        if any(position.signed_size for position in await self._client.rest.positions(market)):
            raise StepFailed(f"the account has a position in {market}; choose another market with --market")
        size = rules.trading_config.min_order_size
        value = size * (await self._client.rest.market_stats(market)).mark_price
        if (await self._client.rest.balance()).available_for_trade < value:
            raise StepFailed(f"the smallest order is worth {value:.2f} USD, which the account has not available")
        self._rules = rules
        return f"smallest order {size}, worth {value:.2f} USD"

    async def post_only_rests(self) -> str:
        """Placed 2 % below the bid, confirmed by the matching engine."""
        async with self._recording() as frames:
            result = await self._place(Side.BUY, self._price((await self._stats()).bid_price * NEAR), post_only=True)
            order = self._expect(result, OrderStatus.NEW)
            await self._until(lambda: _of_order(frames, result.external_id))
        self._resting = result
        value = order.qty * (order.price or 0)
        self._notes.settle("Whether a minimum notional exists beside minOrderSize:", f"{value:.2f} USD was accepted")
        if shown := _of_order(frames, result.external_id):
            fields = ", ".join(sorted(shown[0]))
            self._notes.settle("A verbatim live ORDER frame (all fields):", f"it has {fields}")
        return f"{order.qty} at {order.price}, {order.status}; the stream told of it"

    async def replaced(self) -> str:
        """One tick lower, in one step."""
        old = self._must_rest()
        assert old.order is not None  # noqa: S101  # _expect has seen it
        assert old.order.price is not None  # noqa: S101
        price = old.order.price - self._market().trading_config.min_price_change
        result = await self._client.order_execution.replace_order(
            old.external_id, price=price, new_external_id=self._name(), wait_s=WAIT_S
        )
        order = self._expect(result, OrderStatus.NEW)
        self._resting = result
        gone = (await self._client.rest.orders_by_external_id(old.external_id))[0]
        return f"{old.order.price} → {order.price}; the old order is {gone.status} ({gone.status_reason})"

    async def cancelled(self) -> str:
        """Cancelled by external id, and cancelled again."""
        external_id = self._must_rest().external_id
        result = await self._client.order_execution.cancel_order(external_id, wait_s=WAIT_S)
        order = self._expect(result, OrderStatus.CANCELLED)
        self._resting = None
        self._notes.settle("Whether a user cancel has statusReason NONE or none:", str(order.status_reason))
        again = await self._answer(external_id)
        self._notes.settle("Answer to cancelling an order that is cancelled already:", again)
        return f"{order.status}, reason {order.status_reason}; a second cancel: {again}"

    async def cancel_unknown(self) -> str:
        """An external id that was never used."""
        answer = await self._answer(self._name())
        self._notes.settle("Answer to cancelling an unknown order:", answer)
        return answer

    async def post_only_refused(self) -> str:
        """At the ask or above, it must not trade."""
        price = self._price((await self._stats()).ask_price * Decimal("1.002"))
        result = await self._place(Side.BUY, price, post_only=True)
        if result.outcome is not OrderOutcome.REJECTED:
            await self._client.order_execution.cancel_order(result.external_id, wait_s=WAIT_S)
            self._bought += result.order.filled_qty if result.order else Decimal(0)
            raise StepFailed(f"it was {result.outcome.value}: {result.order and result.order.status}")
        return f"refused: {result.reason}"

    async def far_order(self) -> str:
        """12 % below the mark: accepted or refused, both are answers."""
        result = await self._place(Side.BUY, self._price((await self._stats()).mark_price * FAR), post_only=True)
        answer = result.outcome.value + (f" ({result.reason})" if result.reason else "")
        if result.outcome is OrderOutcome.ACCEPTED:
            await self._client.order_execution.cancel_order(result.external_id, wait_s=WAIT_S)
        self._notes.settle("Whether far-from-market limit orders (buy ≪ mark) are refused:", f"12 % below: {answer}")
        return answer

    async def buys(self) -> str:
        """The smallest market order, and the messages that tell of it."""
        async with self._recording() as frames:
            result = await self._place(Side.BUY, None)
            order = self._expect(result, OrderStatus.FILLED)
            self._bought += order.filled_qty
            await self._until(lambda: {"TRADE", "POSITION"} <= {frame.get("type") for frame in frames})
        kinds = [str(frame["type"]) for frame in frames if not frame["data"].get("isSnapshot")]
        states = [str(shown.get("status")) for shown in _of_order(frames, result.external_id)]
        self._notes.settle("Relative order of ORDER / TRADE / POSITION / BALANCE messages:", ", ".join(kinds))
        self._notes.settle("Whether a filled IOC emits NEW first:", "yes" if states[:1] == ["NEW"] else f"no: {states}")
        fees = (await self._client.rest.fees(self._notes.market))[0]
        paid = sum((trade.fee for trade in await self._trades(order.id)), Decimal(0))
        value = order.filled_qty * (order.average_price or Decimal(0))
        rate = paid / value if value else Decimal(0)
        price = f"{order.filled_qty} at {order.average_price}"
        return f"{price}; fee {rate:.6f} of its value, the taker's is {fees.taker_fee_rate}"

    async def closes(self) -> str:
        """What was bought is sold with reduce-only."""
        if not self._bought:
            raise StepSkipped("nothing was bought")
        result = await self._place(Side.SELL, None, qty=self._bought, reduce_only=True)
        order = self._expect(result, OrderStatus.FILLED)
        self._bought -= order.filled_qty
        return f"{order.filled_qty} at {order.average_price}"

    async def nothing_left(self) -> str:
        """No order of this check, no position; the exchange's lists may lag."""
        self._market()
        for _ in range(int(WAIT_S / POLL_S)):
            orders, size = await self._left()
            if not orders and not size:
                self._is_clean = True
                return "no order of this check, no position"
            await asyncio.sleep(POLL_S)
        raise StepFailed(f"left on the account: {len(orders)} orders, position {size}")

    async def clean_up(self) -> str:
        """Cancel and close what a failed step has left; return what was done, "" for nothing.

        A position counts as this check's own only up to what it can have bought: there was none when it began.
        """
        if self._rules is None or self._is_clean:
            return ""
        orders, size = await self._left()
        done = []
        for external_id in orders:
            result = await self._client.order_execution.cancel_order(external_id, wait_s=WAIT_S)
            done.append(f"cancelled an order: {result.outcome.value}")
        if 0 < size <= MOST_BOUGHT * self._rules.trading_config.min_order_size:
            result = await self._place(Side.SELL, None, qty=size, reduce_only=True)
            done.append(f"sold {size}: {result.outcome.value}")
        elif size:
            done.append(f"a position of {size} was left as it is")
        return "; ".join(done)

    async def _left(self) -> tuple[list[str], Decimal]:
        """External ids of open orders of this check, and the position in the market."""
        market = self._notes.market
        orders = [order.external_id for order in await self._client.rest.open_orders(market)]
        size = sum((each.signed_size for each in await self._client.rest.positions(market)), Decimal(0))
        return [external_id for external_id in orders if external_id.startswith(self._prefix)], size

    # --- how --------------------------------------------------------------------------------------------------------
    async def _place(
        self, side: Side, price: Decimal | None, *, qty: Decimal | None = None, **options: Any
    ) -> OrderResult:
        rules = self._market()
        result = await self._client.order_execution.place_order(
            rules.name,
            side,
            qty or rules.trading_config.min_order_size,
            price,
            external_id=self._name(),
            wait_s=WAIT_S,
            **options,
        )
        deadline = int(WAIT_S / POLL_S)
        while price is None and result.order is not None and not result.order.status.is_final and deadline > 0:
            deadline -= 1
            await asyncio.sleep(POLL_S)
            result = await self._client.order_execution.outcome_of(result.external_id)
        return result

    def _expect(self, result: OrderResult, status: OrderStatus) -> Any:
        """Return the order. Raises StepFailed where it is not accepted and in this state."""
        if not result.is_accepted or result.order is None:
            raise StepFailed(f"{result.outcome.value}: {result.reason or 'the order did not become visible'}")
        if result.order.status is not status:
            raise StepFailed(f"it is {result.order.status} ({result.order.status_reason}), expected {status}")
        return result.order

    async def _answer(self, external_id: str) -> str:
        try:
            await self._client.rest.cancel_by_external_id(external_id)
        except ApiError as error:
            return f"HTTP {error.status}, code {error.code}"
        except ExtendedError as error:
            return type(error).__name__
        return "success"

    async def _trades(self, order_id: int) -> list[Any]:
        for _ in range(int(WAIT_S / POLL_S)):
            trades = [each for each in await self._client.rest.trades(self._notes.market) if each.order_id == order_id]
            if trades:
                return trades
            await asyncio.sleep(POLL_S)
        raise StepFailed("the fill is not among the account's trades")

    async def _stats(self) -> MarketStats:
        return await self._client.rest.market_stats(self._market().name)

    def _market(self) -> Market:
        if self._rules is None:
            raise StepSkipped("the account cannot trade here")
        return self._rules

    def _must_rest(self) -> OrderResult:
        if self._resting is None:
            raise StepSkipped("no order rests")
        return self._resting

    def _price(self, price: Decimal) -> Decimal:
        return round_price(price, self._market().trading_config.min_price_change, Side.BUY)

    def _name(self) -> str:
        self._count += 1
        return f"{self._prefix}-{self._count}"

    def _recording(self) -> "_Recording":
        return _Recording(stream_url(self._client.domain.stream_url, ACCOUNT_PATH), self._api_key)

    async def _until(self, condition: Callable[[], object]) -> None:
        for _ in range(int(WAIT_S / POLL_S)):
            if condition():
                return
            await asyncio.sleep(POLL_S)


class _Recording:
    """The account's frames as they come, parsed."""

    def __init__(self, url: str, api_key: str) -> None:
        self._stream = WebSocketStream(url, {"X-Api-Key": api_key})
        self._frames: list[Any] = []

    async def __aenter__(self) -> list[Any]:
        self._stream.set_callback(self._frames.append)
        await self._stream.connect()
        return self._frames

    async def __aexit__(self, *_: object) -> None:
        await self._stream.close()


def _of_order(frames: list[Any], external_id: str) -> list[dict[str, Any]]:
    orders = (order for frame in frames for order in (frame.get("data") or {}).get("orders") or ())
    return [order for order in orders if order.get("externalId") == external_id]
