"""Which source a channel is read from: a stream is chosen, never a tick, and prices are never averaged. Sans-I/O.

A source that is lost or stale is left at once for the best one that is not; a better one takes over only when it has
led by `LEAD` points for `HOLD_S`. So equal sources never flap. Equal scores go by configured priority, then by name.
"""

from dataclasses import dataclass

from hummingbot_extended.hub.scores import HEALTHY, Skew, SourceRecord

LEAD = 10.0
HOLD_S = 5.0


@dataclass(frozen=True, slots=True)
class Switch:
    """Another source is read from now on; `before` or `after` is None where there is none. `reason` in words."""

    before: str | None
    after: str | None
    reason: str


class Arbiter:
    """The sources of one channel, in order of priority, and the one that is active.

    Sources in `reserve` (an edge's own upstreams) are read only while no other is usable: any other leads them clearly.
    Its owner tells the records what happens and calls `decide` whenever something did, and each second.
    """

    def __init__(
        self,
        names: list[str],
        stale_after_s: float,
        *,
        reserve: frozenset[str] = frozenset(),
        lead: float = LEAD,
        hold_s: float = HOLD_S,
    ) -> None:
        skew = Skew()
        self.records = {name: SourceRecord(name, index, stale_after_s, skew) for index, name in enumerate(names)}
        self.active: str | None = None
        self.switches = 0
        self._reserve = reserve
        self._lead = lead
        self._hold_s = hold_s
        self._leading: tuple[str, float] | None = None  # who leads clearly, since when

    def __repr__(self) -> str:
        return f"<Arbiter {self.active or 'no source'} of {', '.join(self.records)}, {self.switches} switches>"

    def decide(self, now_s: float, now_ms: float) -> Switch | None:
        """Return the switch that is due, already made; None where things stay as they are."""
        usable = [record for record in self.records.values() if record.is_usable(now_s, now_ms)]
        active = self.records[self.active] if self.active is not None else None
        if active is None or active not in usable:
            self._leading = None
            return self._leave(active, usable, now_s, now_ms)
        best = self._best(usable, now_s, now_ms)
        if best is active or not self._leads(best, active, now_s, now_ms):
            self._leading = None
        elif self._leading is None or self._leading[0] != best.name:
            self._leading = (best.name, now_s)
        elif now_s - self._leading[1] >= self._hold_s:
            return self._switch(best.name, f"leads clearly for {self._hold_s:g} s")
        return None

    def _leave(
        self, active: SourceRecord | None, usable: list[SourceRecord], now_s: float, now_ms: float
    ) -> Switch | None:
        """The active source is not usable (or there is none): take the best of those that are, or of those alive."""
        reason = "first data" if active is None else active.state(now_s, now_ms)
        if usable:
            return self._switch(self._best(usable, now_s, now_ms).name, reason)
        if active is not None and active.is_live and not active.is_cooling(now_s):
            return None  # stale, as all others are: it may come back
        living = [record for record in self.records.values() if record.is_live and not record.is_cooling(now_s)]
        if living:
            return self._switch(self._best(living, now_s, now_ms).name, reason)
        return None if active is None else self._switch(None, reason)

    def _best(self, records: list[SourceRecord], now_s: float, now_ms: float) -> SourceRecord:
        def order(record: SourceRecord) -> tuple[bool, float, int, str]:
            score = round(record.score(now_s, now_ms), 6)
            return record.name in self._reserve, -score, record.priority, record.name

        return min(records, key=order)

    def _leads(self, best: SourceRecord, active: SourceRecord, now_s: float, now_ms: float) -> bool:
        if active.name in self._reserve and best.name not in self._reserve:
            return True
        return best.score(now_s, now_ms) >= active.score(now_s, now_ms) + self._lead

    def _switch(self, name: str | None, reason: str) -> Switch:
        switch = Switch(self.active, name, reason)
        if self.active is not None:
            self.switches += 1
        self.active = name
        self._leading = None
        return switch

    def confidence(self, name: str, now_s: float, now_ms: float) -> float:
        """Return 0 to 1: a source's score, lowered where the prices of the other usable sources disagree with its.

        0 for one that is not usable itself: nobody vouches for what it told last.
        """
        if not self.records[name].is_usable(now_s, now_ms):
            return 0.0
        others = [
            record.price
            for record in self.records.values()
            if record.name != name and record.price is not None and record.is_usable(now_s, now_ms)
        ]
        return self.records[name].confidence(now_s, now_ms, others)

    def is_healthy(self, name: str, now_s: float, now_ms: float) -> bool:
        """Whether a source's score is one of health (W43)."""
        return self.records[name].score(now_s, now_ms) >= HEALTHY
