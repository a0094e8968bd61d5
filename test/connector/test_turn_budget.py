"""The budget of a loop turn: order, slices, overflow."""

import asyncio
from time import perf_counter

from hummingbot_extended.connector.turn_budget import Lane, TurnBudget


def busy(seconds: float) -> None:
    until = perf_counter() + seconds
    while perf_counter() < until:
        pass


def overflow_is_wrong() -> None:
    raise AssertionError("the lane overflowed")


async def test_messages_within_the_budget_are_handled_at_once() -> None:
    handled: list[object] = []
    lane = Lane(TurnBudget(10), handled.append, on_overflow=overflow_is_wrong)
    lane.submit("1")
    lane.submit("2")
    assert handled == ["1", "2"]


async def test_a_storm_is_drained_in_slices_that_leave_the_loop_free() -> None:
    budget = TurnBudget(0.002)
    handled: list[object] = []

    def slow(message: object) -> None:
        busy(0.001)
        handled.append(message)

    lanes = [Lane(budget, slow, on_overflow=overflow_is_wrong) for _ in range(30)]
    for number, lane in enumerate(lanes):
        lane.submit(f"snapshot {number}")
        lane.submit(f"delta {number}")
    longest = 0.0
    while len(handled) < 60:
        turn = perf_counter()
        await asyncio.sleep(0)
        longest = max(longest, perf_counter() - turn)
    assert longest < 0.03, "one turn handled far more than its budget"
    for number in range(30):
        assert handled.index(f"snapshot {number}") < handled.index(f"delta {number}")
    assert not any(len(lane) for lane in lanes)
    assert repr(budget) == "<TurnBudget 2 ms, 0 lanes waiting>"


async def test_a_message_never_overtakes_one_that_waits() -> None:
    budget = TurnBudget(0.001)
    handled: list[object] = []
    first = Lane(budget, lambda _: busy(0.002), on_overflow=overflow_is_wrong)
    lane = Lane(budget, handled.append, on_overflow=overflow_is_wrong)
    first.submit("x")
    for number in range(5):
        lane.submit(str(number))
    assert handled == []
    await asyncio.sleep(0)
    lane.submit("5")
    while len(handled) < 6:
        await asyncio.sleep(0)
    assert handled == ["0", "1", "2", "3", "4", "5"]


async def test_a_lane_that_is_full_is_emptied_and_reported() -> None:
    budget = TurnBudget(0.0)
    handled: list[object] = []
    overflows: list[int] = []
    lane = Lane(budget, handled.append, on_overflow=lambda: overflows.append(1), max_waiting=3)
    for number in range(4):
        lane.submit(str(number))
    assert overflows == [1]
    assert len(lane) == 0
    lane.submit("4")
    for _ in range(5):
        await asyncio.sleep(0)
    assert handled == ["4"], "a turn handles at least one message, whatever the budget"


async def test_clearing_while_handling_forgets_the_rest() -> None:
    budget = TurnBudget(0.001)
    handled: list[object] = []

    def handle(message: object) -> None:
        handled.append(message)
        if message == "bad":
            lane.clear()

    lane = Lane(budget, handle, on_overflow=overflow_is_wrong)
    budget.spend(1.0)
    lane.submit("bad")
    lane.submit("later")
    for _ in range(5):
        await asyncio.sleep(0)
    assert handled == ["bad"]
