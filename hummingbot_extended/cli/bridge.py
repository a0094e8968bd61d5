"""`hummingbot-extended bridge`: a Hummingbot without strategy that clients drive; `bridge init` prepares it."""

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hummingbot_extended.cli.failure import one_sentence

if TYPE_CHECKING:
    from hummingbot_extended.installer.hummingbot_folder import Hummingbot

PASSWORD_VARIABLE = "HBOT_PASSWORD"  # noqa: S105 - the name of a variable, Hummingbot's own
SETTINGS = ("host", "port", "expose", "tls_certificate", "tls_key", "client_ca", "on_stop")
PATHS = ("tls_certificate", "tls_key", "client_ca")

Folder = Annotated[Path | None, typer.Option(help="Hummingbot's folder; default: the one this Python imports.")]
Markets = Annotated[
    list[str] | None,
    typer.Option("--market", help="exchange:PAIR,PAIR such as extended_perpetual:BTC-USD. Repeatable."),
]


def register(app: typer.Typer) -> None:
    """Add the command and its `init`."""
    bridge_app = typer.Typer(invoke_without_command=True, help=_HELP, epilog=_EPILOG)
    bridge_app.callback()(bridge)
    bridge_app.command("init")(init)
    app.add_typer(bridge_app, name="bridge")


_HELP = (
    "Run a Hummingbot without strategy or screen that HummingbotClient drives from other processes. "
    "Exchange keys are those of `hbot connect`; Hummingbot's password comes from HBOT_PASSWORD or is asked for. "
    "Clients' keys are in conf/extended_bridge_keys.yml, or HUMMINGBOT_EXTENDED_BRIDGE_KEY holds one."
)
_EPILOG = "Inside a running bot: hbot start conf_extended_bridge.yml, or BridgeServer.for_strategy(self) in a script."


def bridge(
    context: typer.Context,
    hummingbot_dir: Folder = None,
    market: Markets = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on; default 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0 picks a free one; default 15888.")] = None,
    expose: Annotated[bool, typer.Option("--expose", help="Allow an address that other machines reach.")] = False,
    tls_certificate: Annotated[Path | None, typer.Option(help="Certificate (PEM), with --tls-key.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Key of the certificate (PEM).")] = None,
    client_ca: Annotated[Path | None, typer.Option(help="Authority that clients' certificates must be of.")] = None,
    on_stop: Annotated[str | None, typer.Option(help="cancel_all (default) or keep: open orders at the end.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="First line is one JSON object: url, port, pid.")] = False,
) -> None:
    """Run the bridge."""
    if context.invoked_subcommand is not None:
        return
    given = {
        "host": host,
        "port": port,
        "expose": expose or None,
        "tls_certificate": tls_certificate,
        "tls_key": tls_key,
        "client_ca": client_ca,
        "on_stop": on_stop,
    }
    with one_sentence():
        hummingbot = _find(hummingbot_dir)
        _run(hummingbot, market or [], {name: value for name, value in given.items() if value is not None}, as_json)


def init(
    hummingbot_dir: Folder = None,
    market: Markets = None,
    port: Annotated[int | None, typer.Option(help="Port the bridge will listen on; default 15888.")] = None,
) -> None:
    """Write the bridge's script, its settings and a key into a Hummingbot.

    Once more, it changes markets and port where they are given; other settings and the key stay.
    """
    from hummingbot_extended.bridge.config_files import BridgeFiles, parse_markets

    with one_sentence():
        files = BridgeFiles(_find(hummingbot_dir).root)
        for path in files.write(parse_markets(market) if market else None, port):
            typer.echo(f"wrote {path}")
    typer.echo(f"The clients' key is in {files.keys}.")
    typer.echo("Start it: hummingbot-extended bridge, or inside a bot: hbot start conf_extended_bridge.yml")


def _find(folder: Path | None) -> "Hummingbot":
    from hummingbot_extended.installer.hummingbot_folder import find_hummingbot, imported_root

    hummingbot = find_hummingbot(folder)
    if hummingbot.root != imported_root():
        sys.path.insert(0, str(hummingbot.root))
    return hummingbot


def _run(hummingbot: "Hummingbot", market: list[str], given: dict[str, Any], as_json: bool) -> None:
    from hummingbot_extended.bridge.config_files import BridgeFiles, parse_markets
    from hummingbot_extended.bridge.settings import BridgeSettings, load_keys

    files = BridgeFiles(hummingbot.root)
    stored = files.read()
    markets = parse_markets(market) if market else stored.get("markets", {})
    if not markets:
        typer.echo("hummingbot-extended: no markets; name them with --market, or run `bridge init` once", err=True)
        raise typer.Exit(2)
    chosen = {name: stored[name] for name in SETTINGS if stored.get(name) is not None} | given
    chosen |= {name: Path(chosen[name]) for name in PATHS if name in chosen}
    settings = BridgeSettings(keys=load_keys(files.keys), **chosen)
    password = os.environ.pop(PASSWORD_VARIABLE, None) or typer.prompt("Hummingbot's password", hide_input=True)

    # Importing Hummingbot takes seconds; what can be wrong was found before.
    from hummingbot_extended.bridge.headless import HeadlessOptions, run_headless

    options = HeadlessOptions(
        markets=markets, settings=settings, say=lambda text: print(text, flush=True), as_json=as_json
    )
    asyncio.run(run_headless(options, password))
