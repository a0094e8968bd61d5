"""Money: fees, positions, margin, leverage, balances; every number reckoned by hand."""

from decimal import Decimal as D

import pytest

from hummingbot_extended.venue.enums import PositionSide
from hummingbot_extended.venue.events import AccountTradeEvent, BalanceEvent, PositionEvent
from hummingbot_extended.venue.orders import ZERO
from hummingbot_extended.venue.positions import fill
from hummingbot_extended.venue.records import FeeRates
from hummingbot_extended.venue.refusals import Refusal
from test.venue.engine_kit import BUY, MARKET, NOW_MS, SELL, Desk, limit


@pytest.fixture
def desk() -> Desk:
    return Desk()


def balance(desk: Desk, account):
    return desk.engine.queries.balance(account.id, NOW_MS)


# ---------------------------------------------------------------------------------------------------------------- fees
def test_the_taker_pays_and_the_maker_does_not(desk: Desk) -> None:
    desk.trade(desk.a, desk.b, "0.00123", 84077)
    trades = {e.account_id: e.trade for e in desk.told(AccountTradeEvent)}
    assert trades[desk.a.id].fee == D("0.00123") * 84077 * D("0.00025")
    assert trades[desk.a.id].is_taker
    assert trades[desk.b.id].fee == 0
    assert desk.engine.floor.state.fees_collected == trades[desk.a.id].fee


def test_rates_of_account_and_market_come_before_everybodys(desk: Desk) -> None:
    engine = desk.engine
    everybody = FeeRates(maker=D(0), taker=D("0.00025"))
    assert engine.queries.fees(desk.a.id, MARKET) == everybody
    engine.set_fees(desk.a.id, FeeRates(maker=D("0.0001"), taker=D("0.0003")))
    engine.set_fees(desk.a.id, FeeRates(maker=D("0.0002"), taker=D("0.0004")), "ETH-USD")
    assert engine.queries.fees(desk.a.id, MARKET).taker == D("0.0003")
    assert engine.queries.fees(desk.a.id, "ETH-USD").maker == D("0.0002")
    desk.trade(desk.b, desk.a, "0.01", 84000)
    assert desk.told(AccountTradeEvent)[0].trade.fee == D("840") * D("0.0001")
    with pytest.raises(Refusal):
        engine.set_fees(desk.a.id, everybody, "nope")
    with pytest.raises(Refusal):
        engine.queries.fees(desk.a.id, "nope")


def test_a_builder_fee_comes_on_top_and_is_collected_apart(desk: Desk) -> None:
    desk.place(desk.b, limit(SELL, "0.01", 84000, builder_fee=D("0.0002")))
    desk.place(desk.a, limit(BUY, "0.01", 84000, builder_fee=D("0.0001"), builder_id=7))
    trades = {e.account_id: e.trade for e in desk.told(AccountTradeEvent)}
    assert (trades[desk.a.id].fee, trades[desk.a.id].builder_fee) == (D("0.294"), D("0.084"))
    assert (trades[desk.b.id].fee, trades[desk.b.id].builder_fee) == (D("0.168"), D("0.168"))
    state = desk.engine.floor.state
    assert (state.fees_collected, state.builder_fees_collected) == (D("0.21"), D("0.252"))
    assert desk.money() == 200_000


# ----------------------------------------------------------------------------------------------------------- positions
def test_entry_price_is_the_weighted_mean_and_a_partial_close_realises_its_share(desk: Desk) -> None:
    desk.trade(desk.a, desk.b, "0.01", 84000)
    desk.trade(desk.a, desk.b, "0.03", 84400)
    position = desk.engine.queries.positions(desk.a.id)[0]
    assert (position.open_price, position.size, position.side) == (D(84300), D("0.04"), PositionSide.LONG)
    desk.trade(desk.b, desk.a, "0.01", 84500)
    position = desk.engine.queries.positions(desk.a.id)[0]
    fees = (D("840") + D("2532")) * D("0.00025")
    assert (position.open_price, position.size) == (D(84300), D("0.03"))
    assert position.realised_pnl == D(2) - fees
    assert position.unrealised_pnl == D("0.03") * (84000 - 84300)
    assert balance(desk, desk.a).balance == D(100_002) - fees


