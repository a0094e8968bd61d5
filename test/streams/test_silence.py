"""Silence: a wait that is too long ends, many short ones do not, and nobody else's cancellation is swallowed."""

import asyncio

import pytest

from hummingbot_extended.streams.silence import Silence


async def test_a_wait_that_is_too_long_ends_with_a_timeout_error_and_the_next_may_begin():
    silence = Silence(0.01)
    for _ in range(3):
        with pytest.raises(TimeoutError), silence:
            await asyncio.sleep(60)
    assert asyncio.current_task().cancelling() == 0
    silence.stop()


async def test_short_waits_do_not_add_up_and_share_one_timer():
    loop, silence, set_ = asyncio.get_running_loop(), Silence(30), []
    call_at = loop.call_at
    loop.call_at = lambda *args, **options: set_.append(args) or call_at(*args, **options)
    for _ in range(50):
        with silence:
            await asyncio.sleep(0)
    assert len(set_) == 1
    silence._since_s -= 30  # as if they had taken as long as one may, all together
    silence.stop()
    with silence:
        silence._look()
        await asyncio.sleep(0)
    silence.stop()


async def test_the_timer_that_fires_between_two_waits_ends_neither():
    silence = Silence(0.01)
    with silence:
        pass
    await asyncio.sleep(0.02)
    with silence:
        await asyncio.sleep(0)
    assert repr(silence) == "<Silence of 0.01 s, idle>"
    silence.stop()
    silence.stop()


async def test_what_the_wait_raises_passes_through():
    silence = Silence(60)
    with pytest.raises(ZeroDivisionError), silence:
        raise ZeroDivisionError
    silence.stop()


@pytest.mark.parametrize("also_expired", [True, False])
async def test_a_cancellation_by_somebody_else_is_not_swallowed(also_expired):
    silence = Silence(60)

    async def wait():
        with silence:
            await asyncio.sleep(60)

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    if also_expired:
        silence._since_s -= 60
        silence.stop()
        silence._look()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    silence.stop()


async def test_without_a_timeout_nothing_is_watched():
    silence = Silence(None)
    with silence:
        await asyncio.sleep(0)
    assert silence._timer is None
    silence.stop()


async def test_only_a_task_can_wait():
    silence, raised = Silence(60), asyncio.get_running_loop().create_future()

    def outside():
        try:
            with silence:
                pass
        except RuntimeError as error:
            raised.set_result(error)

    asyncio.get_running_loop().call_soon(outside)
    assert str(await raised) == "only a task can wait"
