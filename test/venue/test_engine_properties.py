"""Whatever is done to the venue: money is conserved, books are sound, fills add up, and a restart changes nothing."""

import contextlib
import json
import random
from decimal import Decimal as D
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from hummingbot_extended.venue.config import EngineConfig
from hummingbot_extended.venue.engine import Engine
from hummingbot_extended.venue.enums import MarketStatus, Mode, OrderStatus, SelfTradeProtection, Side, TpSlType
from hummingbot_extended.venue.events import AccountTradeEvent, BookEvent, OrderEvent
from hummingbot_extended.venue.orders import Leg, Order
from hummingbot_extended.venue.refusals import Refusal
from test.venue.engine_kit import (
    BUY,
    DAY_MS,
    MARKET,
    NOW_MS,
    SELL,
    conditional,
    leg,
    limit,
    market_order,
    tpsl,
    trigger,
)
from test.venue.oracle import Oracle

OTHER = "SPX500m-USD"
TICKS = {MARKET: (84000, 40), OTHER: (6845, 5)}
MONEY = (1_000_000, 100_000, 20_000, 2_500)
RESTING = (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED)

traders = st.integers(0, 3)
sides = st.sampled_from(Side)
steps = st.integers(-3, 3)
sizes = st.one_of(st.integers(1, 40), st.integers(1, 400)).map(lambda n: D(n) / 100)
flags = st.sampled_from((False, False, False, True))
markets = st.sampled_from((MARKET, MARKET, OTHER))


