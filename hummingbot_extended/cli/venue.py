"""`hummingbot-extended venue`: a local Extended to practise on."""

import asyncio
import json
import signal
import sys
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hummingbot_extended.venue.server import PracticeVenue
    from hummingbot_extended.venue.settings import VenueSettings

EPILOG = """
Faults: cut, half_open, stall, gap, duplicate, reorder, garbage, empty_order_snapshot, server_error, too_many_requests,
reply_lost, reply_error, slow_reply, late_reply, bare_404, late_rejection, post_only_mode, reduce_only_mode,
maintenance, slow_clock. Each takes path=, market=, account=, count=, probability=, seed=, after=, duration_s=, value=:
--fault 'gap,path=*orderbooks*,count=3'. While running, the same over HTTP:
POST /practice/faults {"kind": "gap", "count": 3}; GET /practice/faults counts how often each fired; GET /practice lists
all of the control API (ledger, prices, funding, accounts, variants).
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    from hummingbot_extended.venue.variants import describe_variants

    variants = "; ".join(f"{name}={'|'.join(values)}" for name, values in describe_variants().items())
    app.command("venue", epilog=f"{EPILOG}\nVariants (the default comes first): {variants}.")(venue)


def venue(
    host: Annotated[str, typer.Option(help="Loopback address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 picks a free one.")] = 8099,
    book: Annotated[Path | None, typer.Option(help="Captured order book (JSON) that its market starts from.")] = None,
    seed: Annotated[int, typer.Option(help="Keys, books, and what makers and takers do.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="First line is one JSON object: URLs, keys, vault.")] = False,
    balance: Annotated[str, typer.Option(help="Practice USD of the trader's account.")] = "10000",
    speed: Annotated[float, typer.Option(help="Seconds of market life per second.")] = 1.0,
    funding_interval: Annotated[str, typer.Option(help="Time between funding payments, such as 30s or 1h.")] = "1h",
    acceptance_delay: Annotated[str, typer.Option(help="From HTTP 200 to the matching engine.")] = "10ms",
    rate_limit: Annotated[int, typer.Option(help="Requests per IP and minute; 0: no limit.")] = 1000,
    state: Annotated[Path | None, typer.Option(help="SQLite file to go on from at the next start.")] = None,
    fault: Annotated[list[str] | None, typer.Option(help="Fault from the start, see below. Repeatable.")] = None,
    variant: Annotated[list[str] | None, typer.Option(help="name=value of an undocumented behaviour.")] = None,
) -> None:
    """Run the practice venue: a local Extended with REST, streams, a matching engine, funding and faults.

    No account, key or internet is needed. Ctrl-C or SIGTERM ends it cleanly.
    """
    from hummingbot_extended.errors import SettingsError
    from hummingbot_extended.venue.faults import parse_fault_option
    from hummingbot_extended.venue.server import PracticeVenue
    from hummingbot_extended.venue.settings import VenueSettings, parse_duration_s
    from hummingbot_extended.venue.variants import Variants

    try:
        settings = VenueSettings(
            host=host,
            port=port,
            book=book,
            seed=seed,
            balance=_decimal(balance),
            speed=speed,
            funding_interval_s=parse_duration_s(funding_interval),
            acceptance_delay_ms=round(parse_duration_s(acceptance_delay) * 1000),
            rate_limit=rate_limit,
            state=state,
            faults=tuple(parse_fault_option(text) for text in fault or ()),
            variants=Variants().with_values(_assignments(variant or [])),
        )
        asyncio.run(_run(PracticeVenue(settings), settings, as_json=as_json))
    except SettingsError as error:
        typer.echo(f"venue: {error}", err=True)
        raise typer.Exit(1) from error


def _decimal(text: str) -> Decimal:
    from hummingbot_extended.errors import SettingsError

    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise SettingsError(f"a balance is a number of USD, not {text!r}") from error


def _assignments(texts: list[str]) -> dict[str, str]:
    from hummingbot_extended.errors import SettingsError

    pairs = [text.partition("=") for text in texts]
    if any(not separator for _, separator, _ in pairs):
        raise SettingsError("a variant looks like unknown_cancel=ok")
    return {name: value for name, _, value in pairs}


async def _run(practice: "PracticeVenue", settings: "VenueSettings", *, as_json: bool) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with practice:
        if as_json:
            print(json.dumps(practice.facts()), flush=True)
            watching = None
        else:
            _greet(practice, settings)
            watching = asyncio.create_task(_watch(practice), name="summary line")
        tasks = {
            asyncio.create_task(practice.serve(), name="life"),
            asyncio.create_task(_wait(stopped), name="signal"),
            *([watching] if watching else []),
        }
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()  # a venue that died says why
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    print("The practice venue has stopped.", file=sys.stderr if as_json else sys.stdout, flush=True)


async def _wait(event: asyncio.Event) -> None:
    await event.wait()


def _greet(practice: "PracticeVenue", settings: "VenueSettings") -> None:
    from rich.console import Console
    from rich.panel import Panel
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column(overflow="fold")
    rows = {
        "REST": practice.rest_url,
        "Streams": practice.stream_url,
        "Control": f"{practice.origin}/practice",
        "API key": practice.api_key,
        "Stark private key": practice.stark_private_key,
        "Vault": practice.vault,
        "Balance": f"{settings.balance:,} USD (practice money)",
        "In Hummingbot": "connect extended_perpetual_local",
    }
    for name, value in rows.items():
        table.add_row(f"[bold]{name}[/bold]", value)
    Console(highlight=False).print(Panel(table, title="Extended practice venue", expand=False))


async def _watch(practice: "PracticeVenue") -> None:
    """Keep one line up to date on a terminal; elsewhere print it once a minute."""
    while True:
        line = _summary(practice)
        if sys.stdout.isatty():
            print(f"\r\x1b[2K{line}", end="", flush=True)
        else:
            print(line, flush=True)
        await asyncio.sleep(1 if sys.stdout.isatty() else 60)


def _summary(practice: "PracticeVenue") -> str:
    queries, stats = practice.engine.queries, practice.core.stats
    parts = []
    for spec in queries.market_specs()[:2]:
        view = queries.market(spec.name)
        parts.append(f"{spec.name} {view.best_bid} / {view.best_ask}")
    account = practice.trader.account
    parts.append(f"{len(queries.open_orders(account.id))} orders")
    parts.append(f"{len(queries.trades(account.id, limit=1000).items)} fills")
    parts.append(f"{stats.opened - stats.closed} streams")
    parts.append(f"{sum(practice.rest.requests.values())} requests")
    return "  ·  ".join(parts)
