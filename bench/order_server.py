"""The other end of the order benchmarks, in a process of its own: takes every order and says when it had it.

Started by `bench.orders` with the public key of its trader. Prints its port. `GET /arrivals` answers with the time (ns,
of the clock that all processes of a machine share) of each order by external id, and forgets them.
"""

import asyncio
import itertools
import sys
import time
from typing import Any

from aiohttp import web

from bench import market_frames

API = "/api/v1"
VAULT = 10_002


class Exchange:
    """Markets, one account, and the orders that came."""

    def __init__(self, public_key: str) -> None:
        self._public_key = public_key
        self._arrivals: dict[str, int] = {}
        self._ids = itertools.count(1)

    async def place(self, request: web.Request) -> web.Response:
        """Take an order."""
        external_id = (await request.json())["id"]
        self._arrivals[external_id] = time.perf_counter_ns()
        return _ok({"id": next(self._ids), "externalId": external_id})

    async def arrivals(self, _request: web.Request) -> web.Response:
        """Say when the orders came."""
        arrivals, self._arrivals = self._arrivals, {}
        return web.json_response(arrivals)

    def routes(self) -> list[web.RouteDef]:
        """What is served."""
        account = {"accountId": 100_009, "status": "ACTIVE", "l2Key": self._public_key, "l2Vault": str(VAULT)}
        starknet = {"name": "Perpetuals", "version": "v0", "chainId": "SN_SEPOLIA", "revision": 1}
        fees = {"market": market_frames.PAIR, "makerFeeRate": "0", "takerFeeRate": "0.00025", "builderFeeRate": "0"}
        fixed = {
            "/info/markets": [market_frames.market(0)],
            "/info/starknet": starknet,
            "/user/account/info": account,
            "/user/fees": [fees],
        }
        return [
            *(web.get(API + path, _answer(data)) for path, data in fixed.items()),
            web.post(API + "/user/order", self.place),
            web.get("/arrivals", self.arrivals),
        ]


def _answer(data: Any) -> Any:
    async def answer(_request: web.Request) -> web.Response:
        return _ok(data)

    return answer


def _ok(data: Any) -> web.Response:
    return web.json_response({"status": "OK", "data": data})


async def serve(public_key: str) -> None:
    """Serve until killed."""
    app = web.Application()
    app.add_routes(Exchange(public_key).routes())
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
