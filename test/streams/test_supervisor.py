"""StreamSupervisor over real sockets: it stays connected, whatever the server does; the server is the witness."""

import asyncio
import json
import logging
from itertools import pairwise
from time import perf_counter

import pytest

from hummingbot_extended.errors import (
    ConnectFailed,
    GaveUp,
    MalformedMessage,
    MessageTooLarge,
    NotConnected,
    RateLimited,
    RequestTimedOut,
    SequenceGap,
    StreamClosed,
    Unauthorized,
)
from hummingbot_extended.streams.backoff import Backoff, ConnectBudget, ConnectBudgets
from hummingbot_extended.streams.headers import SharedHeaders
from hummingbot_extended.streams.sequence import SequenceChecker
from hummingbot_extended.streams.supervisor import StreamState, StreamSupervisor
from hummingbot_extended.streams.transport import StreamRequest
from hummingbot_extended.streams.transport_choice import TransportChoice
from hummingbot_extended.streams.turn_budget import TurnBudget
from test.streams.server import PING, TEXT, accepting, frame, serving
from test.until import until


class Owner:
    """Runs a supervisor and keeps what it says; its clock for backoff is quick."""

    def __init__(self, url, *transports, quick=True, choice=None, **options):
        request = {name: options.pop(name) for name in list(options) if hasattr(StreamRequest, name)}
        self.messages, self.errors, self.losses, self.states, self.delays = [], [], [], [], []
        if quick:
            options.setdefault("backoff", Backoff(first_s=0.01, max_s=0.02))
        options.setdefault("on_message", self.on_message)
        self.supervisor = StreamSupervisor(
            StreamRequest(url=url, **request),
            choice or TransportChoice(transports),
            on_error=self.errors.append,
            on_disconnected=self.losses.append,
            on_state=self.states.append,
            name="the stream",
            **options,
        )

    def on_message(self, text):
        self.messages.append(json.loads(text))

    @property
    def seqs(self):
        return [message["seq"] for message in self.messages]

    async def __aenter__(self):
        self.task = asyncio.create_task(self.supervisor.run())
        return self

    async def __aexit__(self, *_):
        self.task.cancel()
        await asyncio.wait([self.task])
        assert self.supervisor.state is StreamState.CLOSED
        assert not self.supervisor.is_connected


def first_then(first, then=accepting):
    """Script: `first` for the first connection, `then` for all others."""

    async def script(peer):
        await (first if peer.number == 1 else then)(peer)

    return script


async def test_run_hands_out_messages_in_order_until_cancelled(transport):
    async with serving(accepting) as server:
        async with Owner(server.url, transport) as owner:
            await until(lambda: owner.seqs == [1, 2, 3])
            assert owner.supervisor.generation == 1
            assert owner.supervisor.transport_name == transport.name
            assert owner.states == [StreamState.CONNECTING, StreamState.LIVE]
            stats = owner.supervisor.stats
            assert (stats.messages, stats.bytes, stats.errors) == (3, 3 * len('{"seq": 1}'), 0)
            assert repr(owner.supervisor) == (
                f"<StreamSupervisor the stream LIVE over {transport.name}, generation 1: 3 messages, 0 gaps, 0 errors>"
            )
        await until(lambda: server.open_now == 0)
        assert owner.states[-1] is StreamState.CLOSED
        assert server.accepted == 1


async def test_run_is_refused_while_it_runs(transport):
    async with serving(accepting) as server, Owner(server.url, transport) as owner:
        await until(lambda: owner.seqs)
        with pytest.raises(RuntimeError):
            await owner.supervisor.run()
        assert owner.supervisor.state is StreamState.LIVE


async def cut(peer):
    await peer.accept()
    await peer.numbered(3)
    peer.cut()


async def goodbye(peer):
    await peer.accept()
    await peer.numbered(3)
    await peer.say_goodbye(1001)


async def garbage(peer):
    await peer.accept()
    await peer.raw(b"\xff\xff\xff\xff garbage")
    await peer.until_closed()


