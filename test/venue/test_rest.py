"""What every endpoint shares: User-Agent, key, rate limit, envelope, Date header, faults."""

import asyncio
import email.utils
import time

import aiohttp
import pytest

from hummingbot_extended.venue.faults import FaultKind, FaultSpec
from hummingbot_extended.venue.rate_limit import RateLimit
from hummingbot_extended.venue.variants import Variants
from test.until import until
from test.venue.venue_kit import MARKET, trading

NO_AGENT = {"skip_auto_headers": ("User-Agent",)}
STATS = f"/info/markets/{MARKET}/stats"


@pytest.mark.parametrize(("variant", "status"), [("400", 400), ("403", 403), ("allow", 200)])
async def test_a_request_without_user_agent_is_answered_by_variant(variant: str, status: int) -> None:
    async with trading(variants=Variants(missing_user_agent=variant)) as (_, client):
        assert (await client.call("GET", STATS, **NO_AGENT))[0] == status


async def test_the_rate_limit_is_per_minute_and_leaves_the_control_api_alone() -> None:
    async with trading(rate_limit=3) as (venue, client):
        statuses = [(await client.call("GET", STATS))[0] for _ in range(5)]
        assert statuses == [200, 200, 200, 429, 429]
        await client.control("PATCH", "/settings", rate_limit=0)
        assert (await client.call("GET", STATS))[0] == 200
        assert venue.rest.requests["GET /info/markets/{market}/stats"] == 6


@pytest.mark.parametrize("body", ["json", "text", "empty"])
async def test_a_429_has_the_body_and_header_of_its_variant(body: str) -> None:
    async with trading(rate_limit=1, variants=Variants(rate_limit_body=body, retry_after=True)) as (venue, client):
        await client.call("GET", STATS)
        async with client.session.get(f"{venue.rest_url}{STATS}") as reply:
            text = await reply.text()
            assert reply.status == 429
            assert 0 < int(reply.headers["Retry-After"]) <= 60
    assert {"json": '"code":429', "text": "Too many requests", "empty": ""}[body] in text
    assert bool(text) == (body != "empty")


def test_refused_requests_do_not_count_and_the_window_slides() -> None:
    limit = RateLimit(2)
    assert [limit.allow("a", t) for t in (0, 10, 20, 59_999)] == [0, 0, 59_980, 1]
    assert limit.allow("b", 20) == 0
    assert limit.allow("a", 60_000) == 0
    assert limit.allow("a", 60_001) == 9


@pytest.mark.parametrize("key", [None, "0" * 32])
@pytest.mark.parametrize("path", ["/user/balance", "/user/orders", "/user/account/info"])
async def test_a_private_request_without_a_known_key_is_401(key: str | None, path: str) -> None:
    async with trading() as (_, client):
        status, body = await client.call("GET", path, key=key)
        assert (status, body["status"], body["error"]["code"]) == (401, "ERROR", 401)
        await client.control("PATCH", "/variants", unauthorized_body="empty", error_code_type="name")
        assert await client.call("GET", path, key=key) == (401, None)


async def test_envelope_and_codes_follow_their_variants() -> None:
    variants = Variants(envelope_case="lower", error_code_type="name", business_status="422", not_found_body="json")
    async with trading(variants=variants) as (_, client):
        assert (await client.call("GET", STATS))[1]["status"] == "ok"
        status, body = await client.call("GET", "/info/markets/NO-USD/stats")
        assert (status, body["status"], body["error"]["code"]) == (422, "error", 1001)
        status, body = await client.call("GET", "/user/orders/1")
        assert (status, body["error"]["code"]) == (404, "NOT_FOUND")
        await client.control("PATCH", "/variants", not_found_body="empty")
        assert await client.call("GET", "/user/orders/1") == (404, None)


async def test_the_date_header_tells_the_time_and_a_slow_clock_is_off() -> None:
    async with trading() as (venue, client):
        for off_s, value in ((0, None), (-3, None), (40, 40)):
            if off_s:
                await client.control("DELETE", "/faults")
                await client.control("POST", "/faults", kind="slow_clock", **({"value": value} if value else {}))
            async with client.session.get(f"{venue.rest_url}{STATS}") as reply:
                told = email.utils.parsedate_to_datetime(reply.headers["Date"]).timestamp()
            assert abs(told - (time.time() + off_s)) < 1.5


async def test_a_server_error_leaves_the_command_undone_and_is_counted() -> None:
    async with trading() as (venue, client):
        await client.control("POST", "/faults", kind="server_error", path="POST /api/v1/user/order", count=1, value=503)
        body = client.order("BUY", "0.01", "80000", "once")
        assert (await client.call("POST", "/user/order", json=body))[0] == 503
        assert (await client.call("POST", "/user/order", json=body))[0] == 200  # not a duplicate: the first never was
        assert venue.faults.counts() == {"server_error": 1}


