"""Each benchmark runs, in small: whatever the figures are, there is one for every way that it compares."""

import asyncio
import json
import subprocess
import sys

import pytest

from bench import book, orders, startup
from bench.measure import Rounds


def variants(found: Rounds) -> set[str]:
    return {line.split("|")[1].strip() for line in found.table().splitlines()[5:]}


def test_books_in_memory():
    assert variants(book.measure_deltas(1, 50)) == {book.INHERITED, book.OURS, book.FLOOR}
    assert variants(book.measure_snapshots(1, 1)) == {book.INHERITED, book.OURS}


def test_throttlers():
    assert variants(orders.measure_throttler(1, 20)) == {orders.INHERITED, orders.OURS}


def test_orders_are_signed_as_the_sdk_signs_them():
    found, differing = orders.measure_signing(1, 10)
    assert len(variants(found)) == 3
    assert differing == 0


async def test_every_order_of_every_way_reaches_the_server():
    with orders.order_server() as port:
        for variant in orders.WAYS:
            async with orders.trader(variant, port) as bot:
                placed = [bot.buy() for _ in range(3)]
                await bot.received(*placed)
                assert set(await bot.arrivals()) == set(placed)


async def test_turns_measure_the_longest_one():
    turns = orders.Turns()
    watching = asyncio.create_task(turns.watch())
    await asyncio.sleep(0)
    sum(range(2_000_000))  # a turn that takes its time
    await asyncio.sleep(0)
    watching.cancel()
    assert 0 < turns.longest_cpu_s <= turns.longest_s * 1.5


def test_markets():
    found = startup.measure_markets("few", 1, startup.market_frames.reply(3), 1)
    assert {startup.JSON, startup.OURS, startup.SDK} < variants(found)


def test_import_of_the_connector_brings_none_of_the_packages_for_servers_and_terminals():
    brought = set(startup.import_once()[3])
    assert "hummingbot_extended" in brought
    assert not brought & startup.NOT_AT_START


@pytest.mark.slow
def test_command_runs_a_benchmark_and_writes_its_verdicts(tmp_path):
    command = [sys.executable, "-m", "bench", "--quick", "--json", str(tmp_path / "latest.json"), "orders"]
    child = subprocess.run(command, check=True, capture_output=True, text=True)
    report = json.loads((tmp_path / "latest.json").read_text())
    assert {verdict["id"] for verdict in report["benchmarks"]["orders"]} == {"G11", "G12", "G13", "G14"}
    assert "goals met" in child.stdout


def test_command_names_the_benchmarks_when_asked_for_another():
    child = subprocess.run([sys.executable, "-m", "bench", "speed"], capture_output=True, text=True)
    assert child.returncode == 2
    assert "there is no benchmark speed; there are book" in child.stderr
