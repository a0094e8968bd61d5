"""`hummingbot-extended watch`: book, trades, funding, mark and stream health of some markets, without keys."""

import asyncio
import contextlib
import signal
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hummingbot_extended.cli.failure import one_sentence
from hummingbot_extended.cli.market_names import check_names

if TYPE_CHECKING:
    from hummingbot_extended.client.client import ExtendedClient

REFRESH_S = 0.25
PLAIN_EVERY_S = 1.0


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("watch")(watch)


def watch(
    symbols: Annotated[list[str], typer.Argument(help="Markets of the exchange, such as BTC-USD ETH-USD.")],
    domain: Annotated[
        str,
        typer.Option(help="extended_perpetual (mainnet), extended_perpetual_testnet or extended_perpetual_local."),
    ] = "extended_perpetual",
    url: Annotated[str | None, typer.Option(help="A practice venue on this machine: http://127.0.0.1:8099.")] = None,
    transport: Annotated[str, typer.Option(help="auto, websocket, sse or rpc (one v2 socket for all).")] = "auto",
    depth: Annotated[int, typer.Option(min=1, max=50, help="Levels of the book on each side.")] = 8,
    seconds: Annotated[float, typer.Option(help="Stop after so many seconds; 0: with Ctrl-C.")] = 0.0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, an event each.")] = False,
) -> None:
    """Watch markets live: book, trades, funding, mark price and the health of the streams. No keys are needed.

    A view that changes in place on a terminal, plain lines elsewhere. Ctrl-C ends it.
    """
    from hummingbot_extended.client.client import ExtendedClient
    from hummingbot_extended.client.live_markets import STREAMS_A_MARKET

    names = list(dict.fromkeys(symbols))
    with one_sentence():
        client = ExtendedClient(
            domain,
            url=url,
            transport=transport,  # type: ignore[arg-type]  # the client checks it
            max_streams=STREAMS_A_MARKET * len(names) + 1,
        )
        asyncio.run(_watch(client, names, depth=depth, seconds=seconds, as_json=as_json))


async def _watch(client: "ExtendedClient", names: list[str], *, depth: int, seconds: float, as_json: bool) -> None:
    from hummingbot_extended.client.live_markets import watch_markets

    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with client:
        await check_names(client, names)
        markets = await watch_markets(client, names, depth=depth, also=_print_json if as_json else None)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds or None):
                await _show(client, markets, stopped, as_json=as_json)


async def _show(client: "ExtendedClient", markets: list[Any], stopped: asyncio.Event, *, as_json: bool) -> None:
    if as_json:
        await stopped.wait()
    elif sys.stdout.isatty():
        await _show_live(client, markets, stopped)
    else:
        await _show_lines(client, markets, stopped)


async def _show_live(client: "ExtendedClient", markets: list[Any], stopped: asyncio.Event) -> None:
    from rich.live import Live

    from hummingbot_extended.cli.watch_view import screen

    with Live(screen=True, auto_refresh=False) as live:
        while not await _is_set(stopped, REFRESH_S):
            live.update(screen(markets, client.stats(), client.domain.name), refresh=True)


async def _show_lines(client: "ExtendedClient", markets: list[Any], stopped: asyncio.Event) -> None:
    from hummingbot_extended.cli.watch_view import plain_line

    while not await _is_set(stopped, PLAIN_EVERY_S):
        for market in markets:
            print(plain_line(market, client.stats()), flush=True)


async def _is_set(event: asyncio.Event, timeout_s: float) -> bool:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), timeout_s)
    return event.is_set()


def _print_json(event: Any) -> None:
    from hummingbot_extended.cli.watch_view import json_line

    print(json_line(event), flush=True)
