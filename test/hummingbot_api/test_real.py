"""The examples through the real hummingbot-api of HUMMINGBOT_API_DIR, our connector installed into its environment."""

import os
from pathlib import Path

import pytest

from test.bridge.running import EXCHANGE
from test.connector.running import stage
from test.hummingbot_api.cases import (
    test_basic_market_making,
    test_refusals_have_their_phrases_and_the_listener_hears_of_them,
    test_risk_manager_counts_own_fills_only,
    test_simple_market_maker_and_every_other_call,
)
from test.hummingbot_api.stack import ACCOUNT, check_checkout, hummingbot_api, open_folder

__all__ = [
    "test_basic_market_making",
    "test_refusals_have_their_phrases_and_the_listener_hears_of_them",
    "test_risk_manager_counts_own_fills_only",
    "test_simple_market_maker_and_every_other_call",
]
PYTHON = Path(__file__).parents[2] / ".venv-hummingbot-api/bin/python"
pytestmark = pytest.mark.hummingbot_api


@pytest.fixture
async def venue():
    # Its database loses a fill that comes before the order's row is written: this exchange takes its time.
    async with stage(makers=True, acceptance_delay_ms=300) as running:
        yield running


@pytest.fixture
async def api(venue, tmp_path):
    checkout = check_checkout(os.environ.get("HUMMINGBOT_API_DIR"))
    async with hummingbot_api(checkout, PYTHON, open_folder(tmp_path), {}) as running:
        keys = {
            f"{EXCHANGE}_api_key": venue.venue.api_key,
            f"{EXCHANGE}_stark_private_key": venue.venue.stark_private_key,
        }
        await running.call("POST", f"/accounts/add-credential/{ACCOUNT}/{EXCHANGE}", keys)
        yield running
