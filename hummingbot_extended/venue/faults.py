"""Faults on demand (sans-I/O): which trouble happens next, to whom, how often, and how often it did.

The server asks `FaultPlan.fires(...)` at the places where trouble is possible; this module only decides and counts. It
has no clock and no global random: times come in, each fault draws from a generator of its own seed.
"""

import itertools
import random
from dataclasses import dataclass, field, fields
from enum import StrEnum
from fnmatch import fnmatchcase

from hummingbot_extended.errors import SettingsError


class FaultKind(StrEnum):
    """Every trouble the venue can make. What `value` means differs by kind and is told here."""

    # --- streams: decided for each frame about to be sent
    CUT = "cut"  # the connection ends: abruptly, or with close code `value` (1001, 1011, 1013 …)
    HALF_OPEN = (
        "half_open"  # the socket stays, nothing comes, pings are not sent or answered; `value` seconds, 0 = ever
    )
    STALL = "stall"  # pings but no data for `value` seconds (default 30); what fell into it is lost
    GAP = "gap"  # one frame is lost, its seq is used up
    DUPLICATE = "duplicate"  # one frame is sent twice
    REORDER = "reorder"  # one frame changes places with the next one
    GARBAGE = "garbage"  # bytes that are not JSON are sent before the frame
    EMPTY_ORDER_SNAPSHOT = "empty_order_snapshot"  # the opening ORDER snapshot says that there are no orders
    # --- requests: decided for each request
    SERVER_ERROR = "server_error"  # status `value` (default 500), the command is not carried out
    TOO_MANY_REQUESTS = "too_many_requests"  # 429, the command is not carried out
    REPLY_LOST = "reply_lost"  # the command is carried out, the connection ends without a reply
    REPLY_ERROR = "reply_error"  # the command is carried out, the reply is status `value` (default 502)
    SLOW_REPLY = "slow_reply"  # the command waits `value` seconds (default 5), is carried out, and replied to
    LATE_REPLY = "late_reply"  # the command is carried out, the reply waits `value` seconds (default 5)
    BARE_404 = "bare_404"  # 404 without a body, as seen on testnet's order paths
    # --- the exchange
    LATE_REJECTION = "late_rejection"  # an accepted order is rejected by the engine
    POST_ONLY_MODE = "post_only_mode"  # only cancels and post-only orders (1011)
    REDUCE_ONLY_MODE = "reduce_only_mode"  # only reduce-only orders (1012)
    MAINTENANCE = "maintenance"  # orders are refused (1010)
    SLOW_CLOCK = "slow_clock"  # Date header and ts are `value` seconds off (default -3: behind)