def command(name: str, *arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.tuples(st.just(name), *arguments)


ORDERS = st.one_of(
    command("limit", traders, markets, sides, sizes, steps, flags, flags, st.sampled_from(SelfTradeProtection)),
    command("market", traders, markets, sides, sizes, steps, flags),
    command(
        "conditional", traders, sides, sizes, steps, st.sampled_from(("UP", "DOWN")), st.sampled_from(("LAST", "MARK"))
    ),
    command("tpsl", traders, sides, sizes, st.sampled_from(TpSlType)),
    command("bracket", traders, sides, sizes, steps, st.sampled_from(TpSlType)),
    command("replace", traders, sizes, steps),
    command("cancel", traders, st.integers(0, 30)),
    command("cancel_all", traders),
)
WORLD = st.one_of(
    command("prices", markets, st.integers(-400, 400)),
    command("accept_later", traders, markets, sides, sizes, steps),
    command("leverage", traders, st.sampled_from((1, 5, 10, 50))),
    command("deposit", traders, st.integers(-5000, 20_000).filter(bool)),
    command("rate", st.integers(-2500, 2500)),
    command("funding"),
    command("advance", st.integers(1, 3 * 3_600_000)),
    command("deleverage", traders, sizes),
    command("mode", st.sampled_from(Mode)),
    command("status", st.sampled_from(MarketStatus)),
)
PLAIN = command("limit", traders, markets, sides, sizes, steps, flags, flags, st.sampled_from(SelfTradeProtection))
CRASH = command("crash", st.just(MARKET), st.sampled_from((-300, -100, 100, 300)))
COMMANDS = st.lists(st.one_of(PLAIN, PLAIN, PLAIN, ORDERS, ORDERS, CRASH, WORLD), min_size=25, max_size=80)


class World:
    """An engine with four traders (two of one client) and a script's commands."""

    def __init__(self) -> None:
        self.engine = Engine(EngineConfig(verify_signatures=False, max_history=100_000))
        self.ids = []
        for number, money in enumerate(MONEY):
            account = self.engine.add_account(
                public_key=1, api_key=f"t{number}", now_ms=NOW_MS, client_id=min(number, 2) + 500
            )
            self.engine.deposit(account.id, D(money), NOW_MS)
            self.ids.append(account.id)
        self.now_ms = NOW_MS
        self.names = 0
        self.pending: list[int] = []
        self.events: list[Any] = []
        for market in TICKS:
            self.prices(market, 0)
        self.engine.drain()

    def run(self, script: tuple[Any, ...]) -> None:
        """Do a command; what the exchange refuses is part of the game."""
        self.now_ms += 1
        with contextlib.suppress(Refusal):
            getattr(self, script[0])(*script[1:])
        self.events = self.engine.drain()

    def _price(self, market: str, step: int) -> int:
        anchor, tick = TICKS[market]
        return anchor + step * tick

    def _send(self, trader: int, request: Any, *, later: bool = False) -> None:
        self.names += 1
        request = replace(request, external_id=f"n{self.names}", expire_ms=self.now_ms + DAY_MS)
        receipt = self.engine.receive_order(self.ids[trader], request, self.now_ms)
        if later:
            self.pending.append(receipt.id)
            return
        self.engine.accept(receipt.id, self.now_ms)

    def limit(self, trader, market, side, qty, step, post_only, reduce_only, level) -> None:
        builder = D("0.0001") if step == 3 else D(0)
        self._send(
            trader,
            limit(
                side, qty, self._price(market, step), market=market, post_only=post_only, reduce_only=reduce_only,
                self_trade_protection=level, builder_fee=builder,
            ),
        )  # fmt: skip

    def market(self, trader, market, side, qty, step, reduce_only) -> None:
        self._send(trader, market_order(side, qty, self._price(market, step), market=market, reduce_only=reduce_only))

    def conditional(self, trader, side, qty, step, direction, source) -> None:
        when = trigger(self._price(MARKET, step), direction, source)
        self._send(trader, conditional(side, qty, self._price(MARKET, step + 1), when))

    def _legs(self, side: Side) -> dict[str, Leg]:
        away = 400 if side is SELL else -400
        mark = int(self.engine.queries.market(MARKET).mark_price)
        return {"take_profit": leg(mark + away, mark + away), "stop_loss": leg(mark - away, mark - away)}

    def tpsl(self, trader, side, qty, kind) -> None:
        whole = kind is TpSlType.POSITION
        self._send(trader, tpsl(side, "0" if whole else qty, kind=kind, **self._legs(side)))

    def bracket(self, trader, side, qty, step, kind) -> None:
        price = self._price(MARKET, step)
        away = 400 if side is BUY else -400
        legs = {"take_profit": leg(price + away, price + away), "stop_loss": leg(price - away, price - away)}
        self._send(trader, limit(side, qty, price, tp_sl_type=kind, **legs))

    def replace(self, trader, qty, step) -> None:
        orders = self.engine.queries.open_orders(self.ids[trader], [MARKET])
        if orders:
            old = orders[0]
            self._send(trader, limit(old.side, qty, self._price(MARKET, step), cancel_id=old.external_id))

    def cancel(self, trader, number) -> None:
        orders = self.engine.queries.open_orders(self.ids[trader])
        if orders:
            order = orders[number % len(orders)]
            for order_id in self.engine.receive_cancel(order.account_id, self.now_ms, order_id=order.id):
                self.engine.execute_cancel(order_id, self.now_ms)

    def cancel_all(self, trader) -> None:
        for order_id in self.engine.receive_mass_cancel(self.ids[trader], self.now_ms, cancel_all=True):
            self.engine.execute_cancel(order_id, self.now_ms)

    def accept_later(self, trader, market, side, qty, step) -> None:
        while self.pending:
            self.engine.accept(self.pending.pop(0), self.now_ms)
        self._send(trader, limit(side, qty, self._price(market, step), market=market), later=True)

    def prices(self, market, step) -> None:
        price = D(self._price(market, step)) + D("0.123456789012")
        self.engine.set_prices(market, price, price + 1, self.now_ms)

    def crash(self, market, step) -> None:
        """The price jumps and comes back."""
        self.prices(market, step)
        self.prices(market, 0)

    def leverage(self, trader, leverage) -> None:
        self.engine.set_leverage(self.ids[trader], MARKET, D(leverage), self.now_ms)

    def deposit(self, trader, amount) -> None:
        self.engine.deposit(self.ids[trader], D(amount), self.now_ms)

    def rate(self, millionths) -> None:
        self.engine.set_funding_rate(MARKET, D(millionths) / 1_000_000, self.now_ms)

    def funding(self) -> None:
        self.engine.apply_funding(self.now_ms)

    def advance(self, by_ms) -> None:
        self.now_ms += by_ms
        self.engine.advance(self.now_ms)

    def deleverage(self, trader, qty) -> None:
        self.engine.deleverage(self.ids[trader], MARKET, qty, self.now_ms)

    def mode(self, mode) -> None:
        self.engine.set_mode(mode, self.now_ms)
        self.engine.set_mode(Mode.NORMAL, self.now_ms)

    def status(self, status) -> None:
        self.engine.set_market_status(OTHER, status, self.now_ms)
        self.engine.set_market_status(OTHER, MarketStatus.ACTIVE, self.now_ms)

    # --------------------------------------------------------------------------------------------------- invariants
    def check_money(self) -> None:
        state = self.engine.floor.state
        equity = sum((self.engine.queries.balance(a.id, 0).equity for a in self.engine.queries.accounts()), D(0))
        assert equity + state.fees_collected + state.builder_fees_collected == state.deposited
        for market in TICKS:
            assert sum(self.engine.floor.size(a.id, market) for a in self.engine.queries.accounts()) == 0

    def check_books(self) -> None:
        orders = list(self.engine.floor.state.open_orders.values())
        for market in TICKS:
            bids, asks = self.engine.queries.book(market)
            assert not (bids and asks) or bids[0][0] < asks[0][0]
            levels = {BUY: dict(bids), SELL: dict(asks)}
            for side in Side:
                sums: dict[D, D] = {}
                for order in orders:
                    if order.market == market and order.side is side and order.status in RESTING:
                        assert order.remaining > 0
                        sums[order.price] = sums.get(order.price, D(0)) + order.remaining
                assert sums == levels[side]

    def check_reduce_only(self) -> None:
        for order in self.engine.floor.state.open_orders.values():
            size = self.engine.floor.size(order.account_id, order.market)
            if order.reduce_only:
                assert size * order.side.sign < 0
                assert order.status is OrderStatus.UNTRIGGERED or order.remaining <= abs(size)


QUICK = settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])


