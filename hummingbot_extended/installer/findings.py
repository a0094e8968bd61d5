"""What `doctor` says: one finding a check."""

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """How bad a finding is. FAIL makes the exit code 1."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what was seen, and the command that cures it where something is wrong."""

    check: str
    status: Status
    detail: str
    cure: str = ""


def ok(check: str, detail: str) -> Finding:
    """Return a finding that all is well."""
    return Finding(check, Status.OK, detail)


def warn(check: str, detail: str, cure: str = "") -> Finding:
    """Return a finding that the user should know of."""
    return Finding(check, Status.WARN, detail, cure)


def fail(check: str, detail: str, cure: str = "") -> Finding:
    """Return a finding that keeps the connector, or Hummingbot, from working."""
    return Finding(check, Status.FAIL, detail, cure)
