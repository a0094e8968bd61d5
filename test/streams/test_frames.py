"""Frames of a WebSocket server."""

from hypothesis import given
from hypothesis import strategies as st

from hummingbot_extended.streams.frames import text_frame


@given(st.binary(max_size=70_000))
def test_a_frame_says_its_length(payload: bytes) -> None:
    frame = text_frame(payload)
    assert frame[0] == 0x81
    size = frame[1]
    if size < 126:
        assert (size, frame[2:]) == (len(payload), payload)
    elif size == 126:
        assert (int.from_bytes(frame[2:4]), frame[4:]) == (len(payload), payload)
    else:
        assert (int.from_bytes(frame[2:10]), frame[10:]) == (len(payload), payload)
