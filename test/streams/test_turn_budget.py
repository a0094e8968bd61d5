"""TurnBudget: what fits into a turn is done in it, the rest in order and fairly in later ones."""

import asyncio
from time import perf_counter

import pytest

from hummingbot_extended.streams.turn_budget import TurnBudget, turn_budget


def work(seconds):
    end = perf_counter() + seconds
    while perf_counter() < end:
        pass


class Clock:
    now_s = 100.0

    def __call__(self):
        return self.now_s


def test_what_a_reader_leaves_is_for_the_next():
    clock = Clock()
    budget = TurnBudget(0.004, clock=clock)
    deadline = budget.deadline()
    assert deadline == clock.now_s + 0.004
    clock.now_s += 0.001
    budget.leave(deadline)
    clock.now_s += 0.003  # nobody reads
    assert budget.deadline() == pytest.approx(clock.now_s + 0.003)
    clock.now_s += 0.001
    assert budget.deadline() == clock.now_s + 0.004  # long after
    assert repr(budget) == "<TurnBudget 4 ms, 0 streams waiting>"


async def test_the_next_turn_has_the_whole_time_again():
    clock = Clock()
    budget = TurnBudget(0.004, clock=clock)
    deadline = budget.deadline()
    clock.now_s += 0.005
    budget.leave(deadline)
    assert budget.deadline() < clock.now_s
    assert await budget.next_turn(served=True) == clock.now_s + 0.004


async def test_nobody_has_time_while_one_waits_for_the_next_turn():
    clock = Clock()
    budget = TurnBudget(0.004, clock=clock)
    waiting = asyncio.create_task(budget.next_turn(served=True))
    await asyncio.sleep(0)
    clock.now_s += 10.0  # the machine paused
    assert budget.deadline() == clock.now_s
    await waiting


async def test_the_loop_is_asked_for_a_turn_only_when_all_is_spent():
    clock, begun = Clock(), []
    budget = TurnBudget(0.004, clock=clock)
    begin = budget._begin_turn
    budget._begin_turn = lambda: (begun.append(clock.now_s), begin())
    for _ in range(10):  # messages of 1 ms, each in a turn of its own
        deadline = budget.deadline()
        while clock.now_s >= deadline - 1e-9:
            deadline = await budget.next_turn(served=False)
        clock.now_s += 0.001
        budget.leave(deadline)
        await asyncio.sleep(0)
    assert len(begun) == 2  # after the fourth and the eighth


async def test_next_turn_lets_those_go_first_who_were_not_served():
    budget, order = TurnBudget(0.002), []

    async def stream(name, messages):
        deadline, served = budget.deadline(), 0
        while messages:
            while perf_counter() >= deadline:
                deadline, served = await budget.next_turn(served=bool(served)), 0
            messages -= 1
            served += 1
            order.append(name)
            work(0.003)
        budget.leave(deadline)

    await asyncio.gather(stream("busy", 3), stream("one", 1), stream("two", 1))
    assert order[0] == "busy"
    assert sorted(order[:3]) == ["busy", "one", "two"]  # "busy" had its share, then the others
    assert order[3:] == ["busy", "busy"]


async def test_a_cancelled_waiter_is_left_out():
    budget = TurnBudget(0)
    waiting, cancelled = (asyncio.create_task(budget.next_turn(served=False)) for _ in range(2))
    for _ in range(20):
        cancelled.cancel()
        await asyncio.sleep(0)
    assert cancelled.cancelled()
    await asyncio.wait_for(waiting, 30)


async def test_a_waiter_that_is_cancelled_as_its_turn_comes_hurts_nobody():
    budget = TurnBudget()
    task = asyncio.create_task(budget.next_turn(served=True))
    other = asyncio.create_task(budget.next_turn(served=True))
    asyncio.get_running_loop().call_soon(task.cancel)  # after both have asked, before the turn ends
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(other, 30)


async def test_next_turn_comes_even_when_nobody_asked_for_time_in_this_one():
    budget = TurnBudget()
    budget.deadline()
    await asyncio.sleep(0)
    await asyncio.wait_for(budget.next_turn(served=True), 30)


async def test_streams_of_a_loop_share_one_budget():
    assert turn_budget() is turn_budget()
