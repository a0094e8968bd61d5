"""`hummingbot-extended check`: try out an account on a network, step by step."""

import asyncio
import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hummingbot_extended.cli.failure import one_sentence
from hummingbot_extended.cli.market_names import check_names
from hummingbot_extended.cli.stopping import until_stopped

if TYPE_CHECKING:
    from hummingbot_extended.field_check.findings import Finding, Notebook

API_KEY_ENV = "EXTENDED_API_KEY"
STARK_KEY_ENV = "EXTENDED_STARK_PRIVATE_KEY"
MAX_STREAMS = 20
TIMEOUT_S = 10.0
REAL_MONEY = "SN_MAIN"
COLOURS = {"pass": "green", "fail": "red", "skip": "yellow"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("check")(check)


def check(
    domain: Annotated[
        str,
        typer.Option(help="extended_perpetual (real money), extended_perpetual_testnet or extended_perpetual_local."),
    ] = "extended_perpetual_testnet",
    market: Annotated[str, typer.Option(help="The market to look at, and to trade with --orders.")] = "BTC-USD",
    orders: Annotated[
        bool, typer.Option("--orders", help="Also trade: the smallest orders, all closed again.")
    ] = False,
    report: Annotated[Path | None, typer.Option(help="Write a report (Markdown), secrets removed.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as one JSON object.")] = False,
) -> None:
    """Check, step by step, that this machine and your account can trade on Extended. Reading comes first.

    Keys come from EXTENDED_API_KEY and EXTENDED_STARK_PRIVATE_KEY, or are asked for without being shown; never as
    arguments. Without keys the public steps are done. Exit code 0: all passed, 1: a step failed, 2: wrong usage.
    """
    from hummingbot_extended.exchange.endpoints import find_domain

    with one_sentence():
        where = find_domain(domain)
        api_key, stark_key = _keys(where.is_local, where.rest_url)
        if orders and not (api_key and stark_key):
            typer.echo(f"check: --orders needs both keys: set {API_KEY_ENV} and {STARK_KEY_ENV}", err=True)
            raise typer.Exit(2)
        if orders and where.chain_id == REAL_MONEY and sys.stdin.isatty():
            typer.confirm("This trades the smallest orders with real money. Go on?", abort=True, err=True)
        if report is not None:
            _check_place(report)
        steps = _check(where, market, api_key, stark_key, orders=orders, quiet=as_json)
        notebook = asyncio.run(until_stopped(steps))  # stopped it still cleans up
        if notebook is None:
            raise typer.Abort
        if report is not None:
            report.write_text(notebook.as_markdown(), encoding="utf-8")
    if as_json:
        typer.echo(notebook.as_json())
    else:
        _conclude(notebook, report)
    raise typer.Exit(0 if notebook.has_passed else 1)


def _check_place(report: Path) -> None:
    """Raise SettingsError, before the work, where the report cannot be written."""
    from hummingbot_extended.errors import SettingsError

    try:
        report.open("a", encoding="utf-8").close()
    except OSError as error:
        raise SettingsError(f"the report cannot be written to {report}: {error.strerror}") from error


def _keys(is_local: bool, rest_url: str) -> tuple[str | None, str | None]:
    """Return both keys: of the environment, of the practice venue's own trader, or asked for on a terminal."""
    api_key, stark_key = os.environ.get(API_KEY_ENV) or None, os.environ.get(STARK_KEY_ENV) or None
    if is_local and not (api_key or stark_key):
        return asyncio.run(_practice_keys(rest_url))
    if sys.stdin.isatty():
        hint = "(hidden; empty: public steps only)"
        api_key = api_key or typer.prompt(f"API key {hint}", default="", hide_input=True, show_default=False) or None
        if api_key and not stark_key:
            stark_key = typer.prompt("Stark private key (hidden)", default="", hide_input=True, show_default=False)
    return api_key, stark_key or None


async def _practice_keys(rest_url: str) -> tuple[str | None, str | None]:
    import aiohttp

    from hummingbot_extended.errors import SettingsError

    url, timeout = rest_url.removesuffix("/api/v1") + "/practice/accounts", aiohttp.ClientTimeout(total=TIMEOUT_S)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as response:
            trader = (await response.json())["data"][0]
            return trader["api_key"], trader["stark_private_key"]
    except (aiohttp.ClientError, TimeoutError, ValueError, LookupError, TypeError) as error:
        raise SettingsError(
            f"no practice venue answers at {rest_url}; start one with 'hummingbot-extended venue'"
        ) from error


async def _check(
    where: Any, market: str, api_key: str | None, stark_key: str | None, *, orders: bool, quiet: bool
) -> "Notebook":
    from hummingbot_extended.client.client import ExtendedClient
    from hummingbot_extended.errors import ApiError, MalformedMessage
    from hummingbot_extended.field_check.account_steps import AccountSteps
    from hummingbot_extended.field_check.findings import Notebook, run_steps
    from hummingbot_extended.field_check.order_steps import OrderSteps
    from hummingbot_extended.field_check.public_steps import PublicSteps, ServerClock

    notebook, clock = Notebook(where.name, market), ServerClock()
    notebook.keep_secret(*(key.strip() for key in (api_key, stark_key) if key))
    show = _ignore if quiet else _print
    async with ExtendedClient(
        where, api_key=api_key, stark_private_key=stark_key, max_streams=MAX_STREAMS, on_response=clock.see
    ) as client:
        with contextlib.suppress(ApiError, MalformedMessage):  # what the exchange answers is for the steps to judge
            await check_names(client, [market])
        await run_steps(notebook, PublicSteps(client, notebook, clock).steps(), show)
        await run_steps(notebook, AccountSteps(client, notebook, api_key, stark_key).steps(), show)
        if orders and api_key is not None:
            trading = OrderSteps(client, notebook, api_key)
            try:
                await run_steps(notebook, trading.steps(), show)
            finally:
                if done := await trading.clean_up():
                    show(notebook.note("cleaned up", "fail", done))
    return notebook


def _print(finding: "Finding") -> None:
    status = typer.style(f"{finding.status:<5}", fg=COLOURS[finding.status])
    typer.echo(f"{finding.number:>3} {status} {finding.name:<44} {finding.seen}")


def _ignore(_finding: "Finding") -> None:
    """Say nothing: the report is printed as a whole."""


def _conclude(notebook: "Notebook", report: Path | None) -> None:
    if notebook.settled:
        typer.echo("\nOpen questions of the API reference (§11) that this run answers:")
        for unknown, answer in notebook.settled.items():
            typer.echo(f"  {unknown} {answer}")
    failed = sum(finding.status == "fail" for finding in notebook.findings)
    typer.echo(f"\n{'all steps passed' if not failed else f'{failed} of {len(notebook.findings)} steps failed'}")
    if report is not None:
        typer.echo(f"report without secrets: {report}")