async def half_open(peer):
    peer.answers_pings = False
    await peer.accept()
    await peer.numbered(3)
    await peer.forever()


async def stall(peer):
    await peer.accept()
    await peer.numbered(3)
    while True:
        await (peer.raw(frame(PING, b"")) if peer.wants_websocket else peer.chunk(b": ping\n\n"))
        await asyncio.sleep(0.02)


async def long_line(peer):
    await peer.accept()
    await peer.send("x" * 200_000)
    await peer.until_closed()


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (cut, StreamClosed),
        (goodbye, StreamClosed),
        (garbage, (MalformedMessage, StreamClosed, ConnectFailed)),  # by how much of it came with the head
        (half_open, StreamClosed),
        (stall, RequestTimedOut),
        (long_line, MessageTooLarge),
        (lambda peer: peer.respond(401), Unauthorized),
        (lambda peer: peer.respond(403), Unauthorized),
        (lambda peer: peer.respond(429), RateLimited),
        (lambda peer: peer.respond(503), ConnectFailed),
        (lambda peer: peer.raw(b"nonsense\r\n\r\n"), ConnectFailed),
        (lambda peer: peer.forever(), ConnectFailed),
    ],
    ids=[
        "cut",
        "goodbye",
        "garbage",
        "half-open",
        "stall",
        "long line",
        "401",
        "403",
        "429",
        "503",
        "no HTTP",
        "mute",
    ],
)
async def test_run_reconnects_after(transport, fault, error):
    limits = {"connect_timeout_s": 0.2, "heartbeat_s": 0.05, "data_timeout_s": 0.3, "max_message_bytes": 100_000}
    async with serving(first_then(fault)) as server, Owner(server.url, transport, **limits) as owner:
        await until(lambda: owner.seqs[-3:] == [1, 2, 3] and server.accepted == 2)
        assert len(owner.errors) == 1
        assert isinstance(owner.errors[0], error)
        assert owner.supervisor.stats.last_error.startswith(type(owner.errors[0]).__name__)
        assert StreamState.BACKOFF in owner.states
        assert server.highest_open <= 2


@pytest.mark.parametrize("code", [1001, 1006, 1008, 1011, 1013])
async def test_run_reconnects_after_close_code(websocket, code):
    async def script(peer):
        await peer.accept()
        await peer.numbered(1)
        if code == 1006:
            peer.cut()
        else:
            await peer.say_goodbye(code)

    async with serving(first_then(script)) as server, Owner(server.url, websocket) as owner:
        await until(lambda: owner.seqs[-3:] == [1, 2, 3])
        assert [error.code for error in owner.losses] == [code]
        assert server.accepted == 2


async def test_run_reconnects_when_the_server_was_not_there(transport):
    async with serving(accepting) as server:
        await server.stop()
        async with Owner(server.url, transport) as owner:
            await until(lambda: len(owner.errors) >= 3)
            assert owner.losses == []
            await server.start(server.port)
            await until(lambda: owner.seqs == [1, 2, 3])


async def test_a_sequence_gap_makes_a_new_connection(transport):
    async def gap(peer):
        await peer.accept()
        await peer.send({"seq": 1}, {"seq": 3}, {"seq": 4})
        await peer.until_closed()

    def on_message(text):
        nonlocal checker
        if owner.supervisor.generation > len(checkers):
            checkers.append(SequenceChecker(1))
        checkers[-1].check(json.loads(text)["seq"])
        owner.on_message(text)

    checker, checkers = None, []
    async with serving(first_then(gap)) as server:
        owner = Owner(server.url, transport, on_message=on_message)
        async with owner:
            await until(lambda: owner.seqs == [1, 1, 2, 3])
            assert isinstance(owner.losses[0], SequenceGap)
            assert owner.supervisor.stats.gaps == 1
            assert server.accepted == 2
            await until(lambda: server.open_now == 1)


async def test_an_exception_of_the_owner_ends_run_and_leaves_nothing_open(transport):
    def on_message(text):
        raise ZeroDivisionError

    async with serving(accepting) as server, Owner(server.url, transport, on_message=on_message) as owner:
        with pytest.raises(ZeroDivisionError):
            await owner.task
        await until(lambda: server.open_now == 0)


