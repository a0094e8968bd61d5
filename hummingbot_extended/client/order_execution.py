"""`client.order_execution`: orders with a known outcome, and the streams that tell what becomes of them."""

import asyncio
import time
import uuid
from decimal import Decimal
from typing import Any, Unpack

from hummingbot_extended.client.account import AccountStreams
from hummingbot_extended.client.events import Fill, OrderUpdate
from hummingbot_extended.client.feeds import StreamOptions
from hummingbot_extended.client.order_result import OrderOutcome, OrderResult
from hummingbot_extended.client.order_search import OrderSearch, result_of
from hummingbot_extended.client.trader import Trader
from hummingbot_extended.errors import ConnectFailed, ExtendedError, NotFound, Outcome, RequestTimedOut, SettingsError
from hummingbot_extended.exchange.endpoints import Domain
from hummingbot_extended.exchange.enums import OrderType, Side, TimeInForce
from hummingbot_extended.exchange.models import Market, Order, OrderTpSl
from hummingbot_extended.exchange.order_search import find_order
from hummingbot_extended.exchange.orders import ExitLeg, NewOrder, signed_body
from hummingbot_extended.exchange.rest import ExtendedRest
from hummingbot_extended.exchange.rounding import market_price, round_to_multiple
from hummingbot_extended.exchange.signing import NonceSource
from hummingbot_extended.streams.subscription import Callback, ErrorCallback, Subscription

IN_CALL_S = 5.0  # how long a command looks for its own outcome before it returns UNKNOWN
POLL_S = 0.1
DEFAULT_EXPIRY_S = 28 * 86_400.0 - 3600.0  # inside the testnet's maximum, the shorter one (API reference §4.2)
MARKET_SLIPPAGE = Decimal("0.0075")  # what the exchange's own interface takes (API reference §4.1)
MARKET_BAND = Decimal("0.048")  # of the 0.05 that is allowed: the mark moves while the order travels