def test_a_short_earns_when_the_price_falls(desk: Desk) -> None:
    desk.trade(desk.a, desk.b, "0.02", 84000)
    desk.mark(83000)
    position = desk.engine.queries.positions(desk.b.id, side=PositionSide.SHORT)[0]
    assert (position.size, position.unrealised_pnl) == (D("0.02"), D(20))
    assert desk.engine.queries.positions(desk.b.id, side=PositionSide.LONG) == []
    assert desk.engine.queries.positions(desk.b.id, ["ETH-USD"]) == []


def test_a_flip_closes_one_position_and_opens_another(desk: Desk) -> None:
    desk.trade(desk.a, desk.b, "0.01", 84000)
    desk.engine.drain()
    desk.trade(desk.b, desk.a, "0.03", 84500)
    told = [e.position for e in desk.told(PositionEvent) if e.account_id == desk.a.id]
    assert [(p.is_closed, p.side, p.size) for p in told] == [
        (True, PositionSide.LONG, D("0.01")),
        (False, PositionSide.SHORT, D("0.02")),
    ]
    assert told[0].id != told[1].id
    assert (told[0].value, told[0].margin, told[0].unrealised_pnl, told[0].mid_price_unrealised_pnl) == (0, 0, 0, 0)
    assert told[1].open_price == 84500
    new, old = desk.engine.queries.position_history(desk.a.id).items
    assert (new.id, new.closed_ms, new.exit_price) == (told[1].id, None, None)
    assert (old.exit_type, old.exit_price, old.closed_ms) == ("TRADE", D(84500), NOW_MS)
    assert old.trade_pnl == 5
    assert old.open_fees == -D("0.21")
    assert old.realised_pnl == 5 - D("0.21")


def test_the_fee_of_a_flip_is_shared_between_both_positions() -> None:
    opened = fill(None, MARKET, D("0.01"), D(84000), ZERO, 1, 0).position
    change = fill(opened, MARKET, D("-0.03"), D(84000), D("0.3"), 2, 0)
    assert change.closed.close_fees == D("0.1")
    assert change.position.open_fees == D("0.2")
    assert (change.position.id, change.position.size, change.pnl) == (2, D("-0.02"), ZERO)


def test_a_short_flips_to_a_long_at_the_price_of_the_trade() -> None:
    short = fill(None, MARKET, D("-0.01"), D(84000), ZERO, 1, 0).position
    change = fill(short, MARKET, D("0.03"), D(83000), ZERO, 2, 0)
    assert (change.closed.id, change.closed.size, change.pnl) == (1, D("-0.01"), D(10))
    assert (change.position.id, change.position.size, change.position.cost) == (2, D("0.02"), D(1660))


def test_the_peak_size_outlives_a_partial_close() -> None:
    position = fill(None, MARKET, D("0.05"), D(84000), ZERO, 1, 0).position
    for qty, peak in (("-0.04", "0.05"), ("0.02", "0.05"), ("0.04", "0.07")):
        position = fill(position, MARKET, D(qty), D(84000), ZERO, 1, 0).position
        assert position.peak_size == D(peak)


def test_a_close_that_divides_badly_loses_nothing() -> None:
    position = fill(None, MARKET, D("0.03"), D("84000.1"), ZERO, 1, 0).position
    position = fill(position, MARKET, D("0.04"), D("84001.3"), ZERO, 1, 0).position
    pnl, closed = ZERO, None
    for qty in ("0.01", "0.02", "0.04"):
        change = fill(position, MARKET, -D(qty), D("84002.7"), ZERO, 1, 0)
        position, closed, pnl = change.position, change.closed, pnl + change.pnl
    assert position is None
    assert pnl == D("0.07") * D("84002.7") - D("0.03") * D("84000.1") - D("0.04") * D("84001.3")
    assert closed.trade_pnl == pnl
    assert (closed.peak_size, closed.closed_qty) == (D("0.07"), D("0.07"))


def test_a_position_is_told_once_a_command_and_its_balance_too(desk: Desk) -> None:
    for price in (84000, 84001, 84002):
        desk.place(desk.b, limit(SELL, "0.01", price))
    desk.engine.drain()
    desk.place(desk.a, limit(BUY, "0.03", 84002))
    events = desk.engine.drain()
    assert [e.position.size for e in events if isinstance(e, PositionEvent) and e.account_id == desk.a.id] == [
        D("0.03")
    ]
    assert sum(isinstance(e, BalanceEvent) for e in events) == 2


