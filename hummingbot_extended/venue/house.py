"""The house: the venue's own makers and takers, carrying out on the engine what the market models decide."""

import random
from collections.abc import Iterable
from decimal import Decimal

from hummingbot_extended.venue.book_file import CapturedBook
from hummingbot_extended.venue.engine import Engine
from hummingbot_extended.venue.enums import (
    AccountKind,
    OrderType,
    SelfTradeProtection,
    Side,
    TimeInForce,
)
from hummingbot_extended.venue.market_maker import BUY, SELL, Action, Habits, MarketModel, Quote, Take, Withdraw
from hummingbot_extended.venue.markets import MarketSpec
from hummingbot_extended.venue.orders import OrderRequest
from hummingbot_extended.venue.refusals import Refusal

HOUSE_FUNDS = Decimal(10) ** 12
MAKERS = 5  # accounts that share a market's quotes: the exchange allows 200 open orders per account and market
ORDER_LIFE_MS = 20 * 86_400_000
FIRST_LEVELS = 400  # of a captured book, each side
SEARCH_DEPTH = 80  # levels a taker looks at
PRICE_EVERY_S = 1.0  # of market time, between two mark and index prices


class EngineBook:
    """A market's book as the models see it, in ticks and lots."""

    def __init__(self, engine: Engine, spec: MarketSpec) -> None:
        self._engine = engine
        self._spec = spec

    def levels(self, side: str) -> Iterable[tuple[int, int]]:
        """Yield (ticks, lots) of a side, best first."""
        bids, asks = self._engine.queries.book(self._spec.name, SEARCH_DEPTH)
        for price, size in bids if side == BUY else asks:
            yield int(price / self._spec.tick), int(size / self._spec.step)


class HouseMarket:
    """One market's model with the engine orders behind its quotes."""

    def __init__(self, engine: Engine, spec: MarketSpec, model: MarketModel, makers: list[int], taker: int) -> None:
        self.spec = spec
        self.model = model
        self._engine = engine
        self._makers = makers
        self._taker = taker
        self._book = EngineBook(engine, spec)
        self._orders: dict[tuple[str, int], tuple[int, int]] = {}  # (side, ticks) → (account, order)
        self._touched: set[tuple[str, int]] = set()
        self._serial = 0
        self._since_prices_s = 0.0

    def open_with(self, book: CapturedBook, now_ms: int) -> None:
        """Rest the captured book's levels as quotes of the makers."""
        for side, levels in ((BUY, book.bids), (SELL, book.asks)):
            for price, qty in levels[:FIRST_LEVELS]:
                ticks = int(price / self.spec.tick)
                self._carry_out(Quote(side, ticks, int(qty / self.spec.step)), now_ms)
        self.model.most_quotes = FIRST_LEVELS

    def open_with_ladder(self, now_ms: int) -> None:
        """Rest the model's first ladder."""
        for action in self.model.opening():
            self._carry_out(action, now_ms)

    def adopt(self, orders: Iterable[tuple[int, int, Side, Decimal, Decimal]]) -> None:
        """Take over quotes that a restored engine holds: (account, order, side, price, remaining)."""
        for account_id, order_id, side, price, remaining in orders:
            ticks = int(price / self.spec.tick)
            self._orders[side.value, ticks] = account_id, order_id
            self.model.adopt(side.value, ticks, int(remaining / self.spec.step))

    def step(self, dt_s: float, now_ms: int) -> None:
        """Let the model act once, `dt_s` of market time after the last step."""
        self._sync()
        for action in self.model.step(dt_s, self._book):
            self._carry_out(action, now_ms)
        self._since_prices_s += dt_s
        if self._since_prices_s >= PRICE_EVERY_S:
            self._since_prices_s = 0.0
            self.publish_prices(now_ms)

    def book_changed(self, side: Side, price: Decimal) -> None:
        """Note that a level changed: a quote of the house there may be filled."""
        self._touched.add((side.value, int(price / self.spec.tick)))

    def _sync(self) -> None:
        """Tell the model which of its quotes are gone since the last step."""
        for side, ticks in self._touched & self._orders.keys():
            account_id, order_id = self._orders[side, ticks]
            order = self._engine.queries.order(account_id, order_id)
            if order is None or order.status.is_final:
                del self._orders[side, ticks]
                self.model.adopt(side, ticks, 0)
        self._touched.clear()

    def publish_prices(self, now_ms: int) -> None:
        """Set the engine's mark and index price to the model's."""
        prices = self.model.prices
        self._engine.set_prices(self.spec.name, Decimal(f"{prices.mark:.12f}"), Decimal(f"{prices.index:.12f}"), now_ms)

    def _carry_out(self, action: Action, now_ms: int) -> None:
        match action:
            case Quote(side, ticks, lots):
                account_id = self._makers[self._serial % len(self._makers)]
                order_id = self._submit(account_id, side, ticks, lots, TimeInForce.GTT, now_ms)
                if order_id is not None:
                    self._orders[side, ticks] = account_id, order_id
                    self.model.adopt(side, ticks, lots)
            case Withdraw(side, ticks):
                held = self._orders.pop((side, ticks), None)
                self.model.adopt(side, ticks, 0)
                if held is not None:
                    self._engine.execute_cancel(held[1], now_ms)
            case Take(side, ticks, lots):
                self._submit(self._taker, side, ticks, lots, TimeInForce.IOC, now_ms)

    def _submit(self, account_id: int, side: str, ticks: int, lots: int, life: TimeInForce, now_ms: int) -> int | None:
        self._serial += 1
        request = OrderRequest(
            external_id=f"house-{self.spec.name}-{self._serial}-{now_ms}",
            market=self.spec.name,
            type=OrderType.LIMIT,
            side=Side(side),
            qty=self.spec.step * lots,
            price=self.spec.tick * ticks,
            time_in_force=life,
            expire_ms=now_ms + ORDER_LIFE_MS,
            fee_rate=Decimal("0.001"),
            nonce=self._serial,
            self_trade_protection=SelfTradeProtection.ACCOUNT,
            settlement=None,
        )
        try:
            receipt = self._engine.receive_order(account_id, request, now_ms, is_signed=False)
        except Refusal:
            return None  # outside the price band after a jump, or the market is closed: the house just waits
        self._engine.accept(receipt.id, now_ms)
        return receipt.id


