import asyncio

import pytest

from hummingbot_extended.streams.headers import SharedHeaders


class Fetch:
    def __init__(self):
        self.count = 0
        self.go_on = asyncio.Event()
        self.error = None

    async def __call__(self):
        self.count += 1
        await self.go_on.wait()
        if self.error:
            raise self.error
        return {"Authorization": f"token-{self.count}"}


async def test_any_number_of_waiters_share_one_fetch_and_its_headers_are_kept():
    fetch = Fetch()
    headers = SharedHeaders(fetch)
    assert repr(headers) == "<SharedHeaders unknown>"
    waiters = [asyncio.create_task(headers()) for _ in range(10)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert repr(headers) == "<SharedHeaders fetching>"
    fetch.go_on.set()
    assert await asyncio.gather(*waiters) == [{"Authorization": "token-1"}] * 10
    assert await headers() == {"Authorization": "token-1"}
    assert fetch.count == 1
    assert repr(headers) == "<SharedHeaders known>"


async def test_ten_refusals_of_the_same_headers_are_one_refresh():
    fetch = Fetch()
    fetch.go_on.set()
    headers = SharedHeaders(fetch)
    old = await headers()

    async def refused():
        headers.reject(old)
        return await headers()

    assert await asyncio.gather(*(refused() for _ in range(10))) == [{"Authorization": "token-2"}] * 10
    headers.reject(old)  # late: they were replaced long ago
    assert await headers() == {"Authorization": "token-2"}
    assert fetch.count == 2


async def test_a_failed_fetch_reaches_every_waiter_and_the_next_call_tries_again():
    fetch = Fetch()
    fetch.go_on.set()
    fetch.error = OSError("no token server")
    headers = SharedHeaders(fetch)
    results = await asyncio.gather(*(headers() for _ in range(3)), return_exceptions=True)
    assert [str(result) for result in results] == ["no token server"] * 3
    fetch.error = None
    assert await headers() == {"Authorization": "token-2"}


async def test_cancelling_one_waiter_cancels_nothing_for_the_others():
    fetch = Fetch()
    headers = SharedHeaders(fetch)
    impatient, patient = asyncio.create_task(headers()), asyncio.create_task(headers())
    await asyncio.sleep(0)
    impatient.cancel()
    await asyncio.wait([impatient])
    fetch.go_on.set()
    assert await patient == {"Authorization": "token-1"}


async def test_aclose_ends_a_fetch_under_way():
    headers = SharedHeaders(Fetch())
    await headers.aclose()
    waiter = asyncio.create_task(headers())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await headers.aclose()
    with pytest.raises(asyncio.CancelledError):
        await waiter


async def test_a_fetch_that_hangs_is_given_up_and_the_next_call_tries_again():
    fetch = Fetch()
    headers = SharedHeaders(fetch, timeout_s=0.05)
    with pytest.raises(TimeoutError):
        await headers()
    fetch.go_on.set()
    assert await headers() == {"Authorization": "token-2"}