@pytest.mark.parametrize("pushes", [False, True])
def test_pushes_on_mark_moves_are_a_setting(pushes: bool) -> None:
    desk = Desk(mark_pushes=pushes)
    desk.trade(desk.a, desk.b, "0.01", 84000)
    desk.engine.drain()
    desk.mark(84100)
    assert bool([e for e in desk.engine.drain() if isinstance(e, PositionEvent | BalanceEvent)]) is pushes


# -------------------------------------------------------------------------------------------------------------- margin
def test_the_balance_follows_the_documented_formulas(desk: Desk) -> None:
    desk.trade(desk.a, desk.b, "1", 84000)
    desk.mark(85000)
    desk.place(desk.a, limit(BUY, "0.5", 84000))
    desk.place(desk.a, limit(SELL, "3", 86000))
    view = balance(desk, desk.a)
    assert view.balance == 100_000 - 21
    assert view.unrealised_pnl == 1000
    assert view.equity == 100_979
    assert view.initial_margin == max(85000 + 42000, abs(85000 - 258_000)) / D(10)
    assert view.available_for_trade == 100_979 - 17_300
    assert view.available_for_withdrawal == 100_000 - 21 - 17_300
    assert view.margin_ratio == D(850) / 100_979  # half of the band's 2 %
    assert view.exposure == 85000
    assert view.leverage == D(85000) / 100_979


def test_a_loss_reduces_what_can_be_withdrawn(desk: Desk) -> None:
    desk.trade(desk.a, desk.b, "1", 84000)
    desk.mark(83000)
    assert balance(desk, desk.a).available_for_withdrawal == 100_000 - 21 - 1000 - 8300


def test_an_empty_account_divides_by_nothing(desk: Desk) -> None:
    poor = desk.open("poor", balance=0)
    view = balance(desk, poor)
    assert (view.equity, view.margin_ratio, view.leverage) == (0, 0, 0)


def test_closing_a_position_costs_nothing_even_without_free_margin(desk: Desk) -> None:
    desk.trade(desk.a, desk.b, "5", 84000)
    desk.trade(desk.a, desk.b, "5", 84000)
    assert desk.receive(desk.a, limit(SELL, "20", 84000)) > 0  # to the same size on the other side
    with pytest.raises(Refusal) as refused:
        desk.receive(desk.a, limit(SELL, "22", 84000))
    assert refused.value.code == 1140


def test_an_order_beyond_the_mark_pays_its_open_loss_at_once() -> None:
    desk = Desk()
    poor = desk.open("poor", balance=100)
    at_mark, above = limit(BUY, "0.0119", 84000), limit(BUY, "0.0119", 84200)
    assert desk.receive(poor, at_mark) > 0
    with pytest.raises(Refusal):  # 100.2 of margin and 2.4 of loss
        desk.receive(poor, above)


def test_liquidation_price_is_where_maintenance_meets_equity(desk: Desk) -> None:
    poor = desk.open("poor", balance=1000)
    desk.trade(poor, desk.b, "0.1", 84000)
    position = desk.engine.queries.positions(poor.id)[0]
    price = position.liquidation_price
    equity = balance(desk, poor).equity + D("0.1") * (price - 84000)
    assert abs(equity - D("0.1") * price * D("0.01")) < D("1e-15")
    assert desk.engine.queries.positions(desk.b.id)[0].liquidation_price > 84000
    safe = desk.open("safe")
    desk.trade(safe, desk.b, "0.01", 84000)
    assert desk.engine.queries.positions(safe.id)[0].liquidation_price is None


def test_mid_price_values_a_position_when_there_is_a_mid(desk: Desk) -> None:
    desk.trade(desk.a, desk.b, "0.01", 84000)
    assert desk.engine.queries.positions(desk.a.id)[0].mid_price_unrealised_pnl == 0
    desk.place(desk.b, limit(BUY, "0.01", 84100))
    desk.place(desk.b, limit(SELL, "0.01", 84300))
    assert desk.engine.queries.positions(desk.a.id)[0].mid_price_unrealised_pnl == 2


