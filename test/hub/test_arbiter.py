"""Which source is read: scores by what is measured, switches at once on loss, back only with a clear lead."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hummingbot_extended.hub.arbiter import Arbiter, Switch
from hummingbot_extended.hub.scores import Skew, SourceRecord, agreement

EPOCH_MS = 1_800_000_000_000
STALE_S = 10.0


class Bench:
    """An arbiter under a clock that the test moves."""

    def __init__(self, *names: str) -> None:
        self.arbiter = Arbiter(list(names), STALE_S)
        self.now_s = 0.0

    @property
    def now_ms(self) -> float:
        return EPOCH_MS + self.now_s * 1000

    def frame(self, *names: str, late_ms: float = 0.0, completeness: float = 1.0) -> None:
        for name in names:
            self.arbiter.records[name].frame(self.now_s, self.now_ms, self.now_ms - late_ms, completeness)

    def connect(self, *names: str) -> None:
        for name in names:
            self.arbiter.records[name].connected(self.now_s)
        self.frame(*names)

    def lose(self, name: str, *, gap: bool = False) -> None:
        self.arbiter.records[name].lost(self.now_s, "cut", is_gap=gap)

    def decide(self) -> Switch | None:
        return self.arbiter.decide(self.now_s, self.now_ms)

    def after(self, seconds: float, *live: str, late_ms: float = 0.0) -> list[Switch]:
        """Let time pass in steps of 0.1 s, with frames of `live`; return what was switched."""
        switches = []
        for _ in range(round(seconds * 10)):
            self.now_s += 0.1
            self.frame(*live, late_ms=late_ms)
            if (switch := self.decide()) is not None:
                switches.append(switch)
        return switches

    def prices(self, **prices: str) -> None:
        for name, price in prices.items():
            self.arbiter.records[name].price = Decimal(price)

    def confidence(self, name: str) -> float:
        return self.arbiter.confidence(name, self.now_s, self.now_ms)

    def score(self, name: str) -> float:
        return self.arbiter.records[name].score(self.now_s, self.now_ms)


class TestScore:
    @pytest.mark.states("W42")
    def test_w42_is_the_weighted_sum_of_five_measured_parts(self) -> None:
        bench = Bench("a")
        bench.connect("a")
        assert bench.score("a") == pytest.approx(100.0)
        bench.now_s += STALE_S / 2  # freshness halves: 15 points
        assert bench.score("a") == pytest.approx(85.0)

    @pytest.mark.states("W42")
    def test_w42_latency_is_the_95th_percentile_over_5_s(self) -> None:
        bench = Bench("a")
        bench.connect("a")
        for _ in range(99):
            bench.frame("a", late_ms=2_500.0)
        record = bench.arbiter.records["a"]
        assert record.latency_p95_ms == pytest.approx(2_500.0)
        assert bench.score("a") == pytest.approx(100 - 12.5)

    @pytest.mark.states("W42", "W-B7")
    def test_w42_gaps_and_failures_and_downtime_cost_points(self) -> None:
        bench = Bench("a")
        bench.connect("a")
        whole = bench.score("a")
        bench.now_s += 10
        bench.lose("a", gap=True)
        bench.now_s += 43_200
        bench.connect("a")
        record = bench.arbiter.records["a"]
        assert record.uptime(bench.now_s) == pytest.approx(0.5)
        assert (record.errors, record.gaps) == (1, 1)
        assert bench.score("a") < whole - 10

    @pytest.mark.states("W43")
    def test_w43_a_source_without_data_has_no_score_and_is_not_healthy(self) -> None:
        bench = Bench("a")
        assert bench.score("a") == 0
        assert not bench.arbiter.is_healthy("a", 0, bench.now_ms)
        bench.connect("a")
        assert bench.arbiter.is_healthy("a", 0, bench.now_ms)

    @given(st.floats(-1e7, 1e7), st.floats(0, 100_000))
    @settings(max_examples=60)
    @pytest.mark.states("W-B11")
    def test_b11_whatever_the_clocks_say_a_score_is_from_0_to_100(self, skew_ms: float, late_ms: float) -> None:
        """W-B11: a clock 5 s ahead ended all plans of the original."""
        record = SourceRecord("a", 0, STALE_S, Skew())
        record.connected(0)
        record.frame(0, EPOCH_MS, EPOCH_MS + skew_ms, 1.0)
        record.frame(1, EPOCH_MS + 1_000, EPOCH_MS + 1_000 + skew_ms - late_ms, 1.0)
        assert 0 <= record.score(1, EPOCH_MS + 1_000) <= 100
        assert (record.age_s(EPOCH_MS + 1_000) or 0) >= 0

    def test_skew_is_shared_so_that_a_late_source_shows(self) -> None:
        bench = Bench("quick", "slow")
        bench.connect("quick")
        bench.arbiter.records["slow"].connected(0)
        bench.frame("slow", late_ms=4_000)
        assert bench.score("slow") < bench.score("quick") - 10

    def test_skew_forgets_after_its_window(self) -> None:
        skew = Skew()
        skew.observe(-500, 0)
        assert skew.observe(100, 700) == 600
        assert skew.observe(100, 1_400) == 0

    @pytest.mark.parametrize("step_ms", [60_000, -60_000, 3_600_000])
    def test_data_is_as_fresh_as_before_when_this_machines_clock_is_set(self, step_ms: int) -> None:
        record = SourceRecord("a", 0, STALE_S, Skew())
        record.connected(0)
        for second in range(5):
            record.frame(second, EPOCH_MS + second * 1_000, EPOCH_MS + second * 1_000 - 20, 1.0)
        now_ms = EPOCH_MS + 5_000
        record.frame(5, now_ms + step_ms, now_ms - 20, 1.0)
        assert record.is_usable(5, now_ms + step_ms)
        assert record.latency_p95_ms == 0

    def test_repr_and_states_are_words(self) -> None:
        bench = Bench("a")
        record = bench.arbiter.records["a"]
        assert record.state(0, bench.now_ms) == "connecting"
        bench.connect("a")
        assert record.state(0, bench.now_ms) == "live"
        bench.now_s += 11
        assert record.state(bench.now_s, bench.now_ms) == "stale"
        bench.lose("a")
        assert record.state(bench.now_s, bench.now_ms) == "down"
        record.cool(bench.now_s, 5)
        assert record.state(bench.now_s, bench.now_ms) == "cooling"
        assert "not live" in repr(record)
        assert "no source" in repr(bench.arbiter)


class TestChoice:
    @pytest.mark.states("W-B6")
    def test_b6_equal_sources_never_flap(self) -> None:
        """W-B6: the original's choice was clock noise."""
        bench = Bench("a", "b", "c", "d")
        bench.connect("a", "b", "c", "d")
        assert bench.decide() == Switch(None, "a", "first data")
        assert bench.after(60, "a", "b", "c", "d") == []
        assert bench.arbiter.switches == 0

    @pytest.mark.states("W45")
    def test_w45_loss_switches_at_once(self) -> None:
        bench = Bench("a", "b")
        bench.connect("a", "b")
        bench.decide()
        bench.lose("a")
        assert bench.decide() == Switch("a", "b", "down")

    @pytest.mark.states("W45")
    def test_w45_staleness_switches_at_once(self) -> None:
        bench = Bench("a", "b")
        bench.connect("a", "b")
        bench.decide()
        switches = bench.after(12, "b")
        assert [(one.before, one.after, one.reason) for one in switches][:1] != []
        assert bench.arbiter.active == "b"
        assert bench.now_s == pytest.approx(12)

    def test_a_returning_source_of_the_same_worth_does_not_take_over(self) -> None:
        bench = Bench("a", "b")
        bench.connect("a", "b")
        bench.decide()
        bench.lose("a")
        bench.decide()
        bench.connect("a")
        assert bench.after(30, "a", "b") == []

    def test_back_only_with_a_lead_of_10_points_for_5_s(self) -> None:
        bench = Bench("good", "poor")
        bench.connect("good")
        bench.decide()
        bench.lose("good")
        bench.arbiter.records["poor"].connected(0)
        bench.frame("poor", completeness=0.0)
        assert bench.decide() == Switch("good", "poor", "down")
        bench.arbiter.records["good"]._completeness.extend([1.0] * 256)
        bench.arbiter.records["good"].connected(0)
        for step in range(49):
            bench.now_s = step / 10
            bench.frame("good")
            bench.frame("poor", completeness=0.0)
            assert bench.decide() is None, step
        bench.now_s = 5.0
        bench.frame("good", "poor")
        switch = bench.decide()
        assert switch is not None
        assert (switch.after, "leads" in switch.reason) == ("good", True)

    def test_a_lead_that_is_interrupted_starts_anew(self) -> None:
        bench = Bench("a", "b")
        bench.connect("a", "b")
        bench.decide()
        record = bench.arbiter.records["a"]
        record._completeness.extend([0.0] * 256)
        bench.after(4, "a", "b")
        record._completeness.extend([1.0] * 256)
        bench.after(1, "a", "b")
        record._completeness.extend([0.0] * 256)
        assert bench.after(4.5, "a", "b") == []

    @pytest.mark.states("W-B10")
    def test_b10_every_healthy_source_is_tried(self) -> None:
        """W-B10: the original tried three."""
        bench = Bench(*"abcde")
        bench.connect("e")
        assert bench.decide() == Switch(None, "e", "first data")

    @pytest.mark.states("W43")
    def test_w43_if_none_is_fresh_the_best_living_one_stays(self) -> None:
        bench = Bench("a", "b")
        bench.connect("a", "b")
        bench.decide()
        assert bench.after(30) == []
        assert bench.arbiter.active == "a"
        bench.lose("a")
        assert bench.decide() == Switch("a", "b", "down")

    @pytest.mark.states("W45")
    def test_w45_no_source_at_all_is_a_switch_to_none(self) -> None:
        bench = Bench("a")
        bench.connect("a")
        bench.decide()
        bench.lose("a")
        assert bench.decide() == Switch("a", None, "down")
        assert bench.decide() is None

    @pytest.mark.states("W46", "W-B9")
    def test_w46_a_cooling_source_scores_0_and_is_left_for_as_long_as_it_said(self) -> None:
        """W-B9: `retry_after` counts, not what a text says."""
        bench = Bench("a", "b")
        bench.connect("a", "b")
        bench.decide()
        bench.arbiter.records["a"].cool(bench.now_s, 5.0)
        assert bench.score("a") == 0
        assert bench.decide() == Switch("a", "b", "cooling")
        assert not bench.arbiter.records["a"].is_cooling(bench.now_s + 5)
        bench.arbiter.records["a"].cool(bench.now_s, None)
        assert bench.arbiter.records["a"].is_cooling(bench.now_s + 59)

    def test_ties_go_by_priority_not_by_order_of_arrival(self) -> None:
        bench = Bench("first", "second")
        bench.connect("second", "first")
        assert bench.decide() == Switch(None, "first", "first data")

    @given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["connect", "lose", "frame"])), max_size=60))
    @settings(max_examples=100)
    @pytest.mark.states("W44")
    def test_w44_the_same_events_make_the_same_choices(self, events: list[tuple[str, str]]) -> None:
        def run() -> list[Switch]:
            bench, switches = Bench("a", "b", "c"), []
            for name, what in events:
                bench.now_s += 0.7
                match what:
                    case "connect":
                        bench.connect(name)
                    case "lose":
                        bench.lose(name)
                    case "frame":
                        bench.frame(name)
                if (switch := bench.decide()) is not None:
                    switches.append(switch)
                active = bench.arbiter.active
                assert active is None or bench.arbiter.records[active].is_live
            return switches

        assert run() == run()


