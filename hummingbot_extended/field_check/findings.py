"""What the steps of a check found, and the report that a user can attach to an issue: no secret is in it."""

import json
import platform
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Literal

from hummingbot_extended import __version__

type Status = Literal["pass", "fail", "skip"]
MASK = "•••"


class StepFailed(Exception):
    """Raised by a step that saw what must not be. The text is for the report."""


class StepSkipped(Exception):
    """Raised by a step that cannot be done here. The text says why."""


@dataclass(frozen=True, slots=True)
class Step:
    """One numbered step: a name and what to do. It returns what was seen."""

    name: str
    run: Callable[[], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of a step."""

    number: int
    name: str
    status: Status
    seen: str


@dataclass(slots=True)
class Notebook:
    """Findings, and the answers to what the API reference leaves open (§11).

    Everything that goes in or out loses its `secrets`: keys, and the numbers that name the account.
    """

    domain: str
    market: str
    findings: list[Finding] = field(default_factory=list)
    settled: dict[str, str] = field(default_factory=dict)
    _secrets: set[str] = field(default_factory=set, repr=False)
    _began: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    def keep_secret(self, *values: object) -> None:
        """Mask these wherever they appear, from now on and in what is noted already."""
        for value in map(str, values):
            if len(value) >= 4:  # shorter ones would mask half of the text
                self._secrets.add(value)

    def note(self, name: str, status: Status, seen: str) -> Finding:
        """Add a finding and return it."""
        finding = Finding(len(self.findings) + 1, name, status, self.masked(seen))
        self.findings.append(finding)
        return finding

    def settle(self, unknown: str, answer: str) -> None:
        """Note the answer to an open question of the API reference."""
        self.settled[unknown] = self.masked(answer)

    @property
    def has_passed(self) -> bool:
        """Whether no step failed."""
        return all(finding.status != "fail" for finding in self.findings)

    def masked(self, text: str) -> str:
        """Return `text` without the secrets."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, MASK)
        return text

    def as_json(self) -> str:
        """The report as one JSON object."""
        report = {
            "passed": self.has_passed,
            **self._head(),
            "steps": [asdict(finding) for finding in self.findings],
            "settled": self.settled,
        }
        return self.masked(json.dumps(report))

    def as_markdown(self) -> str:
        """The report for people, as an issue on GitHub shows it."""
        head = [f"- {name}: {value}" for name, value in self._head().items()]
        rows = [f"| {f.number} | {f.name} | {f.status} | {_cell(f.seen)} |" for f in self.findings]
        answers = [f"- **{unknown}** {answer}" for unknown, answer in self.settled.items()] or ["- none"]
        return self.masked(
            "\n".join(
                [
                    f"# hummingbot-extended check: {'passed' if self.has_passed else 'failed'}",
                    "",
                    *head,
                    "",
                    "| # | step | | seen |",
                    "|---|---|---|---|",
                    *rows,
                    "",
                    "Open questions of the API reference (§11) that this run answers:",
                    "",
                    *answers,
                    "",
                ]
            )
        )

    def _head(self) -> dict[str, str]:
        return {
            "domain": self.domain,
            "market": self.market,
            "began": self._began,
            "hummingbot-extended": __version__,
            "python": platform.python_version(),
            "system": f"{platform.system()} {platform.machine()}",
        }


async def run_steps(notebook: Notebook, steps: Iterable[Step], show: Callable[[Finding], None]) -> None:
    """Do the steps in order; one that fails does not keep the next from being tried. Cancelling stops at once."""
    from hummingbot_extended.errors import ExtendedError

    for step in steps:
        try:
            seen = await step.run()
        except StepSkipped as skipped:
            show(notebook.note(step.name, "skip", str(skipped)))
        except (StepFailed, ExtendedError, TimeoutError) as error:
            show(notebook.note(step.name, "fail", str(error) or type(error).__name__))
        else:
            show(notebook.note(step.name, "pass", seen))


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
