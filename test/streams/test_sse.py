"""SSEDecoder against the standard: its cases one by one, then an independent oracle over random streams and cuts."""

import itertools
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hummingbot_extended.errors import MessageTooLarge
from hummingbot_extended.streams.sse import ServerSentEvent, SSEDecoder
from test.streams.sse_oracle import interpret

JSON = '{"a":1}'


def decode(stream: bytes, *, size: int | None = None) -> list[tuple[str, str, str]]:
    """Return (event, data, id) of every event, fed whole or in chunks of `size`."""
    decoder = SSEDecoder()
    step = size or max(len(stream), 1)
    events = [event for i in range(0, len(stream), step) for event in decoder.feed(stream[i : i + step])]
    return [(event.event, event.data, event.id) for event in events]


CASES = {
    "plain LF": (b'data: {"a":1}\n\n', [("message", JSON, "")]),
    "no space after the colon": (b'data:{"a":1}\n\n', [("message", JSON, "")]),
    "only one space is stripped": (b"data:   x\n\n", [("message", "  x", "")]),
    "CRLF": (b'data: {"a":1}\r\n\r\n', [("message", JSON, "")]),
    "CRLF inside an event": (b"data: 1\r\ndata: 2\r\nid: 3\r\n\r\n", [("message", "1\n2", "3")]),
    "CR only": (b'data: {"a":1}\r\rdata: 2\r\r', [("message", JSON, ""), ("message", "2", "")]),
    "mixed line ends": (b"data: 1\r\n\ndata: 2\n\rdata: 3\r\r\n", [("message", d, "") for d in "123"]),
    "multi-line data": (b"data: YHOO\ndata: +2\ndata: 10\n\n", [("message", "YHOO\n+2\n10", "")]),
    "comment first": (b": hello\n\ndata: first\n\n", [("message", "first", "")]),
    "comment inside an event": (b"data: a\n: b\ndata: c\n\n", [("message", "a\nc", "")]),
    "keep-alives give nothing, also after an id": (b"id: 1\ndata: a\n\n: ping\n\n:\n\n\n", [("message", "a", "1")]),
    "event type": (b"event: add\ndata: 1\n\ndata: 2\n\n", [("add", "1", ""), ("message", "2", "")]),
    "event type of no data is forgotten": (b"event: add\n\ndata: 2\n\n", [("message", "2", "")]),
    "the last event type counts": (b"event: a\nevent: b\ndata: 1\n\n", [("b", "1", "")]),
    "empty event type": (b"event: a\nevent:\ndata: 1\n\n", [("message", "1", "")]),
    "id is kept across events": (b"id: 7\ndata: 1\n\ndata: 2\n\n", [("message", "1", "7"), ("message", "2", "7")]),
    "id without data is kept": (b"id: 7\n\ndata: 2\n\n", [("message", "2", "7")]),
    "id without a colon resets it": (
        b"id: 7\ndata: 1\n\nid\ndata: 2\n\n",
        [("message", "1", "7"), ("message", "2", "")],
    ),
    "id with NUL is ignored": (
        b"id: 7\ndata: 1\n\nid: 8\x009\ndata: 2\n\n",
        [("message", "1", "7"), ("message", "2", "7")],
    ),
    "data without a colon is an empty event": (b"data\n\n", [("message", "", "")]),
    "the standard's example of empty data": (
        b"data\n\ndata\ndata\n\ndata:",
        [("message", "", ""), ("message", "\n", "")],
    ),
    "no event without a data field": (b"event: x\nid: 1\nretry: 5\n\n", []),
    "unknown fields and other spellings": (
        b"Data: 1\ndatum: 2\ndata : 3\n data: 4\n\ndata: 5\n\n",
        [("message", "5", "")],
    ),
    "BOM": (b"\xef\xbb\xbfdata: 1\n\n", [("message", "1", "")]),
    "only one BOM": (b"\xef\xbb\xbf\xef\xbb\xbfdata: 1\n\ndata: 2\n\n", [("message", "2", "")]),
    "BOM later is part of its line": (b"data: 1\n\n\xef\xbb\xbfdata: 2\n\n", [("message", "1", "")]),
    "half a BOM is no BOM": (b"\xef\xbbdata: 1\n\ndata: 2\n\n", [("message", "2", "")]),
    "U+2028, U+0085 and FF end no line": (
        "data: a\u2028b\x85c\u0085d\x0ce\n\n".encode(),
        [("message", "a\u2028b\x85c\u0085d\x0ce", "")],
    ),
    "characters of 2, 3 and 4 bytes": ("data: é€😀\nid: é\n\n".encode(), [("message", "é€😀", "é")]),
    "bytes that are not UTF-8": (b"data: a\xffb\xe2\x82\n\n", [("message", "a\ufffdb\ufffd", "")]),
    "colons in the value": (b"data: a: b:c\n\n", [("message", "a: b:c", "")]),
    "unterminated last event is dropped": (b"data: 1\n\ndata: 2\n", [("message", "1", "")]),
    "unterminated last line is dropped": (b"data: 1\n\ndata: 2", [("message", "1", "")]),
    "nothing": (b"", []),
}


@pytest.mark.parametrize(("stream", "expected"), CASES.values(), ids=CASES)
@pytest.mark.parametrize("size", [None, 1, 2, 3, 7])
def test_feed_gives_the_events_of_the_standard(stream, expected, size):
    assert decode(stream, size=size) == expected


@pytest.mark.parametrize("stream", [stream for stream, _ in CASES.values()], ids=CASES)
def test_the_oracle_agrees_on_every_case(stream):
    assert interpret(stream)[0] == decode(stream)


