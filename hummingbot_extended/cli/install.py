"""`hummingbot-extended install`: put the connector into a Hummingbot."""

import shlex
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from hummingbot_extended.cli.failure import one_sentence
from hummingbot_extended.cli.uninstall import remove_hook
from hummingbot_extended.installer.hummingbot_folder import Hummingbot


class Mode(StrEnum):
    """How the connector gets in."""

    COPY = "copy"
    SYMLINK = "symlink"
    HOOK = "hook"


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(install)


def install(
    hummingbot_dir: Annotated[
        Path | None,
        typer.Option(help="Hummingbot's folder: a checkout, /home/hummingbot in the image, or site-packages."),
    ] = None,
    mode: Annotated[
        Mode,
        typer.Option(
            help="copy: one folder among Hummingbot's connectors. symlink: to this package's. hook: no file "
            "in Hummingbot, an import hook (.pth) in this Python's packages."
        ),
    ] = Mode.COPY,
    any_version: Annotated[
        bool, typer.Option("--any-version", help="Also into a version of Hummingbot that is not tested.")
    ] = False,
) -> None:
    """Add extended_perpetual to a Hummingbot. No file of Hummingbot's changes; run it again to repair or update.

    Without --hummingbot-dir it is the Hummingbot that this Python imports, else the one in the current folder.
    """
    from hummingbot_extended.installer.hummingbot_folder import find_hummingbot, require_supported

    with one_sentence():
        hummingbot = find_hummingbot(hummingbot_dir)
        if not any_version:
            require_supported(hummingbot)
        for path in _install(hummingbot, mode):
            typer.echo(f"kept what was changed by hand: {path}")
        _say_backups(hummingbot)
    typer.echo("Now: connect extended_perpetual   (extended_perpetual_local is the practice venue)")


def _install(hummingbot: Hummingbot, mode: Mode) -> list[Path]:
    from hummingbot_extended.installer.git_exclude import add_git_exclude
    from hummingbot_extended.installer.hook_file import install_hook_file, reads_hook
    from hummingbot_extended.installer.saved_configs import read_saved_configs
    from hummingbot_extended.installer.shim_files import install_copy, install_symlink, refuse_foreign, remove_shim

    if mode is Mode.HOOK:
        refuse_foreign(hummingbot)
        typer.echo(f"extended_perpetual is added by an import hook: {install_hook_file()}")
        if reads_hook(hummingbot) or not read_saved_configs(hummingbot.conf).wants_connector:
            return remove_shim(hummingbot)
        if hummingbot.shim.exists():  # were that Python another one, its user could not log in any more
            typer.echo(f"left in place, as keys are saved and this Python may not be Hummingbot's: {hummingbot.shim}")
        return []
    kept = install_copy(hummingbot) if mode is Mode.COPY else install_symlink(hummingbot)
    add_git_exclude(hummingbot)
    remove_hook(hummingbot)
    typer.echo(f"extended_perpetual is in Hummingbot {hummingbot.version} ({hummingbot.kind}): {hummingbot.shim}")
    return kept


def _say_backups(hummingbot: Hummingbot) -> None:
    """Say how keys come back that an uninstall has put aside."""
    from hummingbot_extended.installer.hummingbot_folder import CONNECTORS
    from hummingbot_extended.installer.saved_configs import BACKUP

    for name in CONNECTORS:
        backup = hummingbot.conf / BACKUP / f"{name}.yml"
        place = hummingbot.conf / "connectors" / f"{name}.yml"
        if backup.exists() and not place.exists():
            command = shlex.join(["mv", str(backup), str(place)])
            typer.echo(f"keys of {name} were put aside; to have them back: {command}")