async def test_request_reconnect_replaces_the_connection(transport):
    async with serving(accepting) as server, Owner(server.url, transport) as owner:
        owner.supervisor.request_reconnect("not connected yet: nothing to replace")
        await until(lambda: owner.seqs == [1, 2, 3])
        owner.supervisor.request_reconnect("the book is crossed")
        owner.supervisor.request_reconnect("twice")
        await until(lambda: len(owner.seqs) == 6)
        assert "the book is crossed" in str(owner.losses[0])
        assert (server.accepted, owner.supervisor.generation, owner.supervisor.stats.reconnects) == (2, 2, 1)
        await until(lambda: server.open_now == 1)


async def test_on_connected_comes_before_the_first_message_and_its_failure_makes_a_new_connection(transport):
    calls = []

    async def on_connected():
        calls.append(list(owner.messages))
        await asyncio.sleep(0.05)  # the messages are in the socket by now
        assert owner.messages == calls[-1]
        if len(calls) == 1:
            raise ConnectFailed("the account cannot be read")

    async with serving(accepting) as server:
        owner = Owner(server.url, transport, on_connected=on_connected)
        async with owner:
            await until(lambda: owner.seqs == [1, 2, 3])
            assert calls == [[], []]
            assert server.accepted == 2


async def test_send_goes_through_the_connection_or_says_that_there_is_none(websocket):
    async with serving(accepting) as server, Owner(server.url, websocket) as owner:
        with pytest.raises(NotConnected):
            await owner.supervisor.send("early")
        await until(lambda: owner.supervisor.is_connected)
        await owner.supervisor.send("{}")
        await until(lambda: server.peers[0].received == ["{}"])


async def test_the_log_says_once_that_it_went_and_once_that_it_is_back(transport, caplog):
    caplog.set_level(logging.INFO, "hummingbot_extended.streams")

    async def script(peer):
        if peer.number == 1:
            await cut(peer)
        elif peer.number < 5:
            await peer.respond(503)
        else:
            await accepting(peer)

    async with serving(script) as server, Owner(server.url, transport) as owner:
        await until(lambda: owner.seqs[-3:] == [1, 2, 3] and server.accepted == 5)
        await until(lambda: len(caplog.records) == 2)
    down, up = caplog.records
    assert (down.levelname, down.getMessage()[:45]) == ("WARNING", "the stream is down, reconnecting: the stream ")
    assert up.levelname == "INFO"
    assert up.getMessage().startswith("the stream is back after ")


async def test_silence_makes_it_stale_and_a_message_live_again(transport):
    go_on = asyncio.Event()

    async def script(peer):
        await peer.accept()
        await peer.numbered(1)
        await go_on.wait()
        await peer.numbered(1, first=2)
        await peer.until_closed()

    async with serving(script) as server, Owner(server.url, transport, stale_after_s=0.05) as owner:
        await until(lambda: owner.supervisor.state is StreamState.STALE)
        assert owner.supervisor.is_connected
        go_on.set()
        await until(lambda: owner.supervisor.state is StreamState.LIVE)
        assert owner.seqs == [1, 2]
        await until(lambda: owner.supervisor.state is StreamState.STALE)
        assert owner.supervisor.stats.stalls == 2
        assert server.accepted == 1


async def test_without_a_data_deadline_silence_is_nothing(transport):
    async with serving(accepting) as server, Owner(server.url, transport, data_timeout_s=None) as owner:
        await until(lambda: owner.seqs == [1, 2, 3])
        await asyncio.sleep(0.1)
        assert owner.supervisor.state is StreamState.LIVE
        assert server.accepted == 1


# --- waiting ----------------------------------------------------------------------------------------------------------
class Sleeps:
    """A sleep that takes no time and remembers."""

    def __init__(self):
        self.delays = []

    async def __call__(self, delay_s):
        self.delays.append(delay_s)
        await asyncio.sleep(0)


