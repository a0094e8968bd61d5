"""One line when something fails, one when it works again, and nothing in between."""

import logging


class FaultLog:
    """Remembers which things are failing, by name."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._failing: set[str] = set()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {sorted(self._failing) or 'no faults'}>"

    def failed(self, what: str, error: Exception | str) -> None:
        """Note that `what` failed."""
        if what not in self._failing:
            self._failing.add(what)
            self._logger.warning("%s failed: %s", what, error)

    def worked(self, what: str) -> None:
        """Note that `what` worked."""
        if what in self._failing:
            self._failing.remove(what)
            self._logger.info("%s works again.", what)
