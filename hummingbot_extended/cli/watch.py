"""`hummingbot-extended watch`: book, trades, funding, mark and stream health of some markets, without keys."""

import asyncio
import contextlib
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hummingbot_extended.cli.failure import one_sentence
from hummingbot_extended.cli.market_names import check_names
from hummingbot_extended.cli.stopping import until_stopped

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
        asyncio.run(until_stopped(_watch(client, names, depth=depth, seconds=seconds, as_json=as_json)))


async def _watch(client: "ExtendedClient", names: list[str], *, depth: int, seconds: float, as_json: bool) -> None:
    from hummingbot_extended.client.live_markets import watch_markets

    printer = _JsonPrinter()
    async with client:
        await check_names(client, names)
        markets = await watch_markets(client, names, depth=depth, also=printer if as_json else None)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds or None):
                await (printer.until_unread() if as_json else _show(client, markets))


async def _show(client: "ExtendedClient", markets: list[Any]) -> None:
    await (_show_live if sys.stdout.isatty() else _show_lines)(client, markets)


async def _show_live(client: "ExtendedClient", markets: list[Any]) -> None:
    from rich.live import Live

    from hummingbot_extended.cli.watch_view import screen

    with Live(screen=True, auto_refresh=False) as live:
        while True:
            await asyncio.sleep(REFRESH_S)
            live.update(screen(markets, client.stats(), client.domain.name), refresh=True)


async def _show_lines(client: "ExtendedClient", markets: list[Any]) -> None:
    from hummingbot_extended.cli.watch_view import plain_line

    while True:
        await asyncio.sleep(PLAIN_EVERY_S)
        for market in markets:
            print(plain_line(market, client.stats()), flush=True)


class _JsonPrinter:
    """Prints events as lines, until nobody reads them any more (`… | head`)."""

    def __init__(self) -> None:
        self._error = asyncio.Future[None]()

    def __call__(self, event: Any) -> None:
        from hummingbot_extended.cli.watch_view import json_line

        try:
            print(json_line(event), flush=True)
        except BrokenPipeError as error:
            if not self._error.done():
                self._error.set_exception(error)

    async def until_unread(self) -> None:
        """Wait until a line could not be printed. Raises BrokenPipeError then."""
        await self._error
