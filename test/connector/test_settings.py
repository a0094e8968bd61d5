"""Settings: from a config map or from keyword arguments, each wrong one with its sentence."""

from decimal import Decimal
from types import SimpleNamespace

import pytest

from hummingbot_extended.connector.settings import ConnectorSettings
from hummingbot_extended.errors import SettingsError


def test_defaults_hold_for_what_is_missing_or_empty():
    assert ConnectorSettings.read(None, {}) == ConnectorSettings()
    assert ConnectorSettings.read(SimpleNamespace(transport="", builder_id=None), {}) == ConnectorSettings()


def test_config_map_is_read_and_arguments_go_before_it():
    found = ConnectorSettings.read(
        SimpleNamespace(rate_limit_tier="tier2", order_expiry_days=3, builder_fee_rate="0.001", builder_id="7"),
        {"order_expiry_days": "5", "receive_connector_configuration": True},
    )
    assert (found.requests_per_minute, found.order_expiry_days, found.builder_id) == (8_000, 5, 7)
    assert found.builder_fee_rate == Decimal("0.001")


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("transport", "pigeon", "transport must be one of auto, websocket, sse"),
        ("rate_limit_tier", "tier9", "must be one of default"),
        ("orders_after_restart", "hide", "must be one of cancel, adopt, ignore"),
        ("rate_limit_share_pct", "0", "between 0.1 and 100"),
        ("rate_limit_share_pct", "much", "must be a number"),
        ("rate_limit_share_pct", "Infinity", "must be a number"),
        ("order_expiry_days", "90", "between 1 and 89"),
        ("order_expiry_days", "soon", "must be a whole number"),
        ("builder_fee_rate", "0.5", "between 0 and 0.01"),
        ("dead_mans_switch_s", "5", "at least 10 seconds"),
        ("bot_id", "far too long", "1 to 8 letters or digits"),
    ],
)
def test_wrong_value_is_refused_with_its_sentence(field, value, words):
    with pytest.raises(SettingsError, match=words):
        ConnectorSettings.read(None, {field: value})


def test_field_that_does_not_exist_is_a_programming_error():
    with pytest.raises(TypeError, match="no_such_field"):
        ConnectorSettings.read(None, {"no_such_field": 1})
