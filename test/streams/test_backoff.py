import pytest
from hypothesis import given
from hypothesis import strategies as st

from hummingbot_extended.streams.backoff import Backoff, ConnectBudget, ConnectBudgets


def highest(low: float, high: float) -> float:
    return high


def test_next_delay_s_doubles_its_ceiling_up_to_30_s():
    backoff = Backoff(uniform=highest)
    assert [backoff.next_delay_s() for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]
    assert repr(backoff) == "<Backoff next wait up to 30 s>"


def test_next_delay_s_draws_from_nothing_to_the_ceiling():
    drawn = []
    backoff = Backoff(uniform=lambda low, high: drawn.append((low, high)) or 0.5)
    assert [backoff.next_delay_s() for _ in range(3)] == [0.5, 0.5, 0.5]
    assert drawn == [(0, 1), (0, 2), (0, 4)]


def test_next_delay_s_falls_back_only_after_a_healthy_period():
    backoff = Backoff(uniform=highest)
    assert [backoff.next_delay_s(live_s=29.9) for _ in range(3)] == [1, 2, 4]
    assert backoff.next_delay_s(live_s=30.0) == 1
    assert backoff.next_delay_s(live_s=0.0) == 2


def test_next_delay_s_honours_what_the_server_asks_for_up_to_its_own_maximum():
    backoff = Backoff(uniform=lambda low, high: 0.1)
    assert backoff.next_delay_s(at_least_s=5.0) == 5.0
    assert backoff.next_delay_s(at_least_s=3600.0) == 30.0


@given(st.lists(st.floats(0, 100), max_size=30), st.randoms())
def test_next_delay_s_stays_within_its_bounds(healthy, random):
    backoff = Backoff(uniform=random.uniform)
    assert all(0 <= backoff.next_delay_s(live_s=h) <= 30 for h in healthy)


@pytest.mark.parametrize("gap", [0.0, 0.1])
def test_reserve_lets_a_burst_pass_and_spaces_the_rest(gap):
    budget = ConnectBudget(burst=3, interval_s=1.0)
    waits = [budget.reserve(100 + i * gap) for i in range(5)]
    assert waits == pytest.approx([0, 0, 0, 1 - 3 * gap, 2 - 4 * gap])
    assert repr(budget) == "<ConnectBudget 3 at once, then one every 1 s>"


@given(st.lists(st.floats(0, 3), min_size=1, max_size=60), st.integers(1, 5), st.floats(0.1, 2))
def test_reserve_never_grants_more_than_its_burst_and_rate(gaps, burst, interval_s):
    """In any span of time there are at most `burst` connects and one more for each interval."""
    budget = ConnectBudget(burst=burst, interval_s=interval_s)
    now, granted = 0.0, []
    for gap in gaps:
        now += gap
        granted.append(now + budget.reserve(now))
    for i, start in enumerate(granted):
        for n, end in enumerate(granted[i:], start=1):
            assert n <= burst + (end - start) / interval_s + 1e-6


def test_what_is_given_back_goes_to_who_asks_next():
    budget = ConnectBudget(burst=1, interval_s=10)
    budget.give_back()  # nothing was reserved
    assert [budget.reserve(0.0), budget.reserve(0.0)] == [0, 10]
    budget.give_back()
    assert budget.reserve(0.0) == 10


def test_budgets_are_shared_by_host():
    budgets = ConnectBudgets(lambda: ConnectBudget(burst=1, interval_s=2))
    assert budgets.of("a") is budgets.of("a")
    assert budgets.of("a") is not budgets.of("b")
