"""Cases of the HTML standard's event-stream section, in our own words: what must come out of which bytes (goal G2)."""

from hummingbot_extended.streams.sse import SSEDecoder

type Case = tuple[str, bytes, list[tuple[str, str, str]]]  # name, stream, (type, data, last id) of each event

BIG = "x" * 4_000_000
CASES: list[Case] = [
    ("one line", b"data: a\n\n", [("message", "a", "")]),
    ("no space after the colon", b"data:a\n\n", [("message", "a", "")]),
    ("only one space is taken", b"data:  a\n\n", [("message", " a", "")]),
    ("two data lines", b"data: a\ndata: b\n\n", [("message", "a\nb", "")]),
    ("CR ends lines", b"data: a\r\rdata: b\r\r", [("message", "a", ""), ("message", "b", "")]),
    ("CRLF ends lines", b"data: a\r\n\r\ndata: b\r\n\r\n", [("message", "a", ""), ("message", "b", "")]),
    ("mixed line ends", b"data: a\r\ndata: b\n\r", [("message", "a\nb", "")]),
    ("a BOM at the start", b"\xef\xbb\xbfdata: a\n\n", [("message", "a", "")]),
    ("a BOM later is data", b"data: \xef\xbb\xbfa\n\n", [("message", "\ufeffa", "")]),
    ("a comment", b": hello\ndata: a\n\n", [("message", "a", "")]),
    ("a named event", b"event: tick\ndata: a\n\n", [("tick", "a", "")]),
    ("no data, no event", b"event: tick\n\ndata: a\n\n", [("message", "a", "")]),
    ("empty data line", b"data\n\n", [("message", "", "")]),
    ("the id outlives its event", b"id: 7\ndata: a\n\ndata: b\n\n", [("message", "a", "7"), ("message", "b", "7")]),
    ("an id with NUL is none", b"id: 7\0\ndata: a\n\n", [("message", "a", "")]),
    ("an unknown field", b"colour: red\ndata: a\n\n", [("message", "a", "")]),
    ("an unfinished event is dropped", b"data: a\n\ndata: b\n", [("message", "a", "")]),
    ("U+2028 does not end a line", "data: a\u2028b\n\n".encode(), [("message", "a\u2028b", "")]),
    ("bytes that are no UTF-8", b"data: \xff\n\n", [("message", "\ufffd", "")]),
    ("a line of 4 MB", f"data: {BIG}\n\n".encode(), [("message", BIG, "")]),
]


def failed_cases() -> list[str]:
    """Names of the cases that fail, fed whole, or byte by byte (the large one in pieces)."""
    failed = []
    for name, stream, wanted in CASES:
        step = 1 if len(stream) < 10_000 else 1_009
        pieces = [stream[begin : begin + step] for begin in range(0, len(stream), step)]
        failed += [f"{name}, {how}" for how, cut in (("whole", [stream]), ("cut", pieces)) if _events(cut) != wanted]
    return failed


def _events(pieces: list[bytes]) -> list[tuple[str, str, str]]:
    decoder = SSEDecoder()
    return [(event.event, event.data, event.id) for piece in pieces for event in decoder.feed(piece)]
