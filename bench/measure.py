"""What the benchmarks share: interleaved rounds, ratios, a table, and goals that are met or not."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

type Figures = Mapping[str, float]  # of one variant in one round, by measure


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A least ratio of `variant` to `baseline` in `measure` (both are costs: smaller is better)."""

    id: str
    measure: str
    variant: str
    baseline: str
    at_least: float


class Rounds:
    """Figures of several variants, taken in turns, so that the machine's drift meets all of them alike."""

    def __init__(self, title: str, baseline: str) -> None:
        self.title = title
        self.baseline = baseline
        self._figures: dict[str, list[Figures]] = {}

    def add(self, variant: str, figures: Figures) -> None:
        """Take the figures of one variant in the round under way."""
        self._figures.setdefault(variant, []).append(figures)

    def median(self, variant: str, measure: str) -> float:
        """The median figure of a variant."""
        return statistics.median(figures[measure] for figures in self._figures[variant])

    def ratio(self, baseline: str, variant: str, measure: str) -> float:
        """The median of the rounds' ratios: how many times cheaper `variant` is than `baseline`."""
        pairs = zip(self._figures[baseline], self._figures[variant], strict=True)
        return statistics.median(before[measure] / after[measure] for before, after in pairs)

    def table(self) -> str:
        """The figures as Markdown: medians, and ratios to the baseline."""
        measures = list(self._figures[self.baseline][0])
        head = ["variant", *measures, *(f"{measure.partition(' ')[0]} ratio" for measure in measures)]
        rows = [
            [
                variant,
                *(f"{self.median(variant, measure):,.2f}" for measure in measures),
                *(f"{self.ratio(self.baseline, variant, measure):.2f}x" for measure in measures),
            ]
            for variant in self._figures
        ]
        count = len(self._figures[self.baseline])
        return f"\n### {self.title}, {count} interleaved rounds\n\n" + markdown(head, rows)

    def verdicts(self, goals: Sequence[Goal]) -> list[tuple[bool, str]]:
        """Whether each goal is met, with a line that says so."""
        found = []
        for goal in goals:
            ratio = self.ratio(goal.baseline, goal.variant, goal.measure)
            met = ratio >= goal.at_least
            line = f"{'met   ' if met else 'MISSED'} {goal.id}: {goal.measure} {ratio:.2f}x of {goal.baseline}"
            found.append((met, f"{line} (goal {goal.at_least:g}x)"))
        return found


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table with aligned columns."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"

    return "\n".join([line(head), line(["-" * width for width in widths]), *(line(row) for row in rows)])


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of the sorted `values` lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