fields = st.sampled_from(["data", "event", "id", "retry", "", "unknown", "\ufeffdata"])
separators = st.sampled_from(["", ":", ": ", ":  ", "::"])
values = st.sampled_from(["", "x", JSON, "12", "+5", "0", "é€😀", "a\0b", "\ufeff", "a:b", " "])
ends = st.sampled_from(["\n", "\r\n", "\r", "\n\n", "\r\r", "\r\n\r\n", "\n\r\n", ""])
lines = st.builds("".join, st.tuples(fields, separators, values, ends)).map(str.encode)
streams = st.builds(
    lambda bom, parts: bom + b"".join(parts),
    st.sampled_from([b"", b"", b"\xef\xbb\xbf", b"\xef\xbb"]),
    st.lists(st.one_of(lines, st.binary(max_size=6)), max_size=12),
)


@settings(max_examples=300)
@given(streams, st.lists(st.integers(0, 200), max_size=12))
def test_any_chunking_of_any_stream_gives_what_the_standard_says(stream, cuts):
    decoder = SSEDecoder()
    borders = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    events = [e for a, b in itertools.pairwise(borders) for e in decoder.feed(stream[a:b])]
    expected, last_event_id, retry = interpret(stream)
    assert [(event.event, event.data, event.id) for event in events] == expected
    assert decoder.last_event_id == last_event_id
    assert decoder.retry == retry
    assert decode(stream, size=1) == expected


@settings(max_examples=200)
@given(streams, st.integers(1, 40))
def test_feed_data_gives_the_payloads_and_ids_of_the_same_events(stream, size):
    decoder, other = SSEDecoder(), SSEDecoder()
    chunks = [stream[i : i + size] for i in range(0, len(stream), size)]
    given, last_event_id = [], ""
    for chunk in chunks:
        payloads = decoder.feed_data(chunk)
        given += zip(payloads, decoder.data_ids or [last_event_id] * len(payloads), strict=True)
        last_event_id = decoder.last_event_id
    assert given == [(event.payload, event.id) for event in other.feed(stream)]
    assert last_event_id == other.last_event_id


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (b"retry: 1500\n", 1500),
        (b"retry: 1500", None),
        (b"retry: 1500\n\n", 1500),
        (b"retry: 10\nretry: 20\n", 20),
        (b"retry: 10\n\nretry: 20\ndata: x", 20),
        (b"retry: 10\n\nretry: 2x\n\n", 10),
        (b"retry: +5\n\n", None),
        (b"retry:\n\n", None),
        (b"retry\n\n", None),
        ("retry: ٣\n\n".encode(), None),
        (b"retry: " + b"9" * 5000 + b"\n\n", None),
    ],
)
def test_retry_takes_ascii_digits_from_its_own_line(stream, expected):
    decoder = SSEDecoder()
    decoder.feed(stream)
    assert decoder.retry == expected


def test_feed_ends_a_line_at_cr_without_waiting_for_lf():
    decoder = SSEDecoder()
    assert [e.data for e in decoder.feed(b"data: 1\r\r")] == ["1"]
    assert [e.data for e in decoder.feed(b"\ndata: 2\r\n")] == []
    assert [e.data for e in decoder.feed(b"\r\n")] == ["2"]


def test_feed_reads_a_line_of_4_mb_whole_and_in_pieces():
    stream = b"data: " + b"x" * 2**22 + b"\n\n"
    for size in (len(stream), 65536, 999):
        assert [len(data) for _, data, _ in decode(stream, size=size)] == [2**22]


@pytest.mark.parametrize("size", [1, 10, 1000])
@pytest.mark.parametrize(
    ("stream", "what"),
    [
        (b"data: " + b"x" * 100, "line"),
        (b"data: " + b"x" * 100 + b"\n\n", "line"),
        (b"data: ok\n\ndata: " + b"x" * 100 + b"\n\n", "line"),
        (b":" + b"x" * 100, "line"),
        (b"data: 123456789\n" * 14, "event"),
        (b"data: 123456789\n" * 14 + b"\n", "event"),
    ],
)
def test_feed_refuses_more_than_its_bounds(stream, what, size):
    decoder = SSEDecoder(max_line_bytes=64, max_event_bytes=200)
    chunks = [stream[i : i + size] for i in range(0, len(stream), size)]
    with pytest.raises(MessageTooLarge, match=what) as caught:
        _ = [decoder.feed(chunk) for chunk in chunks]
    assert caught.value.limit_bytes == (64 if what == "line" else 200)


@pytest.mark.parametrize("size", [1, 10, 10_000])
def test_feed_takes_what_is_within_its_bounds_and_comments_without_end(size):
    decoder = SSEDecoder(max_line_bytes=64, max_event_bytes=200)
    stream = b"data: 123456789\n" * 12 + b": ping\n" * 1000 + b"\n" + b"data: 2\n\n" * 100
    events = [e for i in range(0, len(stream), size) for e in decoder.feed(stream[i : i + size])]
    assert len(events) == 101


def test_comments_without_a_blank_line_are_not_kept():
    """A server may send single comment lines for weeks: what the decoder holds stays within its bound."""
    decoder = SSEDecoder(max_line_bytes=1000, max_event_bytes=1000)
    tracemalloc.start()
    for _ in range(20_000):
        decoder.feed(b": ping\n")
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 100_000


def test_repr_shows_what_is_held():
    decoder = SSEDecoder()
    decoder.feed(b"id: 4\nretry: 100\ndata: 1\n\ndata: 2")
    assert repr(decoder) == "<SSEDecoder 7 bytes held, last_event_id='4', retry=100>"


def test_events_are_values():
    assert SSEDecoder().feed(b"data: 1\n\n") == [ServerSentEvent(b"1")]
