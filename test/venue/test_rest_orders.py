"""Order entry over REST: asynchronous acceptance, refusals, edit, cancels, modes, dead man's switch."""

import json
from typing import Any

import pytest

from hummingbot_extended.venue.refusals import Refusal
from test.until import until
from test.venue.venue_kit import MARKET, Client, trading


async def test_an_order_is_received_at_once_and_in_the_book_after_the_delay() -> None:
    async with trading(acceptance_delay_ms=120) as (venue, client):
        begin_ms = venue.core.now_ms()
        status, reply = await client.call("POST", "/user/order", json=client.order("BUY", "0.01", "83000", "late"))
        assert (status, reply["data"]["externalId"]) == (200, "late")
        order_id = reply["data"]["id"]
        assert order_id > 2**53
        assert (await client.call("GET", f"/user/orders/{order_id}"))[0] == 404
        await until(lambda: venue.engine.queries.order(client.account, order_id))
        assert venue.core.now_ms() - begin_ms >= 120
        assert (await client.get(f"/user/orders/{order_id}"))["status"] == "NEW"


async def test_a_cancel_sent_right_behind_its_order_finds_it() -> None:
    async with trading(acceptance_delay_ms=60) as (venue, client):
        await client.call("POST", "/user/order", json=client.order("BUY", "0.01", "83000", "short"))
        status, reply = await client.call("DELETE", "/user/order", params={"externalId": "short"})
        assert (status, reply) == (200, {"status": "OK"})
        await until(lambda: not len(venue.core.pending))
        assert venue.engine.queries.open_orders(client.account) == []
        (order,) = await client.get("/user/orders/external/short")
        assert order["status"] == "CANCELLED"


BAD: list[tuple[dict[str, Any], int]] = [
    ({"market": "NO-USD"}, 1001),
    ({"qty": "0.00001"}, 1120),
    ({"qty": "abc"}, 1133),
    ({"qty": "NaN"}, 1133),
    ({"side": "LONG"}, 1133),
    ({"type": None}, 1133),
    ({"nonce": "1.5"}, 1133),
    ({"nonce": True}, 1133),
    ({"nonce": "x"}, 1133),
    ({"expiryEpochMillis": "1795219200000"}, 1133),
    ({"expiryEpochMillis": 1}, 1135),
    ({"postOnly": "yes"}, 1133),
    ({"settlement": "none"}, 1133),
    ({"settlement": {"signature": {"r": "zz", "s": "0x1"}, "starkKey": "0x1", "collateralPosition": "1"}}, 1133),
    ({"trigger": []}, 1133),
    ({"price": None}, 1130),
    ({"price": True}, 1133),
    ({"id": ""}, 1133),
]


@pytest.mark.parametrize(("change", "code"), BAD, ids=lambda value: json.dumps(value)[:40])
async def test_a_bad_order_is_refused_with_its_code(change: dict[str, Any], code: int) -> None:
    async with trading() as (_, client):
        body = client.order("BUY", "0.01", "83000") | change
        status, reply = await client.call("POST", "/user/order", json=body)
        assert (status, reply["error"]["code"]) == (400, code)


@pytest.mark.parametrize("raw", [b"{", b"[]", b"5"])
async def test_a_body_that_is_no_object_is_a_bad_request(raw: bytes) -> None:
    async with trading() as (_, client):
        status, reply = await client.call("POST", "/user/order", data=raw)
        assert (status, reply["error"]["code"]) == (400, 400)


async def test_the_signature_is_verified_and_covers_the_builder_fee() -> None:
    async with trading() as (_, client):
        right = client.order("BUY", "0.01", "83000", builderFee="0.0001", builderId=5)
        wrong = {**right, "id": "other", "builderFee": "0.0002"}
        assert (await client.call("POST", "/user/order", json=wrong))[1]["error"]["code"] == 1101
        assert (await client.call("POST", "/user/order", json=right))[0] == 200
        vault = json.loads(json.dumps(client.order("BUY", "0.01", "83000")))
        vault["settlement"]["collateralPosition"] = "1"
        assert (await client.call("POST", "/user/order", json=vault))[1]["error"]["code"] == 1102


