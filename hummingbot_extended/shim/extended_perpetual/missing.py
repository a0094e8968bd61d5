"""Say what to do when the package behind the connector cannot be imported."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


def explanation(error: BaseException) -> str:
    """Return the sentence a user reads when importing `hummingbot_extended` raised `error`."""
    reason = f"{type(error).__name__}: {error}"
    if isinstance(error, ModuleNotFoundError) and (error.name or "").split(".")[0] == "hummingbot_extended":
        reason = "it is not installed here"
    return (
        f"The connector's package hummingbot-extended cannot be imported ({reason}). "
        f"Run: {sys.executable} -m pip install --upgrade hummingbot-extended "
        "(to take the connector out instead: hummingbot-extended uninstall)"
    )


@contextmanager
def explained() -> Iterator[None]:
    """Turn whatever an import of the package raises inside the block into one ImportError with the explanation.

    Not a ModuleNotFoundError, on purpose: Hummingbot's discovery passes over those in silence.
    """
    try:
        yield
    except Exception as error:
        raise ImportError(explanation(error)) from error
