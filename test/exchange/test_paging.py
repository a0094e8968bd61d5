from collections.abc import Sequence

import pytest

from hummingbot_extended.errors import ProtocolError
from hummingbot_extended.exchange.paging import pages
from hummingbot_extended.exchange.reading import BadRecord, Records


class Shelf:
    """Pages by cursor, as the exchange gives them."""

    def __init__(self, pages: Sequence[Records[int]]) -> None:
        self.pages = list(pages)
        self.asked: list[tuple[int | None, int | None]] = []

    async def __call__(self, *, cursor: int | None, limit: int | None) -> Records[int]:
        self.asked.append((cursor, limit))
        return self.pages.pop(0)


async def collect(shelf: Shelf, **options: int) -> list[int]:
    return [record async for page in pages(shelf, limit=2, **options) for record in page]


async def test_pages_follow_the_cursor_until_a_short_one() -> None:
    shelf = Shelf([Records([9, 8], cursor=8), Records([7, 6], cursor=6), Records([5], cursor=5)])
    assert await collect(shelf) == [9, 8, 7, 6, 5]
    assert shelf.asked == [(None, 2), (8, 2), (6, 2)]


@pytest.mark.parametrize(
    "last",
    [Records([], cursor=8), Records([7, 6], cursor=None), Records([7, 6], cursor=8)],
    ids=["empty", "null", "same"],
)
async def test_pages_end_when_there_is_no_further(last: Records[int]) -> None:
    shelf = Shelf([Records([9, 8], cursor=8), last])
    assert await collect(shelf) == [9, 8, *last]


async def test_pages_count_bad_records_as_records() -> None:
    bad = BadRecord("7", "odd", "")
    shelf = Shelf([Records([9], bad=[bad], cursor=8), Records([5], cursor=5)])
    assert await collect(shelf) == [9, 5]


async def test_pages_beyond_the_bound_are_an_error_and_not_silence() -> None:
    shelf = Shelf([Records([n, n], cursor=n) for n in range(9)])
    with pytest.raises(ProtocolError, match="more than 3 pages of 2 records"):
        await collect(shelf, max_pages=3)
    assert len(shelf.asked) == 3


async def test_pages_left_early_ask_no_more() -> None:
    shelf = Shelf([Records([n, n], cursor=n) for n in range(9)])
    async for _ in pages(shelf, limit=2):
        break
    assert len(shelf.asked) == 1
