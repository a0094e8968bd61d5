"""A hub that reads another one: over WebSocket, and by its relay as an event stream."""

from typing import Any

import pytest

from hummingbot_extended.hub.events import DepthRow, Row
from hummingbot_extended.hub.face_settings import FaceSettings
from hummingbot_extended.hub.kinds import Kind
from hummingbot_extended.hub.server import HubServer
from test.hub.core_kit import MARKET, hub_on, serving, upstreams
from test.until import until

KINDS = [Kind.DEPTH, Kind.TRADES, Kind.MARK, Kind.QUOTE]


@pytest.mark.parametrize("source", ["hub", "extended_sse"])
@pytest.mark.states("W-B15")
async def test_second_hub_reads_the_first_and_the_exchange_sees_one_reader(source: str) -> None:
    async with (
        serving() as venue,
        hub_on(venue, sources=("extended_ws",)) as one,
        HubServer(one, FaceSettings(port=0)) as server,
    ):
        relay = f"{server.url}/stream.extended.exchange/v1"
        settings: dict[str, Any] = {"hub_url": server.url} if source == "hub" else {"relay_url": relay}
        async with hub_on(venue, sources=(source,), **settings) as two:
            rows: list[Row] = []
            two.listen(KINDS, [MARKET], rows.append)
            for kind in KINDS:
                await until(lambda kind=kind: any(row.kind is kind for row in rows))  # type: ignore[misc]
            assert {row.provider for row in rows} == {source}
            assert upstreams(venue) == len(KINDS)
            mine, theirs = two.book(MARKET), one.book(MARKET)
            assert mine is not None
            assert theirs is not None

            def same() -> bool:
                first, second = one.book(MARKET), two.book(MARKET)
                return (
                    first is not None and second is not None and (first.bids, first.asks) == (second.bids, second.asks)
                )

            await until(same)
            assert all(isinstance(row, Row) for row in rows)
            assert isinstance(next(row for row in rows if row.kind is Kind.DEPTH), DepthRow)