async def test_an_edit_replaces_the_order_and_points_back_to_it() -> None:
    async with trading() as (_, client):
        first = await client.place("BUY", "0.01", "83000", "first")
        second = await client.place("BUY", "0.02", "83100", "second", cancelId="first")
        assert second["prevOrderId"] == str(first["id"])
        old = await client.get(f"/user/orders/{first['id']}")
        assert (old["status"], old["statusReason"]) == ("CANCELLED", "ORDER_REPLACED")


async def test_conditional_and_bracket_orders_keep_what_they_were_given() -> None:
    async with trading() as (_, client):
        trigger = {
            "triggerPrice": "85000",
            "triggerPriceType": "MARK",
            "direction": "UP",
            "executionPriceType": "LIMIT",
        }
        waiting = await client.place("BUY", "0.01", "85100", type="CONDITIONAL", trigger=trigger)
        assert (waiting["status"], waiting["trigger"]) == ("UNTRIGGERED", trigger)
        body = client.order("BUY", "0.01", "83000", "bracket", tpSlType="ORDER")
        for name, price, trigger_price in (("takeProfit", "86000", "86000"), ("stopLoss", "81000", "81500")):
            leg = {"triggerPrice": trigger_price, "triggerPriceType": "LAST", "price": price, "priceType": "LIMIT"}
            body[name] = leg | {"settlement": client.settlement(body, "SELL", price)}
        assert (await client.call("POST", "/user/order", json=body))[0] == 200
        (bracket,) = await client.get("/user/orders/external/bracket")
        assert bracket["tpSlType"] == "ORDER"
        assert bracket["takeProfit"]["triggerPrice"] == "86000"
        assert bracket["stopLoss"]["price"] == "81000"


async def test_ccxts_shorter_trigger_and_leg_are_understood() -> None:
    async with trading() as (_, client):
        trigger = {"triggerPrice": "85000", "triggerPriceDirection": "UP"}
        waiting = await client.place("BUY", "0.01", "85100", type="CONDITIONAL", trigger=trigger)
        assert waiting["trigger"]["triggerPriceType"] == "LAST"
        assert waiting["trigger"]["executionPriceType"] == "LIMIT"


async def test_mass_cancel_by_each_of_its_selectors() -> None:
    async with trading() as (venue, client):
        one, two = [await client.place("BUY", "0.01", price, price) for price in ("83000", "83001")]
        await client.place("BUY", "0.01", "83002", "83002")
        for body, left in (
            ({"orderIds": [str(one["id"])]}, 2),
            ({"externalOrderIds": ["83001"], "cancelAll": False}, 1),
            ({"markets": ["ETH-USD"]}, 1),
            ({"cancelAll": True}, 0),
        ):
            assert await client.call("POST", "/user/order/massCancel", json=body) == (200, {"status": "OK", "data": {}})
            await until(lambda left=left: len(venue.engine.queries.open_orders(client.account)) == left)
        assert two["status"] == "NEW"
        for body in ({}, {"orderIds": ["x"]}, {"markets": "BTC-USD"}, {"externalOrderIds": [1]}):
            assert (await client.call("POST", "/user/order/massCancel", json=body))[1]["error"]["code"] == 1133


@pytest.mark.parametrize(("variant", "status"), [("404", 404), ("error", 400), ("ok", 200)])
async def test_cancelling_the_unknown_is_answered_by_variant(variant: str, status: int) -> None:
    async with trading() as (_, client):
        await client.control("PATCH", "/variants", unknown_cancel=variant)
        assert (await client.call("DELETE", "/user/order/5"))[0] == status
        assert (await client.call("DELETE", "/user/order?externalId=nobody"))[0] == status
        assert (await client.call("DELETE", "/user/order/x"))[0] == 400
        assert (await client.call("DELETE", "/user/order"))[0] == 400


async def test_the_dead_mans_switch_cancels_unless_set_again() -> None:
    async with trading() as (venue, client):
        await client.control("PATCH", "/variants", deadmanswitch_unit="ms")
        await client.place("BUY", "0.01", "83000")
        status, _ = await client.call("POST", "/user/deadmanswitch?countdownTime=60000")
        assert status == 200
        assert (await client.call("POST", "/user/deadmanswitch?countdownTime=50"))[1] == {"status": "OK"}
        await until(lambda: not venue.engine.queries.open_orders(client.account))
        assert (await client.call("POST", "/user/deadmanswitch"))[0] == 400