STREAM_FAULTS = frozenset(
    {FaultKind.CUT, FaultKind.HALF_OPEN, FaultKind.STALL, FaultKind.GAP, FaultKind.DUPLICATE, FaultKind.REORDER}
    | {FaultKind.GARBAGE}
)
REQUEST_FAULTS = frozenset(
    {FaultKind.SERVER_ERROR, FaultKind.TOO_MANY_REQUESTS, FaultKind.REPLY_LOST, FaultKind.REPLY_ERROR}
    | {FaultKind.SLOW_REPLY, FaultKind.LATE_REPLY, FaultKind.BARE_404}
)
DEFAULT_VALUES = {
    FaultKind.STALL: 30.0,
    FaultKind.SERVER_ERROR: 500.0,
    FaultKind.REPLY_ERROR: 502.0,
    FaultKind.SLOW_REPLY: 5.0,
    FaultKind.LATE_REPLY: 5.0,
    FaultKind.SLOW_CLOCK: -3.0,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultSpec:
    """One fault as asked for. It fires while its target matches, its count lasts and its time runs.

    `path` is a pattern of the URL path (fnmatch; method and path, e.g. "POST /api/v1/user/order*", or only the path);
    `market` and `account` narrow it further. `count` 0 means without end. `probability` is per opportunity, drawn from
    a generator seeded by `seed`. `after` opportunities are let pass first. `duration_s` 0 means without end.
    """

    kind: FaultKind
    path: str = "*"
    market: str = ""
    account: int = 0
    count: int = 0
    probability: float = 1.0
    seed: int = 0
    after: int = 0
    duration_s: float = 0.0
    value: float | None = None  # as FaultKind tells; None: the kind's default

    def __post_init__(self) -> None:
        if not 0 < self.probability <= 1:
            raise SettingsError(f"a fault's probability is above 0 and at most 1, not {self.probability}")
        if min(self.count, self.after, self.duration_s) < 0:
            raise SettingsError("count, after and duration_s of a fault must not be negative")


@dataclass(slots=True)
class Fault:
    """A fault that was set: its spec, when, and how often it met an opportunity and fired."""

    id: int
    spec: FaultSpec
    started_ms: int
    seen: int = 0
    fired: int = 0
    removed: bool = False
    rng: random.Random = field(default_factory=random.Random)

    @property
    def value(self) -> float:
        """The spec's value, or the default of its kind."""
        return self.spec.value if self.spec.value is not None else DEFAULT_VALUES.get(self.spec.kind, 0.0)

    def live(self, now_ms: int) -> bool:
        """Return whether the fault can still fire at `now_ms`."""
        spec = self.spec
        spent = spec.count and self.fired >= spec.count
        over = spec.duration_s and now_ms - self.started_ms >= spec.duration_s * 1000
        return not (self.removed or spent or over)

    def as_dict(self, now_ms: int) -> dict[str, object]:
        """Return what the control API shows of it."""
        spec = {f.name: getattr(self.spec, f.name) for f in fields(self.spec)}
        return {"id": self.id, **spec, "seen": self.seen, "fired": self.fired, "live": self.live(now_ms)}


class FaultPlan:
    """All faults that were set, spent ones included, because their counts are the witness of a test."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._ids = itertools.count(1)

    def add(self, spec: FaultSpec, now_ms: int) -> Fault:
        """Set a fault from `now_ms` on and return it."""
        fault = Fault(next(self._ids), spec, now_ms, rng=random.Random(spec.seed))
        self._faults.append(fault)
        return fault

    def remove(self, fault_id: int | None = None) -> int:
        """End one fault, or all when `fault_id` is None; return how many ended. Their counts stay readable."""
        chosen = [f for f in self._faults if not f.removed and fault_id in (None, f.id)]
        for fault in chosen:
            fault.removed = True
        return len(chosen)

    def any_live(self, now_ms: int) -> bool:
        """Return whether any fault could fire (the hot path's quick way out)."""
        return any(fault.live(now_ms) for fault in self._faults)

    def fires(
        self, kind: FaultKind, now_ms: int, *, path: str = "", market: str = "", account: int = 0
    ) -> Fault | None:
        """Return the first fault of `kind` that fires at this opportunity, counted, or None.

        `path` is "METHOD /path". An opportunity counts for every matching fault until one fires.
        """
        for fault in self._faults:
            if fault.spec.kind is not kind or not fault.live(now_ms) or not _matches(fault.spec, path, market, account):
                continue
            fault.seen += 1
            if fault.seen <= fault.spec.after or fault.rng.random() >= fault.spec.probability:
                continue
            fault.fired += 1
            return fault
        return None

    def report(self, now_ms: int) -> list[dict[str, object]]:
        """Return every fault with its counts, oldest first."""
        return [fault.as_dict(now_ms) for fault in self._faults]

    def counts(self) -> dict[str, int]:
        """Return how often each kind fired."""
        totals: dict[str, int] = {}
        for fault in self._faults:
            totals[fault.spec.kind] = totals.get(fault.spec.kind, 0) + fault.fired
        return totals


def _matches(spec: FaultSpec, path: str, market: str, account: int) -> bool:
    if spec.market and market != spec.market:
        return False
    if spec.account and account != spec.account:
        return False
    return spec.path == "*" or fnmatchcase(path, spec.path) or fnmatchcase(path.partition(" ")[2], spec.path)


def parse_fault(values: dict[str, object]) -> FaultSpec:
    """Return the FaultSpec of a JSON object or of `--fault` words. Raises SettingsError naming what is wrong."""
    known = {f.name: f.type for f in fields(FaultSpec)}
    unknown = sorted(set(values) - set(known))
    if unknown or "kind" not in values:
        raise SettingsError(f"a fault has kind and {', '.join(k for k in known if k != 'kind')}; not {unknown}")
    if values["kind"] not in FaultKind.__members__.values():
        raise SettingsError(f"no fault {values['kind']!r}; there are {', '.join(FaultKind)}")
    converters = {"path": str, "market": str, "account": int, "count": int, "seed": int, "after": int}
    converted: dict[str, object] = {"kind": FaultKind(str(values["kind"]))}
    for name, value in values.items():
        if name == "kind" or (name == "value" and value is None):
            continue
        try:
            converted[name] = converters.get(name, float)(value)
        except (TypeError, ValueError) as error:
            raise SettingsError(f"{name} of a fault cannot be {value!r}") from error
    return FaultSpec(**converted)  # type: ignore[arg-type]


def parse_fault_option(text: str) -> FaultSpec:
    """Return the fault of an option such as "gap,path=*orderbooks*,count=3,probability=0.1"."""
    kind, *rest = text.split(",")
    pairs = [part.partition("=") for part in rest]
    if any(not separator for _, separator, _ in pairs):
        raise SettingsError(f"a fault looks like gap,count=3,path=*orderbooks*, not {text!r}")
    return parse_fault({"kind": kind, **{name: value for name, _, value in pairs}})
