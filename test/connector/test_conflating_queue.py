"""The conflating queue: newest of each key, oldest key first."""

import asyncio

from hummingbot_extended.connector.conflating_queue import ConflatingQueue


async def test_an_item_replaces_the_waiting_one_of_its_key() -> None:
    queue: ConflatingQueue[tuple[str, int]] = ConflatingQueue(lambda item: item[0])
    for item in (("mark", 1), ("index", 1), ("mark", 2), ("mark", 3)):
        queue.put_nowait(item)
    assert queue.qsize() == 2
    assert [queue.get_nowait(), queue.get_nowait()] == [("mark", 3), ("index", 1)]
    assert queue.empty()


async def test_a_waiting_getter_gets_the_next_item() -> None:
    queue: ConflatingQueue[tuple[str, int]] = ConflatingQueue(lambda item: item[0])
    getter = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.put_nowait(("mark", 1))
    assert await getter == ("mark", 1)