def ceiling(low, high):
    return high


async def test_backoff_grows_over_failures_and_over_connections_that_do_not_hold(transport):
    """Accepting and cutting at once is not health: the wait goes on growing."""

    async def script(peer):
        if peer.number % 2:
            await peer.respond(503)
        else:
            await cut(peer)

    sleeps = Sleeps()
    options = {"sleep": sleeps, "backoff": Backoff(uniform=ceiling), "data_timeout_s": None}
    async with serving(script) as server, Owner(server.url, transport, **options):
        await until(lambda: server.accepted >= 8)
    assert sleeps.delays[:7] == [1, 2, 4, 8, 16, 30, 30]


async def test_backoff_starts_again_after_a_healthy_period_and_a_gap_is_then_repaired_at_once(transport):
    """The clock jumps 31 s between messages, so that each connection was healthy when it ends."""
    now, heard = 0.0, 0

    def on_message(text):
        nonlocal now, heard
        now, heard = now + 31, heard + 1
        if json.loads(text)["seq"] == 3 and len(endings) < 3:
            endings.append("gap")
            raise SequenceGap(3, 4)

    async def script(peer):
        await peer.accept()
        for seq in (1, 2, 3)[: 3 if peer.number > 3 else 2]:
            before = heard
            await peer.send({"seq": seq})
            await until(lambda: heard > before)  # noqa: B023  # of those that come together the time is one
        if peer.number <= 3:
            peer.cut()
        else:
            await peer.until_closed()

    endings, sleeps = [], Sleeps()
    options = {"sleep": sleeps, "backoff": Backoff(uniform=ceiling), "data_timeout_s": None, "clock": lambda: now}
    async with serving(script) as server, Owner(server.url, transport, on_message=on_message, **options):
        await until(lambda: server.accepted >= 7)
    assert sleeps.delays[:6] == [1, 1, 1, 0, 0, 0]


async def test_an_idle_connection_that_stood_was_healthy_and_one_given_up_for_its_silence_was_not(transport):
    """An account may say nothing for days: its stream must not come back later each time."""
    now = 0.0

    async def idle_then_cut(peer):
        nonlocal now
        await peer.accept()
        await until(lambda: len(welcomed) == peer.number)
        now += 31
        if peer.number <= 3:
            peer.cut()
        else:
            owner.supervisor.request_reconnect("it is silent")
            await peer.until_closed()

    async def connected():
        welcomed.append(now)

    welcomed, sleeps = [], Sleeps()
    options = {"sleep": sleeps, "backoff": Backoff(uniform=ceiling), "data_timeout_s": None, "clock": lambda: now}
    async with serving(idle_then_cut) as server:
        async with Owner(server.url, transport, on_connected=connected, **options) as owner:
            await until(lambda: len(sleeps.delays) >= 6)
    assert sleeps.delays[:6] == [1, 1, 1, 2, 4, 8]


async def test_a_second_cancel_while_it_closes_leaves_no_connection(transport):
    def on_message(text):
        supervisor.pause()

    async with serving(accepting) as server:
        owner = Owner(server.url, transport, on_message=on_message)
        supervisor = owner.supervisor
        async with owner:
            await until(lambda: supervisor.is_connected and server.open_now == 1)
            owner.task.cancel()
            await asyncio.sleep(0)
            owner.task.cancel()
            await asyncio.wait([owner.task])
            await until(lambda: server.open_now == 0)


async def test_it_waits_as_long_as_the_server_asks(transport):
    async def script(peer):
        if peer.number == 1:
            await peer.respond(429, Retry_After="7")
        elif peer.wants_websocket:
            await cut(peer)
        else:
            await peer.accept()
            await peer.chunk(b'retry: 9000\ndata: {"seq": 1}\n\n')
            await peer.say_goodbye()

    sleeps = Sleeps()
    backoff = Backoff(uniform=lambda low, high: 0.5)
    options = {"sleep": sleeps, "backoff": backoff, "data_timeout_s": None}
    async with serving(script) as server, Owner(server.url, transport, **options):
        await until(lambda: server.accepted >= 3)
    assert sleeps.delays[:2] == [7, 9 if transport.name == "sse" else 0.5]


