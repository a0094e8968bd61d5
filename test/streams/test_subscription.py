"""Subscription alone: its callbacks, its iterator, its end."""

import asyncio

import pytest

from hummingbot_extended.errors import CallbackFailed, InboxFull, SettingsError, StreamClosed
from hummingbot_extended.streams.subscription import MAX_REPORTS, Subscription
from test.until import until


def collector():
    got = []

    async def callback(message):
        got.append(message)

    return got, callback


async def test_callbacks_get_every_message_in_order_one_at_a_time():
    got, running = [], 0

    async def slow(message):
        nonlocal running
        running += 1
        assert running == 1
        await asyncio.sleep(0)
        got.append(message)
        running -= 1

    plain = []
    async with Subscription(callback=slow) as subscription:
        subscription.add_callback(plain.append)
        for n in range(5):
            subscription.deliver(n)
        await until(lambda: plain == [0, 1, 2, 3, 4])
        assert got == plain
        assert subscription.stats.delivered == 5
        assert repr(subscription) == f"<Subscription {subscription.get_id()} active: 0 waiting, 5 delivered>"
    assert "ended" in repr(subscription)


async def test_messages_wait_for_the_first_callback():
    got, callback = collector()
    async with Subscription() as subscription:
        subscription.deliver(1)
        subscription.add_callback(callback)
        subscription.deliver(2)
        await until(lambda: got == [1, 2])


async def test_set_callback_takes_the_place_of_the_others():
    (first, one), (second, two) = collector(), collector()
    async with Subscription(callback=one) as subscription:
        subscription.set_callback(two)
        subscription.deliver(1)
        await until(lambda: second == [1])
        assert first == []


async def test_ids_are_unique():
    assert len({Subscription(name="s").get_id() for _ in range(100)}) == 100


async def test_a_raising_callback_is_reported_and_hurts_nobody():
    got, callback = collector()
    errors = []

    async def raising(message):
        raise ValueError(message)

    async with Subscription(callback=raising, error_callback=errors.append) as subscription:
        subscription.add_callback(callback)
        subscription.deliver(1)
        subscription.deliver(2)
        await until(lambda: got == [1, 2])
    assert [type(error) for error in errors] == [CallbackFailed, CallbackFailed]
    assert isinstance(errors[0].__cause__, ValueError)
    assert "raising raised ValueError" in str(errors[0])
    assert subscription.stats.callback_errors == 2


async def test_without_an_error_callback_a_failure_is_logged(caplog):
    def raising(message):
        raise ValueError

    async with Subscription(callback=raising) as subscription:
        subscription.report(StreamClosed(1006))  # the stream logs its own
        subscription.deliver(1)
        await until(lambda: caplog.records)
    assert [record.levelname for record in caplog.records] == ["WARNING"]


async def test_a_raising_error_callback_is_logged_and_hurts_nobody(caplog):
    got, callback = collector()

    def plain(error):
        raise KeyError

    async def asynchronous(error):
        raise KeyError

    for error_callback in (plain, asynchronous):
        async with Subscription(callback=callback, error_callback=error_callback) as subscription:
            subscription.report(StreamClosed(1006))
            subscription.deliver(1)
            await until(lambda: got and caplog.records)
        assert [record.levelname for record in caplog.records] == ["ERROR"]
        caplog.clear()
        got.clear()


async def test_reports_to_a_slow_error_callback_are_bounded():
    never = asyncio.Event()
    calls = []

    async def slow(error):
        calls.append(error)
        await never.wait()

    async with Subscription(error_callback=slow) as subscription:
        for _ in range(MAX_REPORTS + 10):
            subscription.report(StreamClosed(1006))
        await asyncio.sleep(0)
        assert len(calls) == MAX_REPORTS


async def test_matches_picks_the_messages_and_its_failure_is_the_subscriptions_own():
    got, callback = collector()
    errors = []
    subscription = Subscription(callback=callback, error_callback=errors.append, matches=lambda m: m["kind"] == "a")
    async with subscription:
        for message in ({"kind": "a"}, {"kind": "b"}, {}, {"kind": "a"}):
            subscription.deliver(message)
        await until(lambda: len(got) == 2)
    assert [type(error) for error in errors] == [CallbackFailed]
    assert subscription.stats.received == 2


