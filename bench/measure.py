"""What the benchmarks share: interleaved rounds, ratios, a table, and goals that are met or not.

A benchmark is a module of this package with `run(quick) -> list[Verdict]`, which prints its tables as it goes, and ends
with `sys.exit(command(run, __doc__))`. `python -m bench` runs each in a process of its own, so that none pays for
another's memory.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

type Figures = Mapping[str, float]  # of one variant in one round, by measure


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A least ratio of `variant` to `baseline` in `measure` (both are costs: smaller is better).

    `floor` is a variant whose own ratio is told beside it: the most that the machine allows.
    """

    id: str
    measure: str
    variant: str
    baseline: str
    at_least: float
    floor: str = ""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a goal. `found` and `goal` are in `unit`: "x" for a ratio of two figures of one run."""

    id: str
    what: str
    found: float
    goal: float
    met: bool
    unit: str = "x"
    is_limit: bool = False  # True: the goal is the most, otherwise the least

    def __str__(self) -> str:
        word, bound = "met   " if self.met else "MISSED", "at most" if self.is_limit else "at least"
        return f"{word} {self.id}: {self.what} {_text(self.found)}{self.unit} (goal {bound} {self.goal:g}{self.unit})"


def limit(id: str, what: str, found: float, at_most: float, unit: str = "x") -> Verdict:
    """The verdict on a figure that must not be above `at_most`."""
    return Verdict(id=id, what=what, found=found, goal=at_most, met=found <= at_most, unit=unit, is_limit=True)


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
                *(_text(self.median(variant, measure)) for measure in measures),
                *(f"{_text(self.ratio(self.baseline, variant, measure))}x" for measure in measures),
            ]
            for variant in self._figures
        ]
        count = len(self._figures[self.baseline])
        return f"\n### {self.title}, {count} interleaved rounds\n\n" + markdown(head, rows)

    def verdicts(self, goals: Sequence[Goal]) -> list[Verdict]:
        """Whether each goal is met."""
        found = []
        for goal in goals:
            ratio = self.ratio(goal.baseline, goal.variant, goal.measure)
            what = f"{goal.variant} beside {goal.baseline}, {goal.measure}"
            if goal.floor:
                what += f" ({goal.floor}: {_text(self.ratio(goal.baseline, goal.floor, goal.measure))}x)"
            met = ratio >= goal.at_least
            found.append(Verdict(id=goal.id, what=what, found=ratio, goal=goal.at_least, met=met))
        return found


def tell(rounds: Rounds, goals: Sequence[Goal] = (), limits: Sequence[Verdict] = ()) -> list[Verdict]:
    """Print a table and the verdicts on its goals and `limits`; return those."""
    verdicts = [*rounds.verdicts(goals), *limits]
    print(rounds.table() + "\n", *verdicts, sep="\n", flush=True)
    return verdicts


def command(run: Callable[[bool], list[Verdict]], about: str | None, arguments: Sequence[str] | None = None) -> int:
    """Run one benchmark from the command line. Returns 0 also where a goal is missed: that is told, not a failure."""
    parser = argparse.ArgumentParser(description=(about or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer and smaller rounds; ratios are rougher")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the verdicts there, too")
    options = parser.parse_args(arguments)
    verdicts = run(options.quick)
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(verdicts)))
    return 0


async def longest_stall_s() -> float:
    """The longest time that the loop kept a timer of 1 ms waiting, until cancelled."""
    longest = 0.0
    try:
        while True:
            due = time.perf_counter() + 0.001
            await asyncio.sleep(0.001)
            longest = max(longest, time.perf_counter() - due)
    except asyncio.CancelledError:
        return longest


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


def _text(figure: float) -> str:
    return f"{figure:,.0f}" if figure >= 1_000 else f"{figure:.3g}" if figure < 1 else f"{figure:.2f}"
