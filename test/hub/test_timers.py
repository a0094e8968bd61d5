"""One clock for all that is sent at intervals, without a loop."""

import asyncio
import contextlib

from hypothesis import given
from hypothesis import strategies as st

from hummingbot_extended.hub.face_limits import TokenBucket
from hummingbot_extended.hub.timers import GRID_S, Timers
from hummingbot_extended.hub.wires import encode_event


@given(st.lists(st.floats(min_value=0, max_value=10), min_size=1, max_size=30))
def test_each_is_called_once_it_is_due_and_never_before(due: list[float]) -> None:
    timers, called = Timers(lambda: 0.0), []
    for due_s in due:
        timers.add(due_s, lambda now_s, due_s=due_s: called.append((due_s, now_s)))
    now_s: float = 0.0
    while (wait_s := timers.fire(now_s)) is not None:
        now_s += wait_s
    assert sorted(due_s for due_s, _ in called) == sorted(due)
    assert all(due_s - 1e-9 <= now_s <= due_s + GRID_S + 1e-6 for due_s, now_s in called)


def test_what_returns_a_time_is_called_again() -> None:
    timers, called = Timers(lambda: 0.0), []

    def item(now_s: float) -> float | None:
        called.append(round(now_s, 2))
        return now_s + 1 if len(called) < 3 else None

    timers.add(1.0, item)
    for now_s in (0.5, 1.0, 1.5, 2.0, 3.0, 4.0):
        timers.fire(now_s)
    assert called == [1.0, 2.0, 3.0]


def test_what_is_added_while_others_fire_waits_for_its_own_time() -> None:
    timers, called = Timers(lambda: 0.0), []
    timers.add(1.0, lambda now_s: timers.add(now_s, lambda _: called.append("late")))
    timers.fire(1.0)
    timers.fire(1.0 + GRID_S)
    assert called == ["late"]


async def test_an_earlier_time_wakes_the_clock() -> None:
    loop = asyncio.get_running_loop()
    timers, rang = Timers(loop.time), asyncio.Event()
    running = asyncio.create_task(timers.run())
    timers.add(loop.time() + 60, lambda _: None)
    await asyncio.sleep(0)
    timers.add(loop.time() + 0.02, lambda _: rang.set())
    await asyncio.wait_for(rang.wait(), 30)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


@given(st.lists(st.floats(min_value=0, max_value=2), max_size=50))
def test_a_bucket_never_gives_more_than_its_burst_and_rate(pauses: list[float]) -> None:
    bucket, now_s, taken = TokenBucket(2.0, 5, 0.0), 0.0, 0
    for pause_s in pauses:
        now_s += pause_s
        taken += bucket.take(now_s)
    assert taken <= 5 + 2 * now_s + 1e-6


def test_an_event_has_its_id_and_kind() -> None:
    assert encode_event(b"{}", event=b"price", event_id=b"a-1") == b"event: price\nid: a-1\ndata: {}\n\n"
    assert encode_event(b"{}") == b"data: {}\n\n"