async def test_iterating_gives_the_messages_until_unsubscribe():
    subscription = Subscription()
    subscription.deliver(1)

    async def collect():
        return [message async for message in subscription]

    collecting = asyncio.create_task(collect())
    await asyncio.sleep(0)
    subscription.deliver(2)
    await until(lambda: subscription.stats.delivered == 2)
    await subscription.unsubscribe()
    assert await collecting == [1, 2]


async def test_iterating_raises_what_ended_the_stream_after_what_waited():
    subscription = Subscription()
    subscription.deliver(1)
    subscription.end(StreamClosed(1011))
    subscription.deliver(2)
    messages = aiter(subscription)
    assert await anext(messages) == 1
    with pytest.raises(StreamClosed):
        await anext(messages)
    assert not subscription.is_active()


async def test_a_subscription_has_either_callbacks_or_an_iterator():
    async with Subscription(callback=print) as subscription:
        with pytest.raises(SettingsError):
            await anext(aiter(subscription))
    async with Subscription() as subscription:
        subscription.deliver(1)
        assert await anext(aiter(subscription)) == 1
        with pytest.raises(SettingsError):
            subscription.add_callback(print)


async def test_unsubscribe_tells_the_stream_once_and_forgets_what_waits():
    released = []

    async def release(subscription):
        released.append(subscription)

    got, callback = collector()
    subscription = Subscription(callback=callback, release=release)
    subscription.deliver(1)
    await subscription.unsubscribe()
    await subscription.unsubscribe()
    subscription.deliver(2)
    subscription.add_callback(callback)
    await asyncio.sleep(0.01)
    assert released == [subscription]
    assert got == []


async def test_unsubscribe_from_a_callback_ends_after_it():
    got = []

    async def callback(message):
        await subscription.unsubscribe()
        got.append(message)

    subscription = Subscription(callback=callback)
    subscription.deliver(1)
    subscription.deliver(2)
    await until(lambda: got == [1])
    await subscription.aclose()
    assert got == [1]


async def test_unsubscribe_cancels_a_callback_that_hangs():
    cancelled = []

    async def hanging(message):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(message)
            raise

    subscription = Subscription(callback=hanging)
    subscription.deliver(1)
    await until(lambda: subscription.stats.delivered == 1)
    await subscription.unsubscribe()
    assert cancelled == [1]


async def test_drop_oldest_reports_once_until_it_has_caught_up():
    errors = []
    async with Subscription(error_callback=errors.append, policy="drop_oldest", limit=2) as subscription:
        for n in range(6):
            subscription.deliver(n)
        assert subscription.stats.dropped == 4
        assert [type(error) for error in errors] == [InboxFull]
        assert errors[0].limit == 2
        got, callback = collector()
        subscription.add_callback(callback)
        await until(lambda: got == [4, 5])
        subscription.set_callback(callback)
        for n in range(6, 9):
            subscription.deliver(n)
        assert len(errors) == 2


async def test_conflate_hands_out_the_newest():
    async with Subscription(policy="conflate", key=lambda m: m[0]) as subscription:
        for message in ("a1", "b1", "a2", "b2"):
            subscription.deliver(message)
        got, callback = collector()
        subscription.add_callback(callback)
        await until(lambda: got == ["a2", "b2"])
        assert subscription.stats.conflated == 2


async def test_error_ends_the_subscription_when_it_overflows():
    errors = []
    subscription = Subscription(error_callback=errors.append, policy="error", limit=2)
    for n in range(4):
        subscription.deliver(n)
    assert not subscription.is_active()
    assert [type(error) for error in errors] == [InboxFull]
    messages = aiter(subscription)
    assert [await anext(messages), await anext(messages)] == [0, 1]
    with pytest.raises(InboxFull):
        await anext(messages)


async def test_block_says_when_it_is_full_and_when_there_is_room_again():
    room = []
    subscription = Subscription(policy="block", limit=2, on_room=room.append)
    subscription.deliver(1)
    assert not subscription.is_full
    subscription.deliver(2)
    assert subscription.is_full
    got, callback = collector()
    subscription.add_callback(callback)
    await until(lambda: got == [1, 2])
    assert room
    assert not subscription.is_full
    await subscription.unsubscribe()
    subscription.discard_waiting()
