"""What Hummingbot's inherited suite imports from a `test` package that no distribution of it ships."""

import asyncio
import unittest
from collections.abc import Awaitable
from typing import Any


class IsolatedAsyncioWrapperTestCase(unittest.IsolatedAsyncioTestCase):
    """An IsolatedAsyncioTestCase whose synchronous tests can run a coroutine on its loop."""

    @property
    def local_event_loop(self) -> asyncio.AbstractEventLoop:
        return self._asyncioRunner.get_loop()

    def run_async_with_timeout(self, coroutine: Awaitable[Any], timeout: float = 1) -> Any:
        return self.local_event_loop.run_until_complete(asyncio.wait_for(coroutine, timeout))
