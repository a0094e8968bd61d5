"""TurnBudget: what fits into a turn is done in it, the rest in order and fairly in later ones."""

import asyncio
from time import perf_counter

import pytest

from hummingbot_extended.streams.turn_budget import TurnBudget, turn_budget


def work(seconds):
    end = perf_counter() + seconds
    while perf_counter() < end:
        pass


async def test_a_turn_is_spent_after_its_time_and_new_in_the_next_turn():
    budget = TurnBudget(0.002)
    assert not budget.spent()
    work(0.003)
    assert budget.spent()
    await asyncio.sleep(0)
    assert not budget.spent()
    assert repr(budget) == "<TurnBudget 2 ms, 0 streams waiting>"


async def test_next_turn_lets_those_go_first_who_were_not_served():
    budget, order = TurnBudget(0.002), []

    async def stream(name, messages):
        served = 0
        while messages:
            while budget.spent():
                await budget.next_turn(served=bool(served))
                served = 0
            messages -= 1
            served += 1
            order.append(name)
            work(0.003)

    await asyncio.gather(stream("busy", 3), stream("one", 1), stream("two", 1))
    assert order[0] == "busy"
    assert sorted(order[:3]) == ["busy", "one", "two"]  # "busy" had its share, then the others
    assert order[3:] == ["busy", "busy"]


async def test_a_cancelled_waiter_is_left_out():
    budget = TurnBudget(0)
    budget.spent()
    waiting = asyncio.create_task(budget.next_turn(served=False))
    await asyncio.sleep(0)
    budget.spent()
    waiting_too = asyncio.create_task(budget.next_turn(served=False))
    waiting_too.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting_too
    await asyncio.wait_for(waiting, 1)


async def test_next_turn_comes_even_when_nobody_asked_for_time_in_this_one():
    budget = TurnBudget()
    budget.spent()
    await asyncio.sleep(0)
    await asyncio.wait_for(budget.next_turn(served=True), 1)


async def test_streams_of_a_loop_share_one_budget():
    assert turn_budget() is turn_budget()
