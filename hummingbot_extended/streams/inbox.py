"""The bounded inbox of one subscriber, and what happens when it is full. Sans-I/O."""

from collections import deque
from collections.abc import Callable, Hashable
from typing import Any, Literal, get_args

from hummingbot_extended.errors import SettingsError

type Policy = Literal["block", "drop_oldest", "conflate", "error"]

POLICIES = get_args(Policy.__value__)


class Inbox:
    """At most `limit` messages, in order. When full:

    * `block`: nothing is lost; who fills it must stop at `is_full`, and with it its whole connection waits;
    * `drop_oldest`: the oldest message goes;
    * `conflate`: a message replaces the waiting one of the same `key` (of all, without a `key`) wherever it can, full
      or not, so that the subscriber sees the newest state; beyond `limit` keys the oldest goes;
    * `error`: the message is refused; the owner ends the subscription.
    """

    def __init__(self, policy: Policy, limit: int, key: Callable[[Any], Hashable] | None = None) -> None:
        if policy not in POLICIES:
            raise SettingsError(f"the inbox policy is {policy!r}; it may be {', '.join(POLICIES)}")
        if limit < 1:
            raise SettingsError(f"an inbox of {limit} messages holds nothing")
        if key is not None and policy != "conflate":
            raise SettingsError(f"a key is for the policy conflate, not for {policy}")
        self.policy = policy
        self.limit = limit
        self._key = key or (lambda _message: None)
        self._messages: deque[Any] = deque()
        self._newest: dict[Hashable, Any] = {}  # of the policy conflate, instead

    def __len__(self) -> int:
        return len(self._messages) or len(self._newest)

    @property
    def is_full(self) -> bool:
        """Whether another message would be one too many."""
        return len(self) >= self.limit

    def put(self, message: Any) -> Literal["kept", "dropped", "conflated", "refused"]:
        """Take a message in. Say what happened: to it ("kept", "refused"), or to an older one ("dropped", "conflated").

        Under `block` a message is kept whatever the limit: the caller stops by `is_full`.
        """
        if self.policy == "conflate":
            return self._conflate(message)
        full = len(self._messages) >= self.limit
        if full and self.policy == "error":
            return "refused"
        if dropped := full and self.policy == "drop_oldest":
            self._messages.popleft()
        self._messages.append(message)
        return "dropped" if dropped else "kept"

    def take(self) -> Any:
        """Return the oldest message. Raises IndexError when there is none."""
        if self.policy != "conflate":
            return self._messages.popleft()
        if not self._newest:
            raise IndexError("the inbox is empty")
        return self._newest.pop(next(iter(self._newest)))

    def clear(self) -> None:
        """Forget what waits."""
        self._messages.clear()
        self._newest.clear()

    def _conflate(self, message: Any) -> Literal["kept", "dropped", "conflated"]:
        key = self._key(message)
        known = key in self._newest
        dropped = not known and self.is_full
        if dropped:
            self.take()
        self._newest[key] = message
        return "conflated" if known else "dropped" if dropped else "kept"
