"""`hummingbot-extended demo`: an unmodified Hummingbot trades on the practice venue, and its books are audited."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hummingbot_extended.errors import ExtendedError

if TYPE_CHECKING:
    from rich.console import Console

    from hummingbot_extended.demo.audit import Audit
    from hummingbot_extended.demo.runner import Moment

LINE_EVERY_S = 5.0


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(demo)


def demo(
    seconds: Annotated[float, typer.Option(min=1, help="How long to trade.")] = 60.0,
    book: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="A captured order book for the venue to start from."),
    ] = None,
    folder: Annotated[
        Path, typer.Option(help="Where the private Hummingbot lives; emptied at each run, kept after it.")
    ] = Path(".demo"),
    again: Annotated[
        bool, typer.Option("--audit", help="Audit the files of the last run again instead of running.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as one JSON object.")] = False,
) -> None:
    """Run Hummingbot on the practice venue and compare its database with the venue's ledger; a page shows it meanwhile.

    Exit code 0: both agree on every order, fill, fee and funding payment. 1: they differ, or a step failed.
    """
    from rich.console import Console

    from hummingbot_extended.demo.runner import Demo, audit_run
    from hummingbot_extended.demo.signals import interrupted_by_signals

    console = Console(stderr=as_json)
    live = LiveLine(console)
    root = folder.resolve() / "run"
    run = Demo(root, seconds=seconds, book=book, step=live.step, tell=live.tell, show=live.show)
    try:
        with interrupted_by_signals():
            result = audit_run(run.root) if again else run.run()
    except ExtendedError as error:
        live.close()
        console.print(f"[red]The demo stopped:[/] {error}", soft_wrap=True)
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        live.close()
        console.print("Interrupted; the bot, the hub and the venue are stopped.")
        raise typer.Exit(1) from None
    live.close()
    if as_json:
        typer.echo(json.dumps({"agrees": result.agrees, **asdict(result)}))
    else:
        print_report(console, result, run.root)
    raise typer.Exit(0 if result.agrees else 1)


class LiveLine:
    """Steps as lines, the trading as one line that is rewritten on a terminal and repeated every 5 s elsewhere."""

    def __init__(self, console: "Console") -> None:
        self._console = console
        self._steps = 0
        self._rewriting = False
        self._next_line_s = 0.0

    def step(self, what: str) -> None:
        """Print the next numbered step."""
        self.close()
        self._steps += 1
        self._console.print(f"[bold cyan]{self._steps:>2}[/] {what}", highlight=False, soft_wrap=True)

    def tell(self, what: str) -> None:
        """Print a line below the present step."""
        self._console.print(f"   {what}", highlight=False, soft_wrap=True)

    def show(self, moment: "Moment") -> None:
        """Show one moment of the trading."""
        text = describe(moment)
        if self._console.is_terminal:
            self._console.file.write(f"\r\x1b[2K   {text}")
            self._console.file.flush()
            self._rewriting = True
        elif moment.elapsed_s >= self._next_line_s:
            self._next_line_s += LINE_EVERY_S
            self._console.print(f"   {text}", highlight=False, soft_wrap=True)

    def close(self) -> None:
        """End a line that is being rewritten."""
        if self._rewriting:
            self._console.file.write("\n")
            self._rewriting = False


def describe(moment: "Moment") -> str:
    """Return the live line of one moment."""
    latency = "—" if moment.latency_ms is None else f"{moment.latency_ms:.0f} ms"
    return (
        f"{moment.elapsed_s:>4.0f} s  mid {moment.mid or '—'}  spread {moment.spread or '—'}  "
        f"open {moment.open_orders}  position {moment.position:+f}  fills {moment.fills}  "
        f"PnL {moment.pnl:+.4f}  stream {latency}"
    )


def print_report(console: "Console", result: "Audit", root: Path) -> None:
    """Print the audit as a table, then every difference."""
    from rich.table import Table

    table = Table(title="Hummingbot's database beside the venue's ledger", title_justify="left")
    table.add_column("")
    table.add_column("Hummingbot", justify="right")
    table.add_column("venue", justify="right")
    table.add_column("agree", justify="center")
    for line in result.lines:
        table.add_row(line.what, line.hummingbot, line.venue, "[green]yes[/]" if line.agrees else "[red]NO[/]")
    console.print(table)
    for difference in result.differences:
        console.print(f"[red]differs:[/] {difference}", soft_wrap=True)
    verdict = "[green]They agree to the last decimal.[/]" if result.agrees else "[red]They do not agree.[/]"
    console.print(f"{verdict} Logs and database: {root}", soft_wrap=True)
    sys.stdout.flush()
