"""The command line: `hummingbot-extended` and `python -m hummingbot_extended`. One module a command.

Each module of this package offers `register(app)`, which adds its command to the typer application; whatever is heavy
is imported inside the command, so that `--help` answers at once.
"""

import importlib
from typing import Annotated

import typer

from hummingbot_extended import __version__

COMMANDS: tuple[str, ...] = ("install", "uninstall", "doctor", "check", "watch", "venue", "demo", "bridge", "hub")

app = typer.Typer(
    name="hummingbot-extended",
    help="Extended Exchange for Hummingbot: connector, practice venue, streams, hub and bridge.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(value: bool) -> None:
    if value:
        typer.echo(f"hummingbot-extended {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Extended Exchange for Hummingbot."""


def main() -> None:
    """Run the command line. Exit codes: 0 success, 1 the command failed, 2 wrong usage."""
    for command in COMMANDS:
        importlib.import_module(f"hummingbot_extended.cli.{command}").register(app)
    app()
