"""The sequence number of a stream's messages: each is one above the last, per connection (API reference §6.1, §6.8)."""

from hummingbot_extended.errors import SequenceGap


class SequenceChecker:
    """Check that messages arrive one after the other; one checker a connection. Sans-I/O.

    `first` is the number the first message must have (1 on v1 streams, 0 on the JSON-RPC socket), or None to take the
    first message's number as it comes. `stream` names the stream in the error.
    """

    __slots__ = ("_expected", "_stream")

    def __init__(self, first: int | None = None, stream: str = "") -> None:
        self._expected = first
        self._stream = stream

    def __repr__(self) -> str:
        return f"<SequenceChecker {self._stream or 'stream'}: expects {self._expected}>"

    @property
    def expected(self) -> int | None:
        """The number the next message must have; None before the first message when it was not given."""
        return self._expected

    def check(self, seq: int) -> None:
        """Take note of a message's number.

        Raises:
            SequenceGap: Messages were lost, repeated or reordered. The checker is as it was before: what to do about it
                (drop the message, reconnect) is the caller's decision.
        """
        expected = self._expected
        if seq != expected and expected is not None:
            raise SequenceGap(expected, seq, self._stream)
        self._expected = seq + 1


def unchecked(seq: int) -> None:
    """Take a number that somebody else has checked, or that counts over more than one stream."""
