"""`GET /info/markets` as the exchange answers it, made up but alike: the fields and digits of a captured market."""

import json
from typing import Any

BANDS = 51  # of BTC-USD, as captured
PAIR = "M0-USD"


def market(number: int, bands: int = BANDS) -> dict[str, Any]:
    """The market `M{number}-USD`, priced around 84,077."""
    return {
        "name": f"M{number}-USD",
        "type": "PERPETUAL",
        "uiName": f"M{number}-USD",
        "category": "Crypto",
        "subCategory": "L1",
        "assetName": f"M{number}",
        "assetPrecision": 5,
        "collateralAssetName": "USD",
        "collateralAssetPrecision": 6,
        "description": "A made-up market",
        "active": True,
        "isRfq": False,
        "isOffHours": False,
        "status": "ACTIVE",
        "tradingHours": "CONTINUOUS",
        "marketStats": _stats(),
        "tradingConfig": _trading_config(bands),
        "l2Config": {
            "type": "STARKX",
            "collateralId": "0x1",
            "syntheticId": hex(0x4254432D3600000000000000000000 + number),
            "syntheticResolution": 1_000_000,
            "collateralResolution": 1_000_000,
        },
        "visibleOnUi": True,
        "createdAt": 1_738_000_000_000,
    }


def reply(count: int, bands: int = BANDS) -> bytes:
    """A reply with `count` markets."""
    data = [market(number, bands) for number in range(count)]
    return json.dumps({"status": "OK", "data": data}, separators=(",", ":")).encode()


def _stats() -> dict[str, Any]:
    levels = [{"level": level, "rankingLowerBound": f"{-1354.1454 / level:.4f}"} for level in range(1, 5)]
    return {
        "dailyVolume": "92863013.450600",
        "dailyVolumeBase": "1108.02912",
        "dailyPriceChange": "-76",
        "dailyPriceChangePercentage": "-0.0009",
        "dailyLow": "83127",
        "dailyHigh": "84503",
        "lastPrice": "84077",
        "askPrice": "84078",
        "bidPrice": "84077",
        "markPrice": "84058.473541750005",
        "indexPrice": "84105.146005012502",
        "fundingRate": "0.000013",
        "nextFundingRate": 1_795_222_800_000,
        "openInterest": "42147832.563253",
        "openInterestBase": "501.03550",
        "deleverageLevels": {"shortPositions": levels, "longPositions": levels},
    }


def _trading_config(bands: int) -> dict[str, Any]:
    return {
        "minOrderSize": "0.0001",
        "minOrderSizeChange": "0.00001",
        "minPriceChange": "1",
        "maxMarketOrderValue": "3000000",
        "maxLimitOrderValue": "15000000",
        "maxPositionValue": "60000000",
        "maxLeverage": "50.00",
        "hourlyFundingRateCap": "0.25",
        "openInterestLimit": "0",
        "maxNumOrders": "200",
        "limitPriceCap": "0.05",
        "limitPriceFloor": "0.05",
        "riskFactorConfig": [
            {"upperBound": str(band * 4_000_000), "riskFactor": f"{band * 0.02:.2f}", "isAvailableForUsers": True}
            for band in range(1, bands + 1)
        ],
        "uPnlWithdrawable": True,
        "postWithdrawalMarginFactor": "0.1",
    }
