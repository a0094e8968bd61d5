"""`hummingbot-extended uninstall`: take the connector out of a Hummingbot without locking its user out."""

from pathlib import Path
from typing import Annotated

import typer

from hummingbot_extended.cli.failure import one_sentence
from hummingbot_extended.installer.hummingbot_folder import Hummingbot


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(uninstall)


def uninstall(
    hummingbot_dir: Annotated[
        Path | None,
        typer.Option(help="Hummingbot's folder: a checkout, /home/hummingbot in the image, or site-packages."),
    ] = None,
    conf_dir: Annotated[
        list[Path] | None,
        typer.Option(help="A further conf folder, such as hummingbot-api's bots/credentials/master_account."),
    ] = None,
) -> None:
    """Remove extended_perpetual from a Hummingbot and put its saved keys aside; stop Hummingbot first.

    Hummingbot cannot log in with keys saved for a connector that it does not find. So the encrypted keys move to
    conf/_extended_backup, and conf_client.yml forgets the connector as rate source and for paper trade.
    """
    from hummingbot_extended.installer.hummingbot_folder import find_hummingbot

    with one_sentence():
        hummingbot = find_hummingbot(hummingbot_dir)
        moved = _put_aside([hummingbot.conf, *(conf_dir or ())])
        for path in moved:
            typer.echo(f"put aside: {path}")
        if moved:
            typer.echo("(Hummingbot refuses every login while it has keys of a connector it cannot find;")
            typer.echo(" hummingbot-extended install says how they come back)")
        left = _remove(hummingbot)
        for path in left:
            typer.echo(f"left in place, it is not ours or was changed by hand: {path}")
    typer.echo("extended_perpetual is removed. The package itself: pip uninstall hummingbot-extended")


def _put_aside(conf_folders: list[Path]) -> list[Path]:
    from hummingbot_extended.installer.saved_configs import put_aside, read_saved_configs

    # All are read before any is changed: one that cannot be read leaves everything as it was.
    return [path for saved in [read_saved_configs(conf) for conf in conf_folders] for path in put_aside(saved)]


def _remove(hummingbot: Hummingbot) -> list[Path]:
    from hummingbot_extended.installer.git_exclude import remove_git_exclude
    from hummingbot_extended.installer.shim_files import Presence, inspect_shim, remove_shim

    if inspect_shim(hummingbot).presence is Presence.FOREIGN:
        left = [hummingbot.shim]
    else:
        left = remove_shim(hummingbot)
        remove_git_exclude(hummingbot)
    remove_hook(hummingbot)
    return left


def remove_hook(hummingbot: Hummingbot) -> None:
    """Remove the import hook of this Python, unless it keeps another Hummingbot's user from being locked out."""
    from hummingbot_extended.installer.hook_file import other_that_needs_hook, remove_hook_file

    if (other := other_that_needs_hook(hummingbot)) is None:
        remove_hook_file()
    else:
        typer.echo(f"the import hook stays: the Hummingbot in {other.root} has keys saved and needs it")
