"""`hummingbot-extended hub`: one upstream a market for any number of bots, dashboards and monitors."""

import asyncio
import contextlib
import json
import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hummingbot_extended.cli.stopping import until_stopped

if TYPE_CHECKING:
    from hummingbot_extended.hub.face_settings import FaceSettings
    from hummingbot_extended.hub.settings import HubSettings

TOKEN_ENV = "HUMMINGBOT_EXTENDED_HUB_TOKEN"  # noqa: S105  # the name of a variable
NO_SOURCE = "none"
EXTRA_OF = {"aiomqtt": "mqtt", "nats": "nats"}  # of the modules that a bus needs; all others come with `hub`
API_KEY_ENV = "EXTENDED_API_KEY"

EPILOG = f"""
Sources: extended_rpc, extended_ws, extended_rest; extended_sse needs --relay-url, hub needs --hub-url,
ccxt:EXCHANGE (such as ccxt:binanceusdm) needs the extra ccxt. The token is
read from {TOKEN_ENV}, the key of --account from {API_KEY_ENV}, never from the
command line. Bots read their streams from the hub with
EXTENDED_PERPETUAL_STREAM_URL=http://HOST:PORT/stream.extended.exchange/v1, their candles with
STREAMER_API_URL=http://HOST:PORT; a token goes into EXTENDED_PERPETUAL_STREAM_TOKEN and STREAMER_API_TOKEN.
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("hub", epilog=EPILOG)(hub)


def hub(
    host: Annotated[str, typer.Option(help="Address to listen on; another than loopback needs TLS.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 picks a free one.")] = 8000,
    domain: Annotated[str, typer.Option(help="Which exchange to read.")] = "extended_perpetual_local",
    market: Annotated[list[str] | None, typer.Option(help="Keep its candles from the start. Repeatable.")] = None,
    timeframe: Annotated[list[str] | None, typer.Option(help="Serve this one (M1 …). Default: all.")] = None,
    source: Annotated[
        list[str] | None, typer.Option(help="Read from it, best first. Repeatable. none: the bus only.")
    ] = None,
    hot: Annotated[int, typer.Option(help="Sources of a feed that are read at the same time.")] = 1,
    role: Annotated[str, typer.Option(help="all, ingest, edge or store.")] = "all",
    bus: Annotated[str, typer.Option(help="memory://, mqtt://HOST:PORT or nats://HOST:PORT.")] = "memory://",
    name: Annotated[str, typer.Option(help="Of this process on the bus.")] = "",
    store: Annotated[Path | None, typer.Option(help="SQLite file for candles and journal.")] = None,
    retention_days: Annotated[float, typer.Option(help="How long the store keeps.")] = 30.0,
    max_store_mb: Annotated[float, typer.Option(help="How large the store may be.")] = 500.0,
    journal: Annotated[bool, typer.Option(help="Keep all rows for replay; needs --store.")] = False,
    relay_url: Annotated[str | None, typer.Option(help="Base URL of an event-stream relay.")] = None,
    hub_url: Annotated[
        str | None, typer.Option(help="URL of another hub; its token: EXTENDED_PERPETUAL_STREAM_TOKEN.")
    ] = None,
    certificate: Annotated[Path | None, typer.Option(help="TLS certificate, PEM.")] = None,
    key: Annotated[Path | None, typer.Option(help="TLS key, PEM.")] = None,
    origin: Annotated[list[str] | None, typer.Option(help="Page of another host that may read. Repeatable.")] = None,
    relay_account: Annotated[bool, typer.Option(help="Relay account streams too; needs a token.")] = False,
    account: Annotated[
        bool, typer.Option(help=f"Show the account of {API_KEY_ENV} on the page; needs a token.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="First line is one JSON object: url, page, pid, role.")
    ] = False,
) -> None:
    """Run the market-data hub: candles over HTTP, live data over WebSocket and SSE, a relay for bots, a page.

    Ctrl-C or SIGTERM ends it cleanly.
    """
    from hummingbot_extended.candles.timeframes import TIMEFRAMES
    from hummingbot_extended.errors import ConnectFailed, ExtendedError
    from hummingbot_extended.exchange.endpoints import LOCAL_NAME
    from hummingbot_extended.hub.event_loop import new_event_loop
    from hummingbot_extended.hub.face_settings import FaceSettings
    from hummingbot_extended.hub.settings import SOURCES, HubSettings

    try:
        core = HubSettings(
            domain=domain,
            markets=tuple(market or ()),
            sources=tuple(each for each in source if each != NO_SOURCE) if source else SOURCES,
            hot_sources=hot,
            role=role,  # type: ignore[arg-type]  # checked by HubSettings
            bus=bus,
            name=name,
            store=store,
            retention_days=retention_days,
            max_store_mb=max_store_mb,
            journal=journal,
            relay_url=relay_url,
            hub_url=hub_url,
            timeframes=tuple(timeframe) if timeframe else tuple(frame.name for frame in TIMEFRAMES),
        )
        faces = FaceSettings(
            host=host,
            port=port,
            certificate=certificate,
            key=key,
            token=os.environ.get(TOKEN_ENV) or None,
            origins=frozenset(origin or ()),
            relay_account=relay_account,
        )
        api_key = _account_key(faces) if account else None
        asyncio.run(_run(core, faces, api_key, as_json=as_json), loop_factory=new_event_loop)
    except ExtendedError as error:
        is_venue_missing = isinstance(error, ConnectFailed) and domain == LOCAL_NAME
        hint = "; is the practice venue running (hummingbot-extended venue)? --domain names another exchange"
        typer.echo(f"hub: {error}{hint if is_venue_missing else ''}", err=True)
        raise typer.Exit(1) from error
    except ModuleNotFoundError as error:
        extra = EXTRA_OF.get(error.name or "", "hub")
        typer.echo(f"hub: {error.name} is missing; install hummingbot-extended[{extra}]", err=True)
        raise typer.Exit(1) from error


def _account_key(faces: "FaceSettings") -> str:
    """Return the API key whose account is to be shown. Raises SettingsError where it or the token is missing."""
    from hummingbot_extended.errors import SettingsError

    if not (api_key := os.environ.get(API_KEY_ENV, "").strip()):
        raise SettingsError(f"--account shows the account of an API key: set {API_KEY_ENV}")
    if faces.token is None:
        raise SettingsError(f"--account needs a token, or whoever reaches the hub would see it: set {TOKEN_ENV}")
    return api_key


async def _run(core: "HubSettings", faces: "FaceSettings", api_key: str | None, *, as_json: bool) -> None:
    await until_stopped(_serve(core, faces, api_key, as_json=as_json))
    print("The hub has stopped.", file=sys.stderr if as_json else sys.stdout, flush=True)


async def _serve(core: "HubSettings", faces: "FaceSettings", api_key: str | None, *, as_json: bool) -> None:
    from hummingbot_extended.client import ExtendedClient
    from hummingbot_extended.hub.account_view import AccountView
    from hummingbot_extended.hub.assembly import domain_of
    from hummingbot_extended.hub.server import HubServer
    from hummingbot_extended.hub.service import Hub

    domain = domain_of(core)
    async with contextlib.AsyncExitStack() as stack:
        hub = await stack.enter_async_context(Hub(core))
        view = AccountView(ExtendedClient(domain, api_key=api_key)) if api_key else None
        if view is not None:
            await stack.enter_async_context(view)
        async with HubServer(hub, faces, account_stream_url=domain.stream_url, account=view) as server:
            if as_json:
                facts = {"url": server.url, "page": server.page_url, "pid": os.getpid(), "role": core.role}
                print(json.dumps(facts), flush=True)
            else:
                _greet(server.url, server.page_url, core, has_token=faces.token is not None)
            await hub.run()  # a hub that died says why


def _greet(url: str, page_url: str, core: "HubSettings", *, has_token: bool) -> None:
    from rich.console import Console
    from rich.panel import Panel
    from rich.table import Table

    for everywhere in ("0.0.0.0", "[::]"):  # noqa: S104  # no address to go to
        here = f"//{socket.gethostname()}:"
        url, page_url = (each.replace(f"//{everywhere}:", here) for each in (url, page_url))
    table = Table.grid(padding=(0, 2))
    rows = {
        "Page": page_url,
        "Candles": f"{url}/streamer/candles/BTC-USD/M1",
        "WebSocket": f"{url.replace('http', 'ws', 1)}/ws/stream",
        "Reads": f"{core.domain} by {', '.join(core.sources) or 'the bus only'}",
        "Role": f"{core.role}, bus {core.bus}",
    }
    table.add_column()
    table.add_column(overflow="fold")
    for label, value in rows.items():
        table.add_row(f"[bold]{label}[/bold]", value)
    console = Console(highlight=False)
    console.print(Panel(table, title="Extended market-data hub", expand=False))
    if has_token:
        console.print(f"The page's link works once. Another browser asks for the token: the value of {TOKEN_ENV}.")
    console.print("For bots:")
    lines = [f"EXTENDED_PERPETUAL_STREAM_URL={url}/stream.extended.exchange/v1", f"STREAMER_API_URL={url}"]
    if has_token:
        lines += [f"EXTENDED_PERPETUAL_STREAM_TOKEN=${TOKEN_ENV}", f"STREAMER_API_TOKEN=${TOKEN_ENV}"]
    for line in lines:
        console.print(f"  export {line}", soft_wrap=True)  # to be copied whole
