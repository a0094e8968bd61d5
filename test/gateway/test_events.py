"""The event engine: order, threads, bounds, a clean stop; and listeners that live in an event loop."""

import asyncio
import threading
import time

import pytest

from hummingbot_extended.gateway.events import AsyncEventListener, Event, EventEngine, EventListener, EventType


class Keeper(EventListener):
    def __init__(self, name="keeper", types=tuple(EventType), does=None):
        super().__init__(name, types)
        self.events, self.threads, self._does = [], set(), does

    def handle_event(self, event):
        self.threads.add(threading.current_thread())
        self.events.append(event)
        if self._does:
            self._does(event)


def numbered(number, event_type=EventType.INFO):
    return Event(event_type, {"n": number})


def test_event_types_are_the_documents():
    assert [(each.name, each.value) for each in EventType] == [
        ("MARKET_DATA", 1),
        ("ORDER_UPDATE", 2),
        ("TRADE_UPDATE", 3),
        ("STRATEGY_UPDATE", 4),
        ("ERROR", 5),
        ("INFO", 6),
        ("SYSTEM", 7),
    ]
    assert str(EventType.MARKET_DATA) == "MARKET_DATA"


def test_event_copies_its_data_compares_by_it_and_cannot_be_hashed():
    data = {"price": 1}
    event = Event(EventType.MARKET_DATA, data, source="s")
    data["price"] = 2
    event.data["price"] = 3
    assert event.data == {"price": 1}
    assert event == Event(EventType.MARKET_DATA, {"price": 1})
    assert event != Event(EventType.INFO, {"price": 1})
    assert event != "event"
    assert (event.source, event.timestamp.tzinfo) == ("s", None)
    assert "MARKET_DATA" in str(event)
    assert str({"price": 1}) in str(event)
    with pytest.raises(TypeError):
        hash(event)


def test_events_put_before_start_are_delivered_in_order_in_one_other_thread():
    engine, keeper = EventEngine(), Keeper()
    engine.register_listener(keeper)
    for number in range(100):
        engine.put(numbered(number, EventType.MARKET_DATA if number % 3 else EventType.INFO))
    assert (engine.is_running(), keeper.events) == (False, [])
    engine.start()
    engine.start()
    engine.stop()
    assert [event.data["n"] for event in keeper.events] == list(range(100))
    assert keeper.threads != {threading.current_thread()}
    assert len(keeper.threads) == 1
    assert engine.is_running() is False
    engine.stop()


def test_engine_starts_again_and_delivers_what_came_meanwhile():
    engine, keeper = EventEngine(), Keeper()
    engine.register_listener(keeper)
    engine.start()
    engine.stop()
    engine.put(numbered(1))
    engine.start()
    engine.stop()
    assert len(keeper.events) == 1


def test_listener_gets_its_types_only_once_registered_until_unregistered():
    engine, some, every = EventEngine(), Keeper("some", [EventType.ERROR]), Keeper()
    for _ in range(2):
        engine.register_listener(some)
    engine.register_listener(every)
    assert engine.get_listeners() == [some, every]
    engine.start()
    engine.put(numbered(1))
    engine.put(numbered(2, EventType.ERROR))
    engine.stop()
    assert [event.data["n"] for event in some.events] == [2]
    assert len(every.events) == 2
    engine.unregister_listener(some)
    engine.unregister_listener(some)
    assert engine.get_listeners() == [every]
    assert some.can_handle_event_type(EventType.ERROR)
    assert not some.can_handle_event_type(EventType.INFO)
    assert EventListener("plain", [EventType.INFO]).handle_event(numbered(1)) is None


@pytest.mark.parametrize("error", [RuntimeError("mine"), SystemExit(1)], ids=["error", "exit"])
def test_listener_that_raises_is_logged_and_harms_nobody(caplog, error):
    def fail(event):
        raise error

    engine, bad, good = EventEngine(), Keeper("bad", does=fail), Keeper("good")
    engine.register_listener(bad)
    engine.register_listener(good)
    engine.start()
    engine.put(numbered(1))
    engine.put(numbered(2))
    engine.stop()
    assert len(good.events) == len(bad.events) == 2
    assert "The listener bad failed" in caplog.text


def test_full_engine_makes_room_among_market_data_and_refuses_without(caplog):
    engine, keeper = EventEngine(max_events=4), Keeper()
    engine.register_listener(keeper)
    for number in range(3):
        engine.put(numbered(number, EventType.MARKET_DATA))
    for number in range(3, 8):
        engine.put(numbered(number, EventType.TRADE_UPDATE))
    assert engine.dropped == 4
    assert "4 waiting, 4 dropped" in repr(engine)
    engine.start()
    engine.stop()
    assert [event.data["n"] for event in keeper.events] == [3, 4, 5, 6]
    assert "The event engine is full" in caplog.text
    with pytest.raises(ValueError, match="at least 1"):
        EventEngine(max_events=0)


def test_stop_from_a_listener_does_not_wait_for_itself():
    engine = EventEngine()
    keeper = Keeper(does=lambda event: engine.stop())
    engine.register_listener(keeper)
    engine.start()
    engine.put(numbered(1))
    deadline = time.monotonic() + 5
    while engine.is_running():
        assert time.monotonic() < deadline
    assert len(keeper.events) == 1


def test_stop_does_not_wait_for_ever_for_a_listener(monkeypatch, caplog):
    monkeypatch.setattr("hummingbot_extended.gateway.events.STOP_TIMEOUT_S", 0.05)
    release = threading.Event()
    engine = EventEngine()
    engine.register_listener(Keeper(does=lambda event: release.wait(5)))
    engine.start()
    engine.put(numbered(1))
    engine.stop()
    assert "has not returned" in caplog.text
    release.set()


class InLoop(AsyncEventListener):
    def __init__(self, **options):
        super().__init__("in loop", [EventType.INFO], **options)
        self.seen, self.gate = [], asyncio.Event()

    async def on_event(self, event):
        await self.gate.wait()
        self.seen.append((event.data["n"], threading.current_thread()))
        if event.data["n"] == 1:
            raise RuntimeError("mine")


async def test_async_listener_gets_events_in_order_in_its_loop_and_survives_its_own_failure(caplog):
    engine = EventEngine()
    async with InLoop() as listener:
        engine.register_listener(listener)
        engine.start()
        for number in range(5):
            engine.put(numbered(number))
        listener.gate.set()
        deadline = asyncio.get_running_loop().time() + 5
        while len(listener.seen) < 5:
            assert asyncio.get_running_loop().time() < deadline
            await asyncio.sleep(0.001)
        assert [number for number, _ in listener.seen] == list(range(5))
        assert {thread for _, thread in listener.seen} == {threading.current_thread()}
    assert "The listener in loop failed" in caplog.text
    engine.put(numbered(9))  # after the block: forgotten
    engine.stop()
    assert len(listener.seen) == 5


async def test_slow_async_listener_loses_with_an_error_in_the_log(caplog):
    async with InLoop(max_events=2) as listener:
        for number in range(10, 16):
            listener.handle_event(numbered(number))
        await asyncio.sleep(0.01)
        listener.gate.set()
    assert "is too slow" in caplog.text
    assert len(listener.seen) <= 3


async def test_plain_async_listener_does_nothing():
    assert await AsyncEventListener("n", [EventType.INFO]).on_event(numbered(1)) is None
