"""Ctrl-C and SIGTERM end a command at any moment, also while it still connects."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any


async def until_stopped[T](work: Coroutine[Any, Any, T]) -> T | None:
    """Return what `work` returns; at the first SIGINT or SIGTERM it is cancelled, and None is returned.

    Later signals do not cut short what it then tidies up. Raises what it raises.
    """
    task = asyncio.ensure_future(work)
    is_stopped = False

    def stop() -> None:
        nonlocal is_stopped
        if not is_stopped:
            is_stopped = True
            task.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        return await task
    except asyncio.CancelledError:
        if not is_stopped:
            raise
        return None