class OrderExecution:
    """Signed orders. HTTP 200 means received (API reference §4.10): an order's life is on `stream_order_updates`.

    Commands return an `OrderResult`: accepted, rejected, or unknown where no reply came. Unknown ones are looked for by
    external id, 5 s in the call and then in the background; `outcome_of` tells the end. They raise SettingsError where
    an argument is wrong (nothing was sent) and what REST raises where rules, fees or the account cannot be read before.
    Cancelling `place_order` leaves its outcome unknown: it is looked for in the background.
    """

    def __init__(
        self, rest: ExtendedRest, domain: Domain, trader: Trader, search: OrderSearch, streams: AccountStreams
    ) -> None:
        self._rest = rest
        self._domain = domain
        self._trader = trader
        self._search = search
        self._streams = streams
        self._nonces = NonceSource()

    async def stream_order_updates(
        self,
        callback: Callback | None = None,
        error_callback: ErrorCallback | None = None,
        **options: Unpack[StreamOptions],
    ) -> Subscription:
        """Stream `OrderUpdate`s: open orders first (`is_snapshot`), then every change; REST tells of outages."""
        return await self._streams.subscribe(OrderUpdate, callback, error_callback, **options)

    async def stream_fills(
        self,
        callback: Callback | None = None,
        error_callback: ErrorCallback | None = None,
        **options: Unpack[StreamOptions],
    ) -> Subscription:
        """Stream the account's `Fill`s, each trade id once; outages are caught up by REST."""
        return await self._streams.subscribe(Fill, callback, error_callback, **options)

    async def place_order(
        self,
        market: str,
        side: Side | str,
        qty: Decimal,
        price: Decimal | None = None,
        *,
        post_only: bool = False,
        reduce_only: bool = False,
        time_in_force: TimeInForce | str = TimeInForce.GTT,
        external_id: str | None = None,
        expiry_s: float = DEFAULT_EXPIRY_S,
        wait_s: float = 0.0,
        **extras: Any,
    ) -> OrderResult:
        """Place an order: LIMIT at `price`, or MARKET without one (at most 0.75 % through the book, inside the band).

        `qty` (base) and `price` must be on the market's grid. `extras` are fields of `NewOrder` (trigger, take_profit,
        stop_loss, tp_sl_type, cancel_id, self_trade_protection, builder_id …). With `wait_s` the call waits up to so
        long for the matching engine's word, so that a late rejection is a rejection here.
        """
        rules = await self._trader.market(market)
        is_market = price is None
        side = Side(side)
        limit_price = await self._market_price(rules, side) if price is None else price
        _check_grid("price", limit_price, rules.trading_config.min_price_change)
        _check_grid("qty", qty, rules.trading_config.min_order_size_change)
        order = NewOrder(
            market=market,
            side=side,
            qty=qty,
            price=limit_price,
            fee_rate=await self._trader.fee_rate(market, maker=post_only),
            expiry_ms=int((time.time() + expiry_s) * 1000),
            nonce=self._nonces(),
            external_id=external_id or f"hbx-{uuid.uuid4().hex}",
            **{"type": OrderType.MARKET if is_market else OrderType.LIMIT, **extras},
            time_in_force=TimeInForce.IOC if is_market else TimeInForce(time_in_force),
            post_only=post_only,
            reduce_only=reduce_only,
        )
        return await self._place(order, rules, wait_s)

    async def replace_order(
        self,
        external_id: str,
        *,
        price: Decimal | None = None,
        qty: Decimal | None = None,
        new_external_id: str | None = None,
        wait_s: float = 0.0,
    ) -> OrderResult:
        """Replace an open LIMIT order in one step by one with another price, size (base) or both.

        The new one keeps what is not named: the size that is not filled yet, time in force, expiry, take-profit and
        stop-loss. Where the exchange refuses the new one at once, the old one stays; where its matching engine does,
        both are gone (API reference §4.9). Raises NotFound when there is no such order, SettingsError when it has
        ended.
        """
        old = await find_order(self._rest, external_id=external_id)
        if old.type is not OrderType.LIMIT or old.price is None:
            raise SettingsError(f"{external_id} is a {old.type} order; replace_order is for LIMIT orders")
        if old.status.is_final:
            raise SettingsError(f"{external_id} is {old.status} already; there is nothing to replace")
        expiry_s = DEFAULT_EXPIRY_S if old.expire_time_ms is None else old.expire_time_ms / 1000 - time.time()
        return await self.place_order(
            old.market,
            old.side,
            old.qty - old.filled_qty if qty is None else qty,
            old.price if price is None else price,
            post_only=old.post_only,
            reduce_only=old.reduce_only,
            time_in_force=TimeInForce.GTT if old.time_in_force is TimeInForce.UNKNOWN else old.time_in_force,
            expiry_s=expiry_s,
            external_id=new_external_id,
            wait_s=wait_s,
            cancel_id=external_id,
            tp_sl_type=old.tp_sl_type,
            take_profit=_leg_of(old.take_profit),
            stop_loss=_leg_of(old.stop_loss),
        )

    async def cancel_order(
        self, external_id: str = "", *, order_id: int | None = None, wait_s: float = 0.0
    ) -> OrderResult:
        """Ask to cancel an order by its external or its exchange id. Accepted: received, or it is cancelled already.

        Rejected where the exchange knows no such open order. With `wait_s` the call waits up to so long for the end,
        and `order` is the order then; a fill may have come first. A cancel of unknown outcome is repeated for 5 s.
        """
        if not external_id and order_id is None:
            raise SettingsError("cancel_order needs an external_id or an order_id")
        deadline_s = time.monotonic() + IN_CALL_S
        while True:
            result = await self._cancel_once(external_id, order_id)
            if result.outcome is not OrderOutcome.UNKNOWN or time.monotonic() >= deadline_s:
                break
            await asyncio.sleep(POLL_S)
        if not result.is_accepted or wait_s <= 0:
            return result
        order = await self._wait(external_id, order_id, wait_s, until=lambda order: order.status.is_final)
        return (
            result
            if order is None
            else OrderResult(
                outcome=OrderOutcome.ACCEPTED, external_id=order.external_id, order_id=order.id, order=order
            )
        )

    async def outcome_of(self, external_id: str, timeout_s: float = 60.0) -> OrderResult:
        """Return what became of an order by its external id; UNKNOWN where `timeout_s` is not enough to know."""
        return await self._search.result(external_id, timeout_s)

    @property
    def unresolved(self) -> tuple[str, ...]:
        """External ids of orders whose outcome is still looked for."""
        return self._search.external_ids

    # --- how --------------------------------------------------------------------------------------------------------
    async def _place(self, order: NewOrder, rules: Market, wait_s: float) -> OrderResult:
        external_id = order.external_id or ""
        body = signed_body(order, rules, await self._trader.signer())
        self._search.sent(external_id)
        try:
            receipt = await self._rest.place_order(body)
        except asyncio.CancelledError:
            self._search.start(external_id, RequestTimedOut(f"order {external_id}: nobody waited for the reply"))
            raise
        except ExtendedError as error:
            # ConnectFailed: nothing was sent.
            if error.outcome is Outcome.REJECTED or isinstance(error, ConnectFailed):
                return OrderResult(outcome=OrderOutcome.REJECTED, external_id=external_id, error=error)
            self._search.start(external_id, error)
            return await self._search.result(external_id, IN_CALL_S, error)
        if wait_s > 0:
            found = await self._wait(external_id, receipt.id, wait_s, until=lambda _: True)
            if found is not None:
                return result_of(found)
        return OrderResult(outcome=OrderOutcome.ACCEPTED, external_id=external_id, order_id=receipt.id)

    async def _cancel_once(self, external_id: str, order_id: int | None) -> OrderResult:
        try:
            if order_id is not None:
                await self._rest.cancel_order(order_id)
            else:
                await self._rest.cancel_by_external_id(external_id)
        except ExtendedError as error:
            outcome = OrderOutcome.REJECTED if error.outcome is Outcome.REJECTED else OrderOutcome.UNKNOWN
            return OrderResult(outcome=outcome, external_id=external_id, order_id=order_id, error=error)
        return OrderResult(outcome=OrderOutcome.ACCEPTED, external_id=external_id, order_id=order_id)

    async def _wait(self, external_id: str, order_id: int | None, wait_s: float, until: Any) -> Order | None:
        """Read the order until it is as wanted; None when `wait_s` is over, the last state where there is one."""
        deadline_s = time.monotonic() + wait_s
        found: Order | None = None
        while True:
            try:
                found = await find_order(self._rest, external_id=external_id, order_id=order_id)
            except NotFound:
                pass  # not visible yet
            except ExtendedError as error:
                if error.outcome is Outcome.REJECTED:
                    return found  # it will not be told: what is known of the command counts
            if (found is not None and until(found)) or time.monotonic() >= deadline_s:
                return found
            await asyncio.sleep(POLL_S)

    async def _market_price(self, rules: Market, side: Side) -> Decimal:
        stats = await self._rest.market_stats(rules.name)
        best = stats.ask_price if side is Side.BUY else stats.bid_price
        return market_price(
            side,
            best if best > 0 else stats.mark_price,
            stats.mark_price,
            slippage=MARKET_SLIPPAGE,
            band=MARKET_BAND,
            tick=rules.trading_config.min_price_change,
        )


def _leg_of(told: OrderTpSl | None) -> ExitLeg | None:
    """Return a take-profit or stop-loss as it is sent. Raises SettingsError where not all of it is told."""
    if told is None:
        return None
    if told.price is None:
        raise SettingsError("the exchange does not tell the price of this order's take-profit or stop-loss")
    return ExitLeg(
        trigger_price=told.trigger_price,
        trigger_price_type=told.trigger_price_type,
        price=told.price,
        price_type=told.price_type,
    )


def _check_grid(name: str, value: Decimal, step: Decimal) -> None:
    if not isinstance(value, Decimal) or not value.is_finite() or value <= 0:
        raise SettingsError(f"{name} must be a Decimal above 0, not {value!r}")
    nearest = round_to_multiple(value, step, "ROUND_HALF_EVEN")
    if nearest != value:
        raise SettingsError(f"{name} {value} is not a multiple of {step}; the nearest is {nearest}")
