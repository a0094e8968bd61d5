import msgspec
import pytest

from bench.measure import Goal, Rounds, Verdict, command, limit, percentile, tell

GOAL = Goal(id="G0", measure="CPU µs", variant="ours", baseline="theirs", at_least=3.0)


def rounds(theirs: list[float], ours: list[float]) -> Rounds:
    found = Rounds("Something", "theirs")
    for before, after in zip(theirs, ours, strict=True):
        found.add("theirs", {"CPU µs": before})
        found.add("ours", {"CPU µs": after})
    return found


def test_ratio_is_the_median_of_the_rounds_ratios_not_the_ratio_of_medians():
    drifting = rounds([10, 100, 40], [2, 50, 10])
    assert drifting.ratio("theirs", "ours", "CPU µs") == 4
    assert drifting.median("theirs", "CPU µs") == 40


@pytest.mark.parametrize(("ours", "met"), [(3.4, False), (10 / 3, True), (2.0, True)])
def test_goal_is_met_from_its_least_ratio_on(ours: float, met: bool):
    (verdict,) = rounds([10], [ours]).verdicts([GOAL])
    assert verdict.met is met
    assert str(verdict).startswith("met" if met else "MISSED")


@pytest.mark.parametrize(("found", "met"), [(5.0, True), (5.1, False)])
def test_limit_is_kept_up_to_its_most(found: float, met: bool):
    verdict = limit("G0", "memory", found, 5.0, " MB")
    assert verdict.met is met
    assert "at most 5 MB" in str(verdict)


def test_missed_goal_is_printed_and_written_and_is_no_failure(tmp_path, capsys):
    def run(quick: bool) -> list[Verdict]:
        assert quick
        return tell(rounds([10], [9]), [GOAL])

    assert command(run, "About.", ["--quick", "--json", str(tmp_path / "verdicts.json")]) == 0
    assert "MISSED G0" in capsys.readouterr().out
    (verdict,) = msgspec.json.decode((tmp_path / "verdicts.json").read_bytes(), type=list[Verdict])
    assert (verdict.goal, verdict.met) == (3.0, False)


def test_table_has_a_row_for_each_variant_with_its_ratio():
    table = rounds([10, 10], [5, 5]).table()
    assert "| theirs  | 10.00  | 1.00x     |" in table
    assert "| ours    | 5.00   | 2.00x     |" in table


def test_percentile_of_few_values():
    assert percentile([3, 1, 2], 0.99) == 3
    assert percentile([3, 1, 2], 0.5) == 2
