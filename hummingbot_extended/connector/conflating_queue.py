"""A queue that keeps only the newest item of each key."""

import asyncio
from collections.abc import Callable, Hashable


class ConflatingQueue[Item](asyncio.Queue[Item]):
    """An asyncio.Queue that is bounded by the number of keys: an item replaces the waiting one of the same key.

    Keys are served in the order in which they began to wait. `join` and `task_done` are not for this queue.
    """

    def __init__(self, key: Callable[[Item], Hashable]) -> None:
        self._key = key
        super().__init__()

    def _init(self, maxsize: int) -> None:
        self._queue: dict[Hashable, Item] = {}  # Queue itself asks only for its length

    def _put(self, item: Item) -> None:
        self._queue[self._key(item)] = item

    def _get(self) -> Item:
        return self._queue.pop(next(iter(self._queue)))
