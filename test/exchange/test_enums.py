import pytest

from hummingbot_extended.exchange import enums
from hummingbot_extended.exchange.enums import OpenEnum, OrderStatus, PositionStatus, Side, StatusReason, TradeType

OPEN = [kind for kind in vars(enums).values() if isinstance(kind, type) and issubclass(kind, OpenEnum)][1:]


@pytest.mark.parametrize("kind", OPEN)
def test_descriptive_enums_open_with_unknown_and_read_new_members_as_it(kind: type[OpenEnum]) -> None:
    assert next(iter(kind)).name == "UNKNOWN"
    assert kind("A_MEMBER_OF_NEXT_YEAR") is kind["UNKNOWN"]


@pytest.mark.parametrize("kind", [OrderStatus, TradeType, PositionStatus, Side])
def test_state_enums_refuse_what_they_do_not_know(kind: type) -> None:
    with pytest.raises(ValueError, match="UNKNOWN"):
        kind("UNKNOWN")


def test_every_documented_status_reason_is_a_member() -> None:
    assert len(StatusReason) == 27
    assert StatusReason("NEGATIVE_EQUITY").name == "NEGATIVE_EQUITY"


def test_final_statuses() -> None:
    assert [status.name for status in OrderStatus if status.is_final] == ["FILLED", "CANCELLED", "REJECTED", "EXPIRED"]


def test_opposite_side() -> None:
    assert (Side.BUY.opposite, Side.SELL.opposite) == (Side.SELL, Side.BUY)