@pytest.mark.parametrize(
    ("kind", "code", "passes"),
    [
        ("post_only_mode", 1011, {"postOnly": True}),
        ("reduce_only_mode", 1012, None),
        ("maintenance", 1010, None),
    ],
)
async def test_a_mode_fault_refuses_orders_but_never_cancels(kind: str, code: int, passes: dict | None) -> None:
    async with trading() as (_, client):
        resting = await client.place("BUY", "0.01", "83000")
        await client.control("POST", "/faults", kind=kind, market=MARKET)
        order = client.order("BUY", "0.01", "83001")
        assert (await client.call("POST", "/user/order", json=order))[1]["error"]["code"] == code
        if passes is not None:
            assert (await client.call("POST", "/user/order", json=client.order("BUY", "0.01", "83002", **passes)))[
                0
            ] == 200
        assert (await client.call("DELETE", f"/user/order/{resting['id']}"))[0] == 200
        await client.control("DELETE", "/faults")
        assert (await client.call("POST", "/user/order", json=order))[0] == 200


async def test_a_late_rejection_comes_after_the_ok() -> None:
    async with trading() as (_, client):
        await client.control("POST", "/faults", kind="late_rejection", account=client.account, count=1)
        rejected = await client.place("BUY", "0.01", "83000", "late")
        assert (rejected["status"], rejected["statusReason"]) == ("REJECTED", "NOT_ENOUGH_FUNDS")
        assert (await client.place("BUY", "0.01", "83000"))["status"] == "NEW"


async def test_rfq_orders_need_an_rfq_market() -> None:
    async with trading() as (_, client):
        status, reply = await client.call("POST", "/user/order/rfq", json=client.order("BUY", "0.01", "83000"))
        assert (status, reply["error"]["code"]) == (400, 1132)


async def test_an_order_without_self_trade_protection_is_200_and_silently_nothing() -> None:
    async with trading() as (venue, client):
        body = client.order("BUY", "0.01", "83000", "silent", selfTradeProtectionLevel=None)
        assert (await client.call("POST", "/user/order", json=body))[0] == 200
        await until(lambda: not len(venue.core.pending))
        assert (await client.call("GET", "/user/orders/external/silent"))[0] == 404


async def test_accounts_do_not_see_each_other() -> None:
    async with trading() as (venue, client):
        order = await client.place("BUY", "0.01", "83000")
        other = Client(venue, client.session, 1)
        assert (await other.call("GET", f"/user/orders/{order['id']}"))[0] == 404
        assert (await other.call("DELETE", f"/user/order/{order['id']}"))[0] == 404
        with pytest.raises(Refusal):
            venue.engine.queries.account(5)


async def test_undocumented_order_entry_by_variant() -> None:
    async with trading() as (venue, client):
        order = await client.place("BUY", "0.01", "83000", "mine")
        await client.control("PATCH", "/variants", cancel_data="object", missing_stp="refuse", external_id_length="36")
        assert await client.call("DELETE", f"/user/order/{order['id']}") == (200, {"status": "OK", "data": {}})
        await until(lambda: not venue.engine.queries.open_orders(client.account))
        body = client.order("BUY", "0.01", "83000")
        for wrong in (body | {"selfTradeProtectionLevel": None}, body | {"id": "x" * 37}):
            assert (await client.call("POST", "/user/order", json=wrong))[1]["error"]["code"] == 1133
        await client.control("PATCH", "/variants", external_id_reuse="after_close", fee_rounding="down")
        assert (await client.place("BUY", "0.01", "83000", "mine"))["status"] == "NEW"
        await client.control("PATCH", "/variants", post_only_failed="CANCELLED")
        await Client(venue, client.session, 1).place("SELL", "0.00123", "84101")
        refused = await client.place("BUY", "0.01", "84101", postOnly=True)
        assert (refused["status"], refused["statusReason"]) == ("CANCELLED", "POST_ONLY_FAILED")
        await client.place("BUY", "0.00123", "84101")
        (trade,) = await client.get("/user/trades")
        assert trade["fee"] == "0.0258610000000000"  # of 0.0258610575