async def test_streams_of_one_host_share_its_budget_of_connects(transport):
    sleeps = Sleeps()
    budgets = ConnectBudgets(lambda: ConnectBudget(burst=2, interval_s=10))
    async with serving(accepting) as server:
        owners = [Owner(server.url, transport, budgets=budgets, sleep=sleeps, data_timeout_s=None) for _ in range(4)]
        for owner in owners:
            await owner.__aenter__()
        await until(lambda: server.accepted == 4)
        for owner in owners:
            await owner.__aexit__()
    assert sleeps.delays == pytest.approx([10, 20], abs=0.5)


async def test_a_stream_that_is_stopped_before_its_turn_leaves_it_to_others(transport):
    budget = ConnectBudget(burst=1, interval_s=1e6)
    budget.reserve(0.0)
    options = {"budgets": ConnectBudgets(lambda: budget), "clock": lambda: 0.0}
    async with serving(accepting) as server:
        for _ in range(3):
            async with Owner(server.url, transport, **options) as owner:
                await until(lambda: owner.states)
        assert budget.reserve(0.0) == 1e6
        assert server.accepted == 0


async def test_it_gives_up_only_when_told_to(transport):
    async with serving(lambda peer: peer.respond(503)) as server:
        async with Owner(server.url, transport, max_attempts=3) as owner:
            with pytest.raises(GaveUp) as caught:
                await owner.task
            assert caught.value.attempts == 3
            assert isinstance(caught.value.__cause__, ConnectFailed)
        assert server.accepted == 3


async def test_attempts_are_counted_in_a_row(transport):
    async def script(peer):
        await (cut(peer) if peer.number % 2 else peer.respond(503))

    async with serving(script) as server, Owner(server.url, transport, max_attempts=2) as owner:
        await until(lambda: server.accepted >= 8)
        assert not owner.task.done()


async def test_it_ends_when_an_event_stream_has_nothing_more(sse):
    async with serving(first_then(goodbye, lambda peer: peer.respond(204))) as server:
        async with Owner(server.url, sse) as owner:
            with pytest.raises(StreamClosed, match="nothing more"):
                await owner.task
        assert server.accepted == 2


async def test_an_event_stream_resumes_where_it_was(sse):
    async def script(peer):
        await peer.accept()
        await peer.chunk(b'id: 17\ndata: {"seq": 1}\n\n')
        await peer.say_goodbye()

    async with serving(script) as server, Owner(server.url, sse):
        await until(lambda: server.accepted == 2)
    assert [peer.headers.get("last-event-id") for peer in server.peers[:2]] == [None, "17"]


# --- headers ----------------------------------------------------------------------------------------------------------
def token_server(valid):
    async def script(peer):
        if peer.headers.get("authorization") not in valid:
            await peer.respond(401)
        else:
            await accepting(peer)

    return script


async def test_headers_are_asked_at_every_connect(transport):
    asked = []

    async def headers():
        asked.append(1)
        return {"Authorization": f"token-{len(asked)}"}

    async with serving(first_then(cut)) as server, Owner(server.url, transport, headers=headers) as owner:
        await until(lambda: server.accepted == 2 and len(owner.seqs) == 6)
        assert [peer.headers["authorization"] for peer in server.peers] == ["token-1", "token-2"]


async def test_a_refusal_refreshes_shared_headers_once_and_tries_again_at_once(transport):
    fetched = []

    async def fetch():
        fetched.append(1)
        await asyncio.sleep(0.01)
        return {"Authorization": f"token-{len(fetched)}"}

    sleeps, headers = Sleeps(), SharedHeaders(fetch)
    options = {"headers": headers, "sleep": sleeps, "data_timeout_s": None}
    async with serving(token_server({"token-2"})) as server:
        owners = [Owner(server.url, transport, **options) for _ in range(10)]
        for owner in owners:
            await owner.__aenter__()
        await until(lambda: all(owner.seqs == [1, 2, 3] for owner in owners))
        for owner in owners:
            await owner.__aexit__()
    assert len(fetched) == 2
    assert server.accepted == 20
    assert sleeps.delays == []
    assert all(owner.errors == [] for owner in owners)