@QUICK
@given(COMMANDS)
def test_money_is_conserved_and_books_are_sound(scripts) -> None:
    world = World()
    for script in scripts:
        world.run(script)
        world.check_money()
        world.check_books()
        world.check_reduce_only()


@QUICK
@given(COMMANDS)
def test_fills_fees_and_balances_agree_with_an_independent_ledger(scripts) -> None:
    world = World()
    oracle = Oracle(world.engine.config.taker_fee)
    for trader, money in zip(world.ids, MONEY, strict=True):
        oracle.cash[trader] += money
    gifts: dict[int, Fraction] = {}
    for script in scripts:
        before = world.engine.floor.state.deposited
        world.run(script)
        oracle.follow(world.events)
        if script[0] == "deposit":
            oracle.cash[world.ids[script[1]]] += Fraction(world.engine.floor.state.deposited - before)
        for account_id in world.ids:
            account = world.engine.queries.account(account_id)
            cost = sum((Fraction(p.cost) for p in account.positions.values()), Fraction(0))
            gift = Fraction(account.balance) - cost - oracle.cash[account_id]
            if gift != gifts.get(account_id, 0):  # only what the insurance fund pays for the insolvent
                assert gift > gifts.get(account_id, 0)
                assert account.balance == 0
                gifts[account_id] = gift
            for market in TICKS:
                assert oracle.sizes[account_id, market] == Fraction(world.engine.floor.size(account_id, market))
    for order_id, event in oracle.last.items():
        order = event.order
        assert Fraction(order.filled_qty) == oracle.filled[order_id]
        assert Fraction(order.filled_value) == oracle.value[order_id]
        assert Fraction(order.fee_paid) == oracle.fees[order_id]
        assert world.engine.queries.order(order.account_id, order_id) == order


@QUICK
@given(COMMANDS, st.integers(0, 60))
def test_a_restart_changes_nothing(scripts, at) -> None:
    world, twin = World(), World()
    for script in scripts[:at]:
        world.run(script)
        twin.run(script)
    state = json.loads(json.dumps(twin.engine.state()))
    twin.engine = Engine.restore(state, twin.engine.config)
    assert twin.engine.state() == world.engine.state()
    for script in scripts[at:]:
        world.run(script)
        twin.run(script)
        assert twin.events == world.events
    assert twin.engine.state() == world.engine.state()


@QUICK
@given(st.lists(st.tuples(st.integers(0, 1), sides, st.integers(1, 5), st.integers(-4, 4), st.booleans()), max_size=60))
def test_trades_are_those_of_a_naive_matcher(scripts) -> None:
    """Two accounts, plain limit and IOC orders: the fills are those of a list searched from front to back."""
    world = World()
    resting: list[list[Any]] = []  # [order id, account, side, price, size] by time
    for number, (trader, side, lots, step, is_ioc) in enumerate(scripts):
        account = world.ids[trader]
        price, left, expected = 84000 + step, lots, []
        order_id = world.engine.floor.state.ids.next_id
        request = limit(side, D(lots) / 1000, price, f"x{number}", self_trade_protection=SelfTradeProtection.DISABLED)
        if is_ioc:
            request = market_order(
                side, D(lots) / 1000, price, f"x{number}", self_trade_protection=SelfTradeProtection.DISABLED
            )
        world.engine.accept(world.engine.receive_order(account, request, NOW_MS).id, NOW_MS)
        while left:
            others = [o for o in resting if o[2] is side.opposite and (price - o[3]) * side.sign >= 0 and o[4]]
            if not others:
                break
            maker = min(others, key=lambda o: o[3] * side.sign)
            taken = min(left, maker[4])
            expected.append((maker[0], D(maker[3]), D(taken) / 1000))
            maker[4], left = maker[4] - taken, left - taken
        if left and not is_ioc:
            resting.append([order_id, account, side, price, left])
        resting = [o for o in resting if o[4]]
        trades = [e.trade for e in world.engine.drain() if isinstance(e, AccountTradeEvent) and not e.trade.is_taker]
        assert [(t.order_id, t.price, t.qty) for t in trades] == expected


