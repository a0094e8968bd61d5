from dataclasses import dataclass

import pytest

from hummingbot_extended.errors import SettingsError
from hummingbot_extended.streams.transport_choice import TransportChoice


@dataclass(frozen=True)
class Named:
    name: str


WEBSOCKET, SSE = Named("websocket"), Named("sse")
URL, OTHER_URL = "https://a.example/x", "https://b.example/x"


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.mark.parametrize(
    ("setting", "may_use_sse", "expected"),
    [
        ("auto", True, [WEBSOCKET, SSE]),
        ("auto", False, [WEBSOCKET]),
        ("websocket", True, [WEBSOCKET]),
        ("websocket", False, [WEBSOCKET]),
        ("sse", True, [SSE]),
    ],
)
def test_of_gives_the_transports_of_a_setting(setting, may_use_sse, expected):
    choice = TransportChoice.of(setting, websocket=WEBSOCKET, sse=SSE, may_use_sse=may_use_sse)
    assert choice.in_order(URL) == expected


@pytest.mark.parametrize(("setting", "may_use_sse"), [("sse", False), ("carrier pigeon", True)])
def test_of_refuses_what_cannot_be(setting, may_use_sse):
    with pytest.raises(SettingsError):
        TransportChoice.of(setting, websocket=WEBSOCKET, sse=SSE, may_use_sse=may_use_sse)


def test_a_choice_needs_a_transport():
    with pytest.raises(SettingsError):
        TransportChoice([])


def test_what_worked_for_a_host_comes_first_there():
    choice = TransportChoice([WEBSOCKET, SSE])
    assert choice.in_order(URL) == [WEBSOCKET, SSE]
    assert not choice.succeeded(URL, SSE)
    assert choice.in_order(URL) == [SSE, WEBSOCKET]
    assert choice.in_order(OTHER_URL) == [WEBSOCKET, SSE]
    assert choice.succeeded(URL, WEBSOCKET)
    assert not choice.succeeded(URL, WEBSOCKET)
    assert choice.in_order(URL) == [WEBSOCKET, SSE]
    assert repr(choice) == "<TransportChoice websocket > sse; a.example: websocket>"
    assert choice.best is WEBSOCKET


def test_the_better_one_is_due_once_for_all_streams_of_a_host():
    clock = Clock()
    choice = TransportChoice([WEBSOCKET, SSE], retry_better_after_s=600, clock=clock)
    choice.succeeded(URL, SSE)
    assert choice.better_due_in_s(URL) == 600
    clock.now = 700
    assert choice.better_due_in_s(URL) == 0
    choice.tries_better(URL)
    assert choice.better_due_in_s(URL) == 600
    choice.succeeded(URL, WEBSOCKET)
    assert choice.better_due_in_s(URL) == 0