async def test_a_key_that_stays_wrong_is_reported_and_tried_again_with_backoff(transport):
    async def headers():
        return {"Authorization": "wrong"}

    sleeps = Sleeps()
    options = {"headers": headers, "sleep": sleeps, "backoff": Backoff(uniform=ceiling), "data_timeout_s": None}
    async with serving(token_server({"right"})) as server, Owner(server.url, transport, **options) as owner:
        await until(lambda: len(owner.errors) >= 3)
        assert all(isinstance(error, Unauthorized) for error in owner.errors)
    assert sleeps.delays[:3] == [1, 2, 4]


async def test_close_code_4001_refreshes_the_headers_at_once_but_does_not_storm(websocket):
    fetched = []

    async def fetch():
        fetched.append(1)
        return {"Authorization": f"token-{len(fetched)}"}

    async def script(peer):
        await peer.accept()
        await peer.say_goodbye(4001)

    sleeps = Sleeps()
    headers = SharedHeaders(fetch)
    options = {"headers": headers, "sleep": sleeps, "backoff": Backoff(uniform=ceiling), "data_timeout_s": None}
    async with serving(script) as server, Owner(server.url, websocket, **options):
        await until(lambda: server.accepted >= 4)
    assert sleeps.delays[:3] == [0, 2, 4]
    assert [peer.headers["authorization"] for peer in server.peers[:3]] == ["token-1", "token-2", "token-3"]


async def test_a_failing_provider_is_a_failed_connect_that_names_no_secret(transport):
    calls = []

    async def headers():
        calls.append(1)
        if len(calls) == 1:
            raise KeyError("secret-token")
        if len(calls) == 2:
            raise ConnectFailed("the token server is down")
        return {}

    async with serving(accepting) as server, Owner(server.url, transport, headers=headers) as owner:
        await until(lambda: owner.seqs == [1, 2, 3])
        assert [str(error) for error in owner.errors] == [
            "the headers provider failed (KeyError)",
            "the token server is down",
        ]


async def test_a_provider_that_hangs_is_a_failed_connect(transport):
    calls = []

    async def headers():
        calls.append(1)
        if len(calls) == 1:
            await asyncio.Event().wait()
        if len(calls) == 2:
            raise TimeoutError  # its own
        return {}

    options = {"headers": headers, "connect_timeout_s": 2.0}
    async with serving(accepting) as server, Owner(server.url, transport, **options) as owner:
        await until(lambda: owner.seqs == [1, 2, 3])
        assert [str(error) for error in owner.errors] == [
            "the headers provider gave nothing within 2 s",
            "the headers provider failed (TimeoutError)",
        ]


async def test_headers_that_cannot_be_sent_are_a_failed_connect_and_the_provider_is_asked_again(transport):
    given = iter([{"Authorization": "secret\r\nline"}, {"Authorization": 7}, {}])

    async def headers():
        return next(given)

    async with serving(accepting) as server, Owner(server.url, transport, headers=headers) as owner:
        await until(lambda: owner.seqs == [1, 2, 3])
        assert [type(error) for error in owner.errors] == [ConnectFailed, ConnectFailed]
        assert all("cannot be sent" in str(error) and "secret" not in str(error) for error in owner.errors)


# --- choice of transport ----------------------------------------------------------------------------------------------
def only(name):
    """Script: a server that speaks one transport."""

    async def script(peer):
        if ("websocket" if peer.wants_websocket else "sse") in name:
            await accepting(peer)
        else:
            await peer.respond(400)

    return script


