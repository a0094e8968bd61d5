"""An upstream that is one task."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


class TaskUpstream:
    """Runs `work` until closed. `reconnect` is what `request_reconnect` calls."""

    def __init__(self, work: Coroutine[Any, Any, Any], reconnect: Callable[[str], None], name: str) -> None:
        self._task = asyncio.create_task(work, name=name)
        self._reconnect = reconnect

    def __repr__(self) -> str:
        return f"<TaskUpstream {self._task.get_name()}>"

    def request_reconnect(self, reason: str) -> None:
        """See Upstream."""
        self._reconnect(reason)

    async def close(self) -> None:
        """See Upstream. Raises what the task died of, which is a fault of ours."""
        self._task.cancel()
        await asyncio.wait([self._task])
        if not self._task.cancelled():
            self._task.result()
