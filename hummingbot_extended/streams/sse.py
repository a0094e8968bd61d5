"""Server-Sent Events: bytes to events, as the HTML standard's event-stream section has it (§9.2.5, §9.2.6). Sans-I/O.

An event ends with a blank line, and nothing but the last event id and the retry time outlives one. So the decoder cuts
its input at blank lines with one `bytes.split`, and looks at lines only where an event is more than one line of data.
"""

import msgspec

from hummingbot_extended.errors import MessageTooLarge

DEFAULT_MAX_BYTES = 16 * 2**20

_BOM = b"\xef\xbb\xbf"
_BLANK_LINE = b"\n\n"
# Above this a `retry` is no time but nonsense; int() would also refuse a text of more than 4,300 digits.
_MAX_RETRY_DIGITS = 12


class ServerSentEvent(msgspec.Struct, frozen=True, gc=False):
    """One dispatched event. `payload` is its data as it came over the wire, `data` the same as text."""

    payload: bytes
    event: str = "message"
    id: str = ""

    @property
    def data(self) -> str:
        """The event's data, its lines joined by LF; bytes that are not UTF-8 become U+FFFD, as the standard says."""
        return _text(self.payload)


class SSEDecoder:
    """Turn the bytes of a `text/event-stream` into events; any cut of the same bytes gives the same events.

    `max_line_bytes` and `max_event_bytes` bound what is held for a line and for an event (comments do not count).
    After `MessageTooLarge` the decoder is of no further use. `last_event_id` is what a reconnect sends as
    `Last-Event-ID`; it is kept across events. What follows the last blank line when the stream ends is dropped.
    `data_ids` are the ids of what `feed_data` returned last, [] where none of it brought one.
    """

    def __init__(self, *, max_line_bytes: int = DEFAULT_MAX_BYTES, max_event_bytes: int = DEFAULT_MAX_BYTES) -> None:
        self.last_event_id = ""
        self.data_ids: list[str] = []
        self._retry: int | None = None
        self._max_line_bytes = max_line_bytes
        self._max_event_bytes = max_event_bytes
        self._unsuspicious_bytes = min(max_line_bytes, max_event_bytes)
        self._buffer = bytearray()  # the unfinished event, its line ends already LF
        self._bom_may_follow = True
        self._lf_belongs_to_cr = False

    def __repr__(self) -> str:
        return f"<SSEDecoder {len(self._buffer)} bytes held, last_event_id={self.last_event_id!r}, retry={self.retry}>"

    @property
    def retry(self) -> int | None:
        """The reconnection time the server asked for, in ms, or None; it counts as soon as its line has ended."""
        if b"retry" in self._buffer:
            finished_lines, _, _ = bytes(self._buffer).rpartition(b"\n")
            self._read_lines(finished_lines)
        return self._retry

    def feed(self, chunk: bytes) -> list[ServerSentEvent]:
        """Take the next bytes and return the events they finish.

        Raises:
            MessageTooLarge: A line or an event is larger than its bound.
        """
        finished = self._finished(chunk)
        if not finished:
            return []
        if (payloads := _payloads_if_plain(finished)) is not None:
            last_event_id = self.last_event_id
            return [ServerSentEvent(payload, "message", last_event_id) for payload in payloads]
        return self._events(finished)

    def feed_data(self, chunk: bytes) -> list[bytes]:
        """Like `feed`, for readers that want only the data: the payloads of the events that `chunk` finishes."""
        self.data_ids = []
        finished = self._finished(chunk)
        if not finished:
            return []
        if (payloads := _payloads_if_plain(finished)) is not None:
            return payloads
        before, events = self.last_event_id, self._events(finished)
        if any(event.id != before for event in events):
            self.data_ids = [event.id for event in events]
        return [event.payload for event in events]

    def _finished(self, chunk: bytes) -> bytes:
        """Return all bytes before the last blank line, and keep the rest."""
        if self._bom_may_follow and not (chunk := self._without_bom(chunk)):
            return b""
        if self._lf_belongs_to_cr or b"\r" in chunk:
            chunk = self._with_lf_only(chunk)
        buffer = self._buffer
        if buffer:
            # A blank line may lie across the seam, so the search starts one byte before it.
            seam = len(buffer) - 1
            buffer += chunk
            if buffer.find(_BLANK_LINE, seam) < 0:
                self._check_rest()
                return b""
            chunk = bytes(buffer)
            buffer.clear()
        end = chunk.rfind(_BLANK_LINE)
        buffer += chunk[end + 2 :] if end >= 0 else chunk
        finished = chunk[:end] if end >= 0 else b""
        if len(chunk) > self._unsuspicious_bytes:
            for block in finished.split(_BLANK_LINE):
                self._check(block)
            self._check_rest()
        return finished

    def _without_bom(self, chunk: bytes) -> bytes:
        start = bytes(self._buffer) + chunk
        self._buffer.clear()
        if len(start) < len(_BOM) and _BOM.startswith(start):
            self._buffer += start
            return b""
        self._bom_may_follow = False
        return start.removeprefix(_BOM)

    def _with_lf_only(self, chunk: bytes) -> bytes:
        if self._lf_belongs_to_cr and chunk:
            chunk = chunk.removeprefix(b"\n")
            self._lf_belongs_to_cr = False
        if chunk.endswith(b"\r"):
            self._lf_belongs_to_cr = True  # the CR ends its line now; should LF follow, it is part of the same end
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _events(self, finished: bytes) -> list[ServerSentEvent]:
        events = []
        for block in finished.split(_BLANK_LINE):
            kind, event_id, data = self._read_lines(block)
            if event_id is not None:
                self.last_event_id = event_id
            if data:
                events.append(ServerSentEvent(b"\n".join(data), kind or "message", self.last_event_id))
        return events

    def _read_lines(self, block: bytes) -> tuple[str, str | None, list[bytes]]:
        """Return the event type, the last id and the data lines of `block`, and take note of its retry time."""
        kind, event_id, data = "", None, []
        for line in block.split(b"\n"):
            field, _, value = line.partition(b":")
            value = value.removeprefix(b" ")
            match field:
                case b"data":
                    data.append(value)
                case b"event":
                    kind = _text(value)
                case b"id" if b"\0" not in value:
                    event_id = _text(value)
                case b"retry" if value.isdigit() and len(value) <= _MAX_RETRY_DIGITS:
                    self._retry = int(value)
        return kind, event_id, data

    def _check_rest(self) -> None:
        """Bound what is held; drop its comments first: a server may keep a stream alive with them for years."""
        if len(self._buffer) > self._unsuspicious_bytes:
            *finished, last = bytes(self._buffer).split(b"\n")
            kept = [line for line in finished if not line.startswith(b":")]
            self._buffer[:] = b"\n".join([*kept, last])
            self._check(bytes(self._buffer))

    def _check(self, block: bytes) -> None:
        if len(block) > self._unsuspicious_bytes:
            lines = block.split(b"\n")
            if max(map(len, lines)) > self._max_line_bytes:
                raise MessageTooLarge("a line of the event stream", self._max_line_bytes)
            if sum(len(line) for line in lines if not line.startswith(b":")) > self._max_event_bytes:
                raise MessageTooLarge("an event of the event stream", self._max_event_bytes)


def _payloads_if_plain(finished: bytes) -> list[bytes] | None:
    """Return the payloads if every event is one `data: ` line, else None. No loop in Python: this is the hot path."""
    if not finished.startswith(b"data: "):
        return None
    payloads = finished[6:].split(b"\n\ndata: ")
    line_ends = 2 * (len(payloads) - 1)
    return payloads if finished.count(b"\n") == line_ends else None


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
