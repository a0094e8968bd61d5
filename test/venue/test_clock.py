"""The venue's clock and its delayed work."""

import asyncio
import time

from hummingbot_extended.venue.clock import Clock, DelayQueue
from test.until import until


def test_the_clock_is_the_machines_and_never_before_the_saved_state() -> None:
    assert abs(Clock().now_ms() - time.time() * 1000) < 100
    ahead = int(time.time() * 1000) + 5_000_000
    assert Clock(ahead).now_ms() >= ahead


async def test_calls_happen_in_the_order_in_which_they_were_put_even_when_the_delay_shrinks() -> None:
    queue, done = DelayQueue(), []
    queue.put(40, lambda: done.append(1))
    queue.put(0, lambda: done.append(2))
    queue.put(10, lambda: done.append(3))
    await asyncio.sleep(0.015)
    assert done == []
    await until(lambda: len(done) == 3)
    assert done == [1, 2, 3]
    assert len(queue) == 0


async def test_a_flush_makes_every_waiting_call_now() -> None:
    queue, done = DelayQueue(), []
    queue.put(60_000, lambda: done.append(1))
    queue.put(60_000, lambda: done.append(2))
    queue.flush()
    assert done == [1, 2]
    queue.flush()


async def test_calls_that_fall_due_later_are_waited_for() -> None:
    queue, done = DelayQueue(), []
    queue.put(5, lambda: done.append(1))
    queue.put(60, lambda: done.append(2))
    await until(lambda: done == [1])
    await until(lambda: done == [1, 2])
