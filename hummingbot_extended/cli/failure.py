"""How a command fails: one sentence on stderr, exit code 1, no traceback."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from hummingbot_extended.errors import ExtendedError


@contextmanager
def one_sentence() -> Iterator[None]:
    """Turn an error of this package, or of the operating system, into the command's failure."""
    try:
        yield
    except BrokenPipeError:
        raise  # nobody reads any more (`… | head`): typer ends without a word
    except PermissionError as error:
        place = f" to {error.filename}" if error.filename else ""
        _stop(f"no permission{place}; run this as the user that installed Hummingbot")
    except (ExtendedError, OSError) as error:
        _stop(str(error))


def _stop(sentence: str) -> None:
    typer.echo(f"hummingbot-extended: {sentence}", err=True)
    raise typer.Exit(1) from None
