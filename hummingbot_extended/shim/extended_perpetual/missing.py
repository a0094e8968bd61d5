"""Say what to do when the package behind the connector cannot be imported."""

import json
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MARKER = ".hummingbot-extended.json"


def explanation(error: BaseException) -> str:
    """Return the sentence a user reads when importing `hummingbot_extended` raised `error`."""
    reason = f"{type(error).__name__}: {error}"
    if isinstance(error, ModuleNotFoundError) and (error.name or "").split(".")[0] == "hummingbot_extended":
        reason = "it is not installed here"
    command = shlex.join([sys.executable, "-m", "pip", "install", "--upgrade", _requirement()])
    return (
        f"The connector's package hummingbot-extended cannot be imported ({reason}). Run: {command} "
        "(only then can `hummingbot-extended uninstall` take the connector out)"
    )


def _requirement() -> str:
    """Return what `hummingbot-extended install` noted: where the package was installed from."""
    try:
        return str(json.loads(Path(__file__).with_name(MARKER).read_text(encoding="utf-8"))["requirement"])
    except (OSError, ValueError, KeyError, TypeError):
        return "hummingbot-extended"


@contextmanager
def explained() -> Iterator[None]:
    """Turn whatever an import of the package raises inside the block into one ImportError with the explanation.

    Not a ModuleNotFoundError, on purpose: Hummingbot's discovery passes over those in silence.
    """
    try:
        yield
    except Exception as error:
        raise ImportError(explanation(error)) from error