def random_script(rng: random.Random) -> tuple[Any, ...]:
    """A command as the strategies above make them, but weighted so that much is traded in a long game."""
    trader, side, market = rng.randrange(4), rng.choice(list(Side)), rng.choice((MARKET, MARKET, MARKET, OTHER))
    qty, step, rare = D(rng.randint(1, 60)) / 100, rng.randint(-3, 3), rng.random() < 0.15
    kind, level = rng.choice(list(TpSlType)), rng.choice(list(SelfTradeProtection))
    orders = [("limit", trader, market, side, qty, step, rare, rng.random() < 0.2, level)] * 12
    orders += [("market", trader, market, side, qty, 3 * side.sign, rare)] * 4
    orders += [("conditional", trader, side, qty, step, rng.choice(("UP", "DOWN")), rng.choice(("LAST", "MARK")))]
    orders += [
        ("tpsl", trader, side, qty, kind),
        ("bracket", trader, side, qty, step, kind),
        ("replace", trader, qty, step),
    ]
    orders += [("cancel", trader, rng.randrange(30))] * 3 + [("cancel_all", trader)]
    world = [("crash", market, rng.choice((-300, -100, -20, 20, 100, 300)))]
    world += [("accept_later", trader, market, side, qty, step), ("leverage", trader, rng.choice((1, 5, 10, 50)))]
    world += [
        ("deposit", trader, rng.choice((-1000, 500, 1000))),
        ("rate", rng.randint(-2500, 2500)),
        ("funding",),
    ]
    world += [("advance", rng.randint(1, 3 * 3_600_000))]
    world += [("deleverage", trader, qty), ("mode", rng.choice(list(Mode)))] if rare else []
    return rng.choice(orders + world)


@pytest.mark.parametrize("seed", [0, 4, 7, 11])  # games in which somebody is liquidated
def test_a_long_game_keeps_all_invariants_and_meets_every_kind_of_trade(seed: int) -> None:
    rng, world, twin = random.Random(seed), World(), World()
    kinds: set[str] = set()
    for number in range(800):
        script = random_script(rng)
        world.run(script)
        twin.run(script)
        kinds |= {e.trade.trade_type.value for e in world.events if isinstance(e, AccountTradeEvent)}
        kinds |= {e.order.status_reason or "" for e in world.events if isinstance(e, OrderEvent)}
        world.check_money()
        world.check_books()
        world.check_reduce_only()
        if number % 100 == 50:
            twin.engine = Engine.restore(json.loads(json.dumps(twin.engine.state())), twin.engine.config)
        assert twin.events == world.events
    assert {"TRADE", "LIQUIDATION", "SELF_TRADE_PROTECTION", "REDUCE_ONLY_FAILED", "TPSL_OTHER_SIDE_FILLED"} <= kinds


def test_the_scripts_reach_what_they_are_meant_to_reach() -> None:
    """A fixed script leads to trades, legs, liquidation and a replaced order: the properties are not empty."""
    world = World()
    seen: list[Any] = []
    for script in [
        ("limit", 0, MARKET, SELL, D(1), 0, False, False, SelfTradeProtection.ACCOUNT),
        ("bracket", 3, BUY, D("0.2"), 0, TpSlType.ORDER),
        ("limit", 3, MARKET, SELL, D("0.1"), 5, False, True, SelfTradeProtection.ACCOUNT),
        ("replace", 0, D("0.5"), 2),
        ("prices", MARKET, -300),
    ]:
        world.run(script)
        seen += world.events
    reasons = {e.order.status_reason for e in seen if isinstance(e, OrderEvent)}
    assert {"ORDER_REPLACED", "ACCOUNT_LIQUIDATION"} <= {reason and reason.value for reason in reasons}
    assert any(isinstance(e, AccountTradeEvent) and e.trade.trade_type == "LIQUIDATION" for e in seen)
    assert any(isinstance(e, BookEvent) for e in seen)
    assert {type(order) for order in world.engine.floor.state.histories[world.ids[3]].orders.values()} == {Order}
