"""The event loop of a hub that has a process to itself."""

import asyncio


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Return a loop of uvloop where that is installed (it costs less CPU a message, bench/hub.py), else asyncio's own.

    Not for a process that Hummingbot runs in: it is written and tested on asyncio's loop.
    """
    try:
        import uvloop
    except ModuleNotFoundError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
