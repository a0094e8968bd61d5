"""The list of markets, and what stays when one is in it no more."""

import logging

from hummingbot_extended.connector.markets import Markets
from hummingbot_extended.exchange.reading import BadRecord, Records
from test.connector import models

PAIR = "BTC-USD"


def test_market_in_use_stays_as_it_was_when_a_reply_has_it_no_more():
    """A fill or a position in it must still find its pair."""
    markets = Markets(lambda: [PAIR], logging.getLogger("test"))
    markets.remember(Records([models.market(), models.market("ETH-USD")]))
    for reply in (Records([models.market("ETH-USD")]), Records([], [BadRecord(PAIR, "no tick", "")]), Records()):
        markets.remember(reply)
        assert markets.pair_of(PAIR) == PAIR
        assert markets.of(PAIR) == models.market()
        assert PAIR in [rule.trading_pair for rule in markets.rules()]
        assert PAIR in markets.symbols().values()
    assert markets.of("ETH-USD") is None