@pytest.mark.parametrize("kind", ["reply_lost", "reply_error"])
async def test_a_lost_reply_leaves_the_command_done(kind: str) -> None:
    async with trading() as (venue, client):
        venue.faults.add(FaultSpec(kind=FaultKind(kind), path="* /api/v1/user/order", count=1), venue.core.now_ms())
        body = client.order("BUY", "0.01", "80000", "done")
        if kind == "reply_lost":
            with pytest.raises(aiohttp.ClientError):
                await client.call("POST", "/user/order", json=body)
        else:
            async with client.session.post(
                f"{venue.rest_url}/user/order", json=body, headers={"X-Api-Key": client.facts["api_key"]}
            ) as reply:
                assert reply.status == 502
        await until(lambda: venue.engine.queries.orders_by_external_id(client.account, "done"))
        status, reply_body = await client.call("POST", "/user/order", json=body)
        assert (status, reply_body["error"]["code"]) == (400, 1134)


async def test_a_late_reply_comes_after_the_command_is_done() -> None:
    async with trading() as (venue, client):
        venue.faults.add(FaultSpec(kind=FaultKind.LATE_REPLY, path="POST *order", value=2.0), venue.core.now_ms())
        placing = asyncio.create_task(
            client.call("POST", "/user/order", json=client.order("BUY", "0.01", "80000", "x"))
        )
        await until(lambda: venue.engine.queries.orders_by_external_id(client.account, "x"))
        assert not placing.done()
        assert (await placing)[0] == 200


async def test_other_request_faults_happen_to_their_target_only() -> None:
    async with trading() as (_, client):
        await client.control("POST", "/faults", kind="bare_404", path="/api/v1/user/orders*", count=1)
        await client.control("POST", "/faults", kind="too_many_requests", market="ETH-USD", count=1)
        await client.control("POST", "/faults", kind="slow_reply", account=client.account, count=1, value=0.2)
        assert (await client.call("GET", STATS, key=None))[0] == 200
        begin = time.monotonic()
        assert (await client.call("GET", "/user/orders")) == (404, None)  # slow first, then bare
        assert time.monotonic() - begin > 0.19
        assert (await client.call("GET", "/info/markets/ETH-USD/stats"))[0] == 429
        assert (await client.call("GET", "/info/markets/ETH-USD/stats"))[0] == 200
        assert [fault["fired"] for fault in await client.control("GET", "/faults")] == [1, 1, 1]


@pytest.mark.parametrize("query", ["limit=x", "cursor=1.5", "side=LONGER"])
async def test_a_malformed_parameter_is_a_400_that_names_it(query: str) -> None:
    async with trading() as (_, client):
        status, body = await client.call("GET", f"/user/positions/history?{query}")
        assert status == 400
        assert query.partition("=")[0] in body["error"]["message"]


async def test_a_client_that_dies_in_the_middle_of_an_order_leaves_no_order_and_no_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with trading() as (venue, client):
        before = len(venue._runner.server.connections)
        _, writer = await asyncio.open_connection("127.0.0.1", venue.port)
        head = {"X-Api-Key": client.facts["api_key"], "User-Agent": "dying", "Content-Length": "1000"}
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        writer.write(f"POST /api/v1/user/order HTTP/1.1\r\nHost: venue\r\n{lines}\r\n{{".encode())
        await until(lambda: venue.rest.requests.get("POST /user/order"), "the beginning of the order")
        writer.transport.abort()
        await until(lambda: len(venue._runner.server.connections) == before, "its end")
        assert await client.get("/user/orders") == []
        assert not caplog.records


def test_a_ban_shuts_the_address_out_for_its_time() -> None:
    limit = RateLimit(1)
    answers = [limit.allow("a", t, ban_ms=60_000) for t in (0, 50_000, 60_000, 109_999, 110_000)]
    assert answers == [0, 60_000, 50_000, 1, 0]
    assert limit.allow("b", 50_000, ban_ms=60_000) == 0


async def test_passing_the_limit_bans_by_variant() -> None:
    async with trading(rate_limit=1, variants=Variants(rate_limit_ban="minute")) as (_, client):
        await client.call("GET", STATS)
        assert (await client.call("GET", STATS))[0] == 429
        await client.control("PATCH", "/settings", rate_limit=1000)
        assert (await client.call("GET", STATS))[0] == 429  # there is room again, but not for this address