async def test_auto_takes_the_next_transport_and_remembers_it(websocket, sse, caplog):
    caplog.set_level(logging.INFO, "hummingbot_extended.streams")
    choice = TransportChoice([websocket, sse])
    async with serving(only("sse")) as server, Owner(server.url, choice=choice) as owner:
        await until(lambda: owner.seqs == [1, 2, 3])
        owner.supervisor.request_reconnect("test")
        await until(lambda: len(owner.seqs) == 6)
        assert [peer.wants_websocket for peer in server.peers] == [True, False, False]
        assert owner.supervisor.transport_name == "sse"
        assert f"127.0.0.1:{server.port}: sse" in repr(choice)
        async with Owner(server.url, choice=choice) as other:
            await until(lambda: other.seqs == [1, 2, 3])
            assert server.accepted == 4


async def test_auto_returns_to_the_better_transport_without_dropping_the_live_one(websocket, sse, caplog):
    caplog.set_level(logging.INFO, "hummingbot_extended.streams")
    choice = TransportChoice([websocket, sse], retry_better_after_s=0.1)
    async with serving(only("sse")) as server, Owner(server.url, choice=choice) as owner:
        await until(lambda: sum(peer.wants_websocket for peer in server.peers) >= 3)
        assert owner.seqs == [1, 2, 3]
        assert owner.losses == []
        server.script = only("websocket")
        await until(lambda: owner.supervisor.transport_name == "websocket" and len(owner.seqs) == 6)
        assert owner.losses == owner.errors == []
        assert (owner.supervisor.generation, owner.supervisor.stats.errors) == (2, 0)
        assert StreamState.BACKOFF not in owner.states
        await until(lambda: server.open_now == 1)
    assert [record.getMessage() for record in caplog.records] == ["the stream streams over websocket now"]


async def test_closing_while_a_better_transport_opens_leaves_nothing_open(websocket, sse):
    async def script(peer):
        if peer.wants_websocket and peer.number > 2:
            await peer.accept()
            owner.task.cancel()
            await peer.until_closed()
        else:
            await only("sse")(peer)

    choice = TransportChoice([websocket, sse], retry_better_after_s=0.05)
    async with serving(script) as server:
        owner = Owner(server.url, choice=choice)
        async with owner:
            await asyncio.wait([owner.task])
        await until(lambda: server.open_now == 0)


# --- the loop's time --------------------------------------------------------------------------------------------------
async def test_a_storm_does_not_hold_the_loop(transport):
    """Ten streams get 100 messages of 1 ms at once, a second of work; a turn of the loop takes 5 ms of it, no more."""

    async def script(peer):
        await peer.accept()
        await storm.wait()
        if peer.wants_websocket:
            await peer.raw(frame(TEXT, b"{}") * 100)
        else:
            await peer.chunk(b"data: {}\n\n" * 100)
        await peer.until_closed()

    count = 0

    def on_message(text):
        nonlocal count
        count += 1
        end = perf_counter() + 0.001
        while perf_counter() < end:
            pass

    storm, handled = asyncio.Event(), [0]  # at the end of each turn of the loop
    async with serving(script) as server:
        turns = TurnBudget(0.005)
        owners = [Owner(server.url, transport, on_message=on_message, turns=turns) for _ in range(10)]
        for owner in owners:
            await owner.__aenter__()
        await until(lambda: all(owner.supervisor.is_connected for owner in owners))
        storm.set()
        while handled[-1] < 1000:
            await asyncio.sleep(0)
            handled.append(count)
        for owner in owners:
            await owner.__aexit__()
    # 6, and twice that where the machine paused in the middle of a turn; without the budget hundreds.
    assert max(after - before for before, after in pairwise(handled)) <= 12


async def test_a_paused_stream_hands_out_nothing_and_loses_nothing(transport):
    def on_message(text):
        owner.on_message(text)
        owner.supervisor.pause()

    async with serving(accepting) as server:
        owner = Owner(server.url, transport, on_message=on_message)
        async with owner:
            for count in (1, 2, 3):
                await until(lambda count=count: len(owner.seqs) == count)
                await asyncio.sleep(0.01)
                assert len(owner.seqs) == count
                owner.supervisor.resume()
            assert owner.seqs == [1, 2, 3]
