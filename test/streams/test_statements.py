"""Proof that every statement on streams, and every fault to withstand, has a test, and that nobody else opens one.

A test carries the numbers that it shows in its name: `m16` is statement M16 and `b04` is fault C-B4 of
reference/streaming-systems.md §3.
"""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

import hummingbot_extended

ROOT = Path(__file__).parents[2]
PACKAGE = Path(hummingbot_extended.__file__).parent

# What the misbehaving server does (issue 3 §4.1), and the test that shows that it is withstood.
MISBEHAVIOUR = {
    "cuts the connection": "test_receive_takes_a_cut_for_1006",
    "stalls": "test_data_silence_is_told_from_transport_death",
    "leaves it half open": "test_a_peer_that_is_gone_is_noticed_by_its_missing_heartbeat",
    "sends garbage": "test_receive_names_what_is_no_message",
    "refuses with 401": "test_open_tells_refusals_apart_and_never_names_the_key",
    "closes with 1001, 1006, 1008, 1013": "test_run_reconnects_after_close_code",
    "splits frames and UTF-8 anywhere": "test_receive_survives_any_splitting_of_bytes",
    "sends a line of 200 KB": "test_receive_takes_a_long_line",
}

# Who may call aiohttp's `ws_connect`: the layer, and the adapter that has Hummingbot's assistants do it for the layer.
OPENERS = {"streams/aiohttp_transport.py", "connector/transport.py"}


@cache
def names_of_tests() -> list[str]:
    """Every test function below test/streams and test/client."""
    files = [path for folder in ("streams", "client") for path in (ROOT / "test" / folder).glob("test_*.py")]
    return re.findall(r"^(?:async )?def (test_\w+)", "\n".join(path.read_text() for path in files), re.MULTILINE)


@pytest.mark.parametrize("number", [f"m{n:02d}" for n in range(1, 28)] + [f"b{n:02d}" for n in range(1, 15)])
def test_every_statement_and_every_fault_has_a_test(number: str) -> None:
    assert any(number in name.split("_") for name in names_of_tests())


@pytest.mark.parametrize("what", MISBEHAVIOUR)
def test_every_misbehaviour_of_a_server_has_a_test(what: str) -> None:
    assert MISBEHAVIOUR[what] in names_of_tests()


def test_nobody_but_the_stream_layer_opens_a_stream() -> None:
    """By the source: calls of `ws_connect`, and requests that accept an event stream."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            is_socket = isinstance(node, ast.Attribute) and node.attr == "ws_connect"
            is_events = isinstance(node, ast.Dict) and ("Accept", "text/event-stream") in _constant_items(node)
            if is_socket or is_events:
                found.add(str(path.relative_to(PACKAGE)))
    assert found == OPENERS


def _constant_items(node: ast.Dict) -> list[tuple[object, object]]:
    return [
        (key.value, value.value)
        for key, value in zip(node.keys, node.values, strict=True)
        if isinstance(key, ast.Constant) and isinstance(value, ast.Constant)
    ]