class TestConfidence:
    """§4.4: the score, times how far the other live sources agree. Prices are compared, never averaged."""

    @pytest.mark.parametrize(
        ("others", "expected"),
        [
            ([], 1.0),
            (["100"], 1.0),
            (["100.5"], 0.5),
            (["99.5"], 0.5),
            (["110"], 0.0),
            (["100", "110"], 1.0),  # one of three errs: not this one
            (["110", "110"], 0.0),  # … and here it is this one
        ],
    )
    def test_agreement_is_the_middle_difference(self, others: list[str], expected: float) -> None:
        assert agreement(Decimal(100), [Decimal(other) for other in others]) == pytest.approx(expected)

    def test_the_one_that_deviates_is_trusted_less_and_the_others_are_not(self) -> None:
        bench = Bench("a", "b", "odd")
        bench.connect("a", "b", "odd")
        bench.prices(a="100", b="100.01", odd="105")
        assert bench.confidence("odd") == 0
        assert bench.confidence("a") == pytest.approx(0.99, abs=0.001)

    def test_it_falls_with_the_score_and_is_0_without_data(self) -> None:
        bench = Bench("a", "b")
        assert bench.confidence("a") == 0
        bench.connect("a")
        assert bench.confidence("a") == pytest.approx(1.0)
        bench.now_s += STALE_S / 2
        assert bench.confidence("a") == pytest.approx(bench.score("a") / 100) == pytest.approx(0.85)

    def test_a_source_that_is_lost_stale_or_cooling_is_not_compared_with(self) -> None:
        bench = Bench("a", "b")
        bench.connect("a", "b")
        bench.prices(a="100", b="105")
        assert bench.confidence("a") == 0
        bench.lose("b")
        assert bench.confidence("a") == pytest.approx(1.0)
        bench.connect("b")
        bench.arbiter.records["b"].cool(bench.now_s, 5)
        assert bench.confidence("a") == pytest.approx(1.0)
        bench.now_s += STALE_S + 1
        bench.frame("a")
        assert bench.confidence("a") > 0.9
