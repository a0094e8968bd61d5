"""A venue's engine with a few accounts, and short ways to trade on it."""

from decimal import Decimal as D
from typing import Any

from msgspec.structs import replace

from hummingbot_extended.venue.accounts import Account
from hummingbot_extended.venue.config import EngineConfig
from hummingbot_extended.venue.engine import Engine
from hummingbot_extended.venue.enums import (
    Direction,
    ExecutionType,
    OrderStatus,
    OrderType,
    PriceSource,
    SelfTradeProtection,
    Side,
    TimeInForce,
    TpSlType,
)
from hummingbot_extended.venue.events import Event, OrderEvent
from hummingbot_extended.venue.orders import Leg, Order, OrderRequest, Settlement, Trigger

BUY, SELL = Side.BUY, Side.SELL
NOW_MS = 1_795_219_200_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
MARKET = "BTC-USD"
MARK = D(84000)


def limit(side: Side, qty: str | D, price: str | int | D | None, name: str = "", **changes: Any) -> OrderRequest:
    """A GTT limit order of one day; `changes` replace any field."""
    values: dict[str, Any] = {
        "external_id": name,
        "market": MARKET,
        "type": OrderType.LIMIT,
        "side": side,
        "qty": D(qty),
        "price": None if price is None else D(price),
        "time_in_force": TimeInForce.GTT,
        "expire_ms": NOW_MS + DAY_MS,
        "fee_rate": D("0.0005"),
        "nonce": 1,
        "self_trade_protection": SelfTradeProtection.ACCOUNT,
        "settlement": None,
    }
    return OrderRequest(**(values | changes))


def market_order(side: Side, qty: str, price: int, name: str = "", **changes: Any) -> OrderRequest:
    """A MARKET order with its worst price."""
    return limit(side, qty, price, name, type=OrderType.MARKET, time_in_force=TimeInForce.IOC, **changes)


def trigger(price: int, direction: str = "UP", source: str = "MARK", execution: str = "LIMIT") -> Trigger:
    return Trigger(
        price=D(price),
        source=PriceSource(source),
        direction=Direction(direction),
        execution=ExecutionType(execution),
    )


def conditional(side: Side, qty: str, price: int, when: Trigger, name: str = "", **changes: Any) -> OrderRequest:
    return limit(side, qty, price, name, type=OrderType.CONDITIONAL, trigger=when, **changes)


def leg(
    trigger_price: int, price: int, source: str = "MARK", execution: str = "LIMIT", settlement: Settlement | None = None
) -> Leg:
    return Leg(
        trigger_price=D(trigger_price),
        source=PriceSource(source),
        price=D(price),
        execution=ExecutionType(execution),
        settlement=settlement,
    )


def tpsl(side: Side, qty: str, name: str = "", kind: TpSlType = TpSlType.ORDER, **changes: Any) -> OrderRequest:
    """A standalone TP/SL order; give `take_profit` and/or `stop_loss`."""
    values = {"type": OrderType.TPSL, "reduce_only": True, "tp_sl_type": kind}
    return limit(side, qty, 0, name, **(values | changes))


class Desk:
    """An engine with prices set, and accounts `a` and `b` (two clients) with 100,000 USD each."""

    def __init__(self, **config: Any) -> None:
        self.now_ms = NOW_MS
        self.engine = Engine(EngineConfig(verify_signatures=False, **config))
        self.a = self.open("a")
        self.b = self.open("b")
        self.mark(MARK)
        self.engine.advance(NOW_MS)
        self.engine.drain()
        self._names = 0

    def open(self, api_key: str, balance: int = 100_000, **more: Any) -> Account:
        account = self.engine.add_account(public_key=1, api_key=api_key, now_ms=self.now_ms, **more)
        if balance:
            self.engine.deposit(account.id, D(balance), self.now_ms)
        return account

    def mark(self, price: D | int, index: D | int | None = None, market: str = MARKET) -> None:
        self.engine.set_prices(market, D(price), D(price if index is None else index), self.now_ms)

    def receive(self, account: Account, request: OrderRequest) -> int:
        """The REST step; an empty external id gets a fresh one."""
        if not request.external_id:
            self._names += 1
            request = replace(request, external_id=f"order-{self._names}")
        return self.engine.receive_order(account.id, request, self.now_ms).id

    def place(self, account: Account, request: OrderRequest) -> Order | None:
        """Both steps; returns what the order became (None: silently nothing)."""
        order_id = self.receive(account, request)
        self.engine.accept(order_id, self.now_ms)
        return self.engine.queries.order(account.id, order_id)

    def order(self, account: Account, order: Order) -> Order:
        found = self.engine.queries.order(account.id, order.id)
        assert found is not None
        return found

    def cancel(self, account: Account, order: Order) -> Order:
        (order_id,) = self.engine.receive_cancel(account.id, self.now_ms, order_id=order.id)
        self.engine.execute_cancel(order_id, self.now_ms)
        return self.order(account, order)

    def trade(self, buyer: Account, seller: Account, qty: str, price: int) -> None:
        """Let two accounts trade with each other: the seller is the maker."""
        self.place(seller, limit(SELL, qty, price))
        bought = self.place(buyer, limit(BUY, qty, price))
        assert bought is not None
        assert bought.status is OrderStatus.FILLED

    def size(self, account: Account, market: str = MARKET) -> D:
        return self.engine.floor.size(account.id, market)

    def told(self, kind: type[Event]) -> list[Any]:
        """The events of one kind since the last call (all others are dropped)."""
        return [event for event in self.engine.drain() if isinstance(event, kind)]

    def statuses(self, account: Account) -> list[tuple[OrderStatus, Any]]:
        """Status and reason of each ORDER event of an account since the last call."""
        events = self.told(OrderEvent)
        return [(e.order.status, e.order.status_reason) for e in events if e.account_id == account.id]

    def money(self) -> D:
        """What must never change but by deposits: everybody's equity and the fees."""
        engine, state = self.engine, self.engine.floor.state
        equities = (engine.queries.balance(a.id, 0).equity for a in engine.queries.accounts())
        return sum(equities, D(0)) + state.fees_collected + state.builder_fees_collected
