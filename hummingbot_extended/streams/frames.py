"""Frames of a WebSocket server, as bytes (RFC 6455 §5.2). Sans-I/O.

A server's frame is not masked, so it is the same for all readers of a message. Written to aiohttp's transport it costs
a third less than aiohttp's own `send_str` (bench/hub.py). One write is whole, so it mixes with aiohttp's pongs and
closes.
"""

from functools import lru_cache

_TEXT = 0x81  # a final frame of text
_SHORT, _MEDIUM = 126, 2**16


@lru_cache(maxsize=1024)
def text_head(size: int) -> bytes:
    """Return what precedes a payload of `size` bytes in one unmasked text frame."""
    if size < _SHORT:
        return bytes((_TEXT, size))
    if size < _MEDIUM:
        return b"\x81\x7e" + size.to_bytes(2)
    return b"\x81\x7f" + size.to_bytes(8)


def text_frame(payload: bytes) -> bytes:
    """Return `payload` as one unmasked text frame."""
    return text_head(len(payload)) + payload
