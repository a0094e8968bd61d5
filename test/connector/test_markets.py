"""The list of markets, and what stays when one is in it no more."""

import logging

from hummingbot_extended.connector.markets import Markets
from hummingbot_extended.exchange.reading import BadRecord, Records
from test.connector import models

PAIR = "BTC-USD"


def test_market_keeps_its_name_when_a_reply_has_it_no_more():
    """A fill or a position in it must still find its pair."""
    markets = Markets(lambda: [PAIR], logging.getLogger("test"))
    usdc = models.market("BTC-USDC", assetName="BTC", collateralAssetName="USDC")
    markets.remember(Records([usdc, models.market("ETH-USD")]))
    for reply in (Records([models.market("ETH-USD")]), Records([], [BadRecord(PAIR, "no tick", "")]), Records()):
        markets.remember(reply)
        assert markets.pair_of("BTC-USDC") == PAIR
        assert markets.name_of(PAIR) == "BTC-USDC"
        assert markets.of(PAIR) is None
        assert PAIR not in [rule.trading_pair for rule in markets.rules()]
