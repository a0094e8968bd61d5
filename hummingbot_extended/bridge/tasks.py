"""Tasks of the bridge: each has an owner, and none fails unheard."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

logger = logging.getLogger(__name__)


def start_in_background(job: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
    """Start a job and return its task, which the caller keeps and ends. A failure goes to the log at once."""
    task = asyncio.get_running_loop().create_task(job, name=f"bridge: {name}")
    task.add_done_callback(_report)
    return task


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("A part of the bridge has failed: %s", task.get_name(), exc_info=error)