def build_house(
    engine: Engine, *, seed: int, book: CapturedBook | None, habits: Habits | None, now_ms: int
) -> list[HouseMarket]:
    """Open the house's accounts and markets on a fresh or restored engine and rest the first quotes.

    Each market draws from a generator of its own, seeded by `seed` and its name, so that what happens on one does not
    change the others.
    """
    accounts = {a.api_key: a.id for a in engine.queries.accounts() if a.kind is AccountKind.HOUSE}
    names = [*(f"house-maker-{n}" for n in range(MAKERS)), "house-taker"]
    for number, name in enumerate(names):
        if name not in accounts:
            account = engine.add_account(
                public_key=number + 1, api_key=name, now_ms=now_ms, kind=AccountKind.HOUSE, description=name
            )
            engine.deposit(account.id, HOUSE_FUNDS, now_ms)
            accounts[name] = account.id
    makers, taker = [accounts[name] for name in names[:-1]], accounts[names[-1]]
    opened = []
    for spec in engine.queries.market_specs():
        if not spec.is_rfq:
            first = book if book and book.market == spec.name else None
            opened.append(_open_market(engine, spec, seed, first, habits, makers, taker, now_ms))
    return opened


def _open_market(
    engine: Engine,
    spec: MarketSpec,
    seed: int,
    book: CapturedBook | None,
    habits: Habits | None,
    makers: list[int],
    taker: int,
    now_ms: int,
) -> HouseMarket:
    anchor = book.mid if book else engine.queries.market(spec.name).index_price
    model = MarketModel(
        anchor=float(anchor),
        tick=float(spec.tick),
        lot=float(spec.step),
        min_lots=int(spec.min_size / spec.step),
        rng=random.Random(f"{seed} {spec.name}"),
        habits=habits,
    )
    market = HouseMarket(engine, spec, model, makers, taker)
    resting = [
        (order.account_id, order.id, order.side, order.price, order.remaining)
        for maker in makers
        for order in engine.queries.open_orders(maker, [spec.name])
        if order.price is not None
    ]
    if resting:
        market.adopt(resting)
        return market
    engine.set_prices(spec.name, Decimal(f"{anchor:.12f}"), Decimal(f"{anchor:.12f}"), now_ms)
    if book:
        market.open_with(book, now_ms)
    else:
        market.open_with_ladder(now_ms)
    return market