# ------------------------------------------------------------------------------------------------------------ leverage
@pytest.mark.parametrize(
    ("leverage", "code"),
    [
        ("0.5", 1049),
        ("0", 1049),
        ("51", 1050),
        ("2.555", 1053),
        ("NaN", 1053),
        ("Infinity", 1053),
        ("1e1", None),
        ("2.5", None),
    ],
)
def test_leverage_has_bounds_and_precision(desk: Desk, leverage: str, code: int | None) -> None:
    if code is None:
        assert desk.engine.set_leverage(desk.a.id, MARKET, D(leverage), NOW_MS) == D(leverage)
        assert desk.engine.queries.leverage(desk.a.id, MARKET) == D(leverage)
        return
    with pytest.raises(Refusal) as refused:
        desk.engine.set_leverage(desk.a.id, MARKET, D(leverage), NOW_MS)
    assert refused.value.code == code
    assert desk.engine.queries.leverage(desk.a.id, MARKET) == 10


def test_the_default_leverage_stays_within_the_markets_maximum() -> None:
    desk = Desk(default_leverage=D(30))
    assert desk.engine.queries.leverage(desk.a.id, MARKET) == 30
    assert desk.engine.queries.leverage(desk.a.id, "XAU-USD") == 20


def test_lower_leverage_needs_the_margin(desk: Desk) -> None:
    desk.trade(desk.a, desk.b, "1", 84000)
    desk.engine.drain()
    desk.engine.set_leverage(desk.a.id, MARKET, D(2), NOW_MS)
    assert balance(desk, desk.a).initial_margin == 42000
    assert [e.position.leverage for e in desk.told(PositionEvent)] == [D(2)]
    desk.trade(desk.a, desk.b, "1", 84000)
    with pytest.raises(Refusal) as refused:
        desk.engine.set_leverage(desk.a.id, MARKET, D(1), NOW_MS)
    assert refused.value.code == 1052
    assert desk.engine.queries.leverage(desk.a.id, MARKET) == 2


def test_higher_leverage_has_a_smaller_maximum_position(desk: Desk) -> None:
    rich = desk.open("rich", 100_000_000)
    other = desk.open("other", 100_000_000)
    desk.trade(rich, other, "60", 84000)
    with pytest.raises(Refusal) as refused:
        desk.engine.set_leverage(rich.id, MARKET, D(50), NOW_MS)
    assert refused.value.code == 10501
    assert desk.engine.set_leverage(rich.id, MARKET, D(25), NOW_MS) == 25


# --------------------------------------------------------------------------------------------------- accounts, deposits
def test_withdrawals_take_at_most_what_is_available(desk: Desk) -> None:
    desk.trade(desk.a, desk.b, "1", 84000)
    available = balance(desk, desk.a).available_for_withdrawal
    with pytest.raises(Refusal) as refused:
        desk.engine.deposit(desk.a.id, -available - 1, NOW_MS)
    assert refused.value.code == 1140
    desk.engine.deposit(desk.a.id, -available, NOW_MS)
    assert balance(desk, desk.a).available_for_withdrawal == 0
    assert desk.money() == 200_000 - available
    assert desk.engine.floor.state.deposited == 200_000 - available
    with pytest.raises(Refusal) as refused:
        desk.engine.deposit(desk.a.id, ZERO, NOW_MS)
    assert refused.value.code == 1600
    with pytest.raises(Refusal):
        desk.engine.deposit(3, D(1), NOW_MS)


def test_accounts_have_keys_vaults_and_an_index_within_their_client(desk: Desk) -> None:
    second = desk.open("a2", client_id=desk.a.client_id)
    assert (desk.a.index, second.index, desk.b.index) == (0, 1, 0)
    assert len({account.vault for account in desk.engine.queries.accounts()}) == 4
    assert desk.engine.queries.accounts(desk.a.client_id) == [desk.a, second]
    assert desk.engine.queries.account_by_key("a2") is second
    assert desk.engine.queries.account_by_key("") is None
    assert "a2" not in repr(second)
    for taken in ({"api_key": "a2"}, {"api_key": "new", "vault": desk.a.vault}):
        with pytest.raises(Refusal) as refused:
            desk.engine.add_account(public_key=1, now_ms=NOW_MS, **taken)
        assert refused.value.code == 1009
