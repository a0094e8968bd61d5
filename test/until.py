"""Waiting in tests: for what is to happen, never for a time."""

import asyncio
import time
from collections.abc import Callable

DEADLINE_S = 30.0  # only a failure waits for so long; generous, because the tests share two cores


async def until[T](read: Callable[[], T], what: object = "", *, timeout_s: float = DEADLINE_S) -> T:
    """Poll until `read()` is true and return it. Raises AssertionError, which names `what`, after `timeout_s`."""
    deadline_s = time.monotonic() + timeout_s
    while not (value := read()):
        assert time.monotonic() < deadline_s, f"still {value!r} after {timeout_s:g} s: {what or read}"
        await asyncio.sleep(0.005)
    return value
