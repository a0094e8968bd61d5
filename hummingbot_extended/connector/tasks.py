"""The background tasks of a connector: every one has this owner, and all are awaited at stop."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any


class Tasks:
    """Starts tasks and stops them together. A task that fails is logged, with its name, and is gone."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {sorted(task.get_name() for task in self._running)}>"

    def __len__(self) -> int:
        return len(self._running)

    def start(self, work: Coroutine[Any, Any, Any], *, name: str) -> asyncio.Task[Any]:
        """Run `work` in the background and return its task."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    async def stop(self) -> None:
        """Cancel what runs and wait until it has ended. A task may stop the others and itself go on."""
        running = [task for task in self._running if task is not asyncio.current_task()]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logging.getLogger(__name__).error("%s failed", task.get_name(), exc_info=error)
