"""Wire data for Hummingbot's inherited suite, in the exchange's shapes (API reference §2, §3, §6.7)."""

from typing import Any

API_KEY = "testApiKey0123456789abcdef"
STARK_KEY = "0x7a7ff6fd3cab02ccdcd4a572563f5976f8976899b03a39773795a3c486d4986"


def market(name: str, **changes: Any) -> dict[str, Any]:
    return {
        "name": name,
        "type": "PERPETUAL",
        "uiName": name,
        "category": "Crypto",
        "assetName": name.partition("-")[0],
        "assetPrecision": 6,
        "collateralAssetName": "USD",
        "collateralAssetPrecision": 6,
        "active": True,
        "status": "ACTIVE",
        "marketStats": stats(),
        "tradingConfig": {
            "minOrderSize": "0.01",
            "minOrderSizeChange": "0.000001",
            "minPriceChange": "0.0001",
            "maxMarketOrderValue": "5000000",
            "maxLimitOrderValue": "10000000",
            "maxPositionValue": "50000000",
            "maxLeverage": "50.00",
            "maxNumOrders": "200",
            "limitPriceCap": "0.05",
            "limitPriceFloor": "0.05",
        },
        "l2Config": {
            "type": "STARKX",
            "collateralId": "0x1",
            "syntheticId": "0x4254432d3600000000000000000000",
            "syntheticResolution": 1000000,
            "collateralResolution": 1000000,
        },
        **changes,
    }


def stats(**changes: Any) -> dict[str, Any]:
    return {
        "dailyVolume": "1000000",
        "dailyVolumeBase": "100",
        "dailyPriceChange": "-10.5",
        "dailyPriceChangePercentage": "-0.001",
        "dailyLow": "9000",
        "dailyHigh": "11000",
        "lastPrice": "9999.9",
        "askPrice": "10000.5",
        "bidPrice": "9999.5",
        "markPrice": "2",
        "indexPrice": "1",
        "fundingRate": "3",
        "nextFundingRate": 1657099053000,
        "openInterest": "1000",
        "openInterestBase": "1",
        **changes,
    }


def ok(data: Any, **more: Any) -> dict[str, Any]:
    return {"status": "OK", "data": data, **more}


def error(code: int | str, message: str) -> dict[str, Any]:
    return {"status": "ERROR", "error": {"code": code, "message": message}}


def page(rows: list[Any]) -> dict[str, Any]:
    return ok(rows, pagination={"cursor": rows[-1]["id"] if rows else None, "count": len(rows)})


def order(order_id: int | str, external_id: str, market_name: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": int(order_id),
        "accountId": 100009,
        "externalId": external_id,
        "market": market_name,
        "type": "LIMIT",
        "side": "BUY",
        "status": "NEW",
        "price": "10000",
        "qty": "1",
        "filledQty": "0",
        "reduceOnly": False,
        "postOnly": False,
        "timeInForce": "GTT",
        "createdTime": 1640780000000,
        "updatedTime": 1640780001000,
        "expireTime": 1640880000000,
        **changes,
    }


def trade(trade_id: int | str, order_id: int | str, market_name: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": int(trade_id),
        "accountId": 100009,
        "market": market_name,
        "orderId": int(order_id),
        "side": "BUY",
        "price": "10000",
        "qty": "1",
        "value": "10000",
        "fee": "30",
        "isTaker": True,
        "tradeType": "TRADE",
        "createdTime": 1640780000500,
        **changes,
    }


def balance(name: str, total: str, available: str) -> dict[str, Any]:
    return {
        "collateralName": name,
        "balance": total,
        "status": "ACTIVE",
        "equity": total,
        "availableForTrade": available,
        "availableForWithdrawal": available,
        "unrealisedPnl": "0",
        "initialMargin": "0",
        "marginRatio": "0",
        "updatedTime": 1640780001000,
        "exposure": "0",
        "leverage": "0",
    }


def account_event(kind: str, **payload: Any) -> dict[str, Any]:
    return {"type": kind, "data": {"isSnapshot": False, **payload}, "ts": 1640780001010, "seq": 4}
