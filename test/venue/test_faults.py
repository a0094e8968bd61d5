"""The fault plan: targets, counts, probabilities, durations; and how faults are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hummingbot_extended.errors import SettingsError
from hummingbot_extended.venue.faults import FaultKind, FaultPlan, FaultSpec, parse_fault, parse_fault_option

GAP = FaultKind.GAP


def test_a_fault_fires_on_its_target_only() -> None:
    plan = FaultPlan()
    plan.add(FaultSpec(kind=GAP, path="*/orderbooks/*", market="BTC-USD", account=7), 0)
    miss = [
        {"path": "GET /v1/trades/BTC-USD", "market": "BTC-USD", "account": 7},
        {"path": "GET /v1/orderbooks/x", "market": "ETH-USD", "account": 7},
        {"path": "GET /v1/orderbooks/x", "market": "BTC-USD", "account": 8},
    ]
    assert [plan.fires(GAP, 0, **where) for where in miss] == [None, None, None]
    assert plan.fires(FaultKind.CUT, 0, path="GET /v1/orderbooks/x", market="BTC-USD", account=7) is None
    assert plan.fires(GAP, 0, path="GET /v1/orderbooks/x", market="BTC-USD", account=7)


def test_count_after_and_duration_bound_a_fault_and_its_counts_stay() -> None:
    plan = FaultPlan()
    fault = plan.add(FaultSpec(kind=GAP, count=2, after=1, duration_s=10), 1000)
    assert [bool(plan.fires(GAP, 1000)) for _ in range(5)] == [False, True, True, False, False]
    assert (fault.seen, fault.fired, fault.live(1000)) == (3, 2, False)
    timed = plan.add(FaultSpec(kind=GAP, duration_s=10), 1000)
    assert timed.live(10_999)
    assert not timed.live(11_000)
    assert plan.remove(timed.id) == 1
    assert plan.remove() == 1
    assert plan.counts() == {"gap": 2}
    assert [row["fired"] for row in plan.report(0)] == [2, 0]
    assert not plan.any_live(0)


@given(st.integers(0, 1000), st.floats(0.05, 0.95))
def test_the_same_seed_fires_at_the_same_opportunities(seed: int, probability: float) -> None:
    patterns = []
    for _ in range(2):
        plan = FaultPlan()
        plan.add(FaultSpec(kind=GAP, probability=probability, seed=seed), 0)
        patterns.append([bool(plan.fires(GAP, 0)) for _ in range(50)])
    assert patterns[0] == patterns[1]


def test_values_default_by_kind() -> None:
    plan = FaultPlan()
    values = [plan.add(FaultSpec(kind=kind), 0).value for kind in (FaultKind.STALL, FaultKind.CUT)]
    assert values == [30.0, 0.0]
    assert plan.add(FaultSpec(kind=FaultKind.STALL, value=2), 0).value == 2


def test_an_option_is_a_fault() -> None:
    spec = parse_fault_option("stall,path=*orderbooks*,count=3,probability=0.5,value=2,account=5,market=BTC-USD")
    assert spec == FaultSpec(
        kind=FaultKind.STALL, path="*orderbooks*", count=3, probability=0.5, value=2.0, account=5, market="BTC-USD"
    )
    assert parse_fault({"kind": "gap", "value": None}) == FaultSpec(kind=GAP)


@pytest.mark.parametrize("text", ["", "flood", "gap,x", "gap,x=1", "gap,count=a", "gap,probability=0", "gap,after=-1"])
def test_a_wrong_option_is_a_settings_error(text: str) -> None:
    with pytest.raises(SettingsError):
        parse_fault_option(text)
