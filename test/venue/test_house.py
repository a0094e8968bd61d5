"""The house on a real engine: the first book, repeatability, a market that closes."""

from decimal import Decimal as D

from hummingbot_extended.venue.book_file import CapturedBook
from hummingbot_extended.venue.engine import Engine
from hummingbot_extended.venue.enums import AccountKind, MarketStatus
from hummingbot_extended.venue.events import BookEvent, PublicTradeEvent
from hummingbot_extended.venue.house import build_house
from test.venue.engine_kit import MARKET, NOW_MS

STEP_MS = 100


def opened(seed: int = 1, book: CapturedBook | None = None) -> tuple[Engine, dict]:
    engine = Engine()
    for spec in engine.queries.market_specs():
        engine.set_prices(spec.name, spec.start_price, spec.start_price, NOW_MS)
    engine.advance(NOW_MS)
    markets = build_house(engine, seed=seed, book=book, habits=None, now_ms=NOW_MS)
    return engine, {market.spec.name: market for market in markets}


def live(engine: Engine, markets: dict, steps: int) -> list:
    """Step all markets, handing book changes back, and return every trade."""
    trades = []
    for step in range(1, steps + 1):
        for market in markets.values():
            market.step(0.1, NOW_MS + step * STEP_MS)
        for event in engine.drain():
            if isinstance(event, BookEvent):
                markets[event.market].book_changed(event.side, event.price)
            elif isinstance(event, PublicTradeEvent):
                trades.append((event.trade.market, event.trade.side, event.trade.price, event.trade.qty))
    return trades


def test_one_seed_is_one_history() -> None:
    lives = []
    for seed in (1, 1, 2):
        engine, markets = opened(seed)
        lives.append((live(engine, markets, 60), engine.queries.book(MARKET)))
    assert lives[0] == lives[1]
    assert lives[0] != lives[2]
    assert len(lives[0][0]) > 20


def test_every_market_trades_on_its_own_grid_and_stays_uncrossed() -> None:
    engine, markets = opened(4)
    trades = live(engine, markets, 150)
    assert {market for market, *_ in trades} == set(markets)
    for spec in engine.queries.market_specs():
        bids, asks = engine.queries.book(spec.name)
        assert bids[0][0] < asks[0][0]
        assert all(price % spec.tick == 0 and size % spec.step == 0 for price, size in bids + asks)


def test_quotes_of_the_model_are_the_houses_open_orders() -> None:
    engine, markets = opened(5)
    live(engine, markets, 100)
    house = [account.id for account in engine.queries.accounts() if account.kind is AccountKind.HOUSE]
    resting = {
        (order.side.value, int(order.price))
        for account in house
        for order in engine.queries.open_orders(account, [MARKET])
    }
    quotes = {(side, ticks) for side, own in markets[MARKET].model.quotes.items() for ticks in own}
    # Fills of the last step are noticed at the next one.
    assert resting <= quotes
    assert len(quotes - resting) < 10


def test_a_captured_book_rests_level_for_level() -> None:
    bids = [(D(84077 - i), D("0.5")) for i in range(300)]
    asks = [(D(84078 + i), D("0.25")) for i in range(300)]
    engine, markets = opened(book=CapturedBook(MARKET, bids, asks))
    assert engine.queries.book(MARKET) == (bids, asks)
    live(engine, markets, 20)
    assert len(engine.queries.book(MARKET)[0]) > 250


def test_a_closed_market_lets_the_house_wait_and_come_back() -> None:
    engine, markets = opened()
    engine.set_market_status(MARKET, MarketStatus.DISABLED, NOW_MS)
    live(engine, markets, 5)
    assert engine.queries.book(MARKET) == ([], [])
    engine.set_market_status(MARKET, MarketStatus.ACTIVE, NOW_MS + 500)
    live(engine, markets, 10)
    assert engine.queries.book(MARKET)[0]
