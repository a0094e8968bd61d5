"""The examples through a local hummingbot-api, over a real connector that is driven as the real one drives it."""

import pytest

from test.bridge.api_host import api_of
from test.connector.running import stage
from test.hummingbot_api.cases import (
    test_basic_market_making,
    test_refusals_have_their_phrases_and_the_listener_hears_of_them,
    test_risk_manager_counts_own_fills_only,
    test_simple_market_maker_and_every_other_call,
)

__all__ = [
    "test_basic_market_making",
    "test_refusals_have_their_phrases_and_the_listener_hears_of_them",
    "test_risk_manager_counts_own_fills_only",
    "test_simple_market_maker_and_every_other_call",
]


@pytest.fixture
async def venue():
    async with stage(makers=True) as running:
        yield running


@pytest.fixture
async def api(venue):
    async with api_of(venue) as running:
        yield running
