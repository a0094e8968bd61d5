"""Settings and variants of the venue."""

import pytest

from hummingbot_extended.errors import SettingsError
from hummingbot_extended.venue.settings import VenueSettings, parse_duration_s
from hummingbot_extended.venue.variants import Variants, describe_variants


@pytest.mark.parametrize(("text", "seconds"), [("30s", 30), ("500ms", 0.5), ("5m", 300), ("1.5h", 5400), ("45", 45)])
def test_durations_have_units(text: str, seconds: float) -> None:
    assert parse_duration_s(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "s", "-1s", "5 days", "1e3s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="duration"):
        parse_duration_s(text)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "example.com", ""])
def test_only_loopback_hosts_are_allowed(host: str) -> None:
    with pytest.raises(SettingsError, match="loopback"):
        VenueSettings(host=host)
    assert VenueSettings(host="::1").host == "::1"


def test_every_variant_is_described_with_its_default_first_and_can_be_set_to_each_value() -> None:
    defaults = Variants()
    for name, values in describe_variants().items():
        if name == "fill_messages":
            continue
        assert defaults.with_values({name: values[0]}) == defaults
        for value in values[1:]:
            assert defaults.with_values({name: value}) != defaults
    assert Variants(fill_messages="TRADE,ORDER,BALANCE,POSITION").as_dict()["fill_messages"].startswith("TRADE")


@pytest.mark.parametrize(
    "words", [{"no": "x"}, {"unknown_cancel": "x"}, {"retry_after": "x"}, {"fill_messages": "ORDER"}]
)
def test_a_wrong_variant_is_refused(words: dict[str, str]) -> None:
    with pytest.raises(SettingsError):
        Variants().with_values(words)
