"""A Hummingbot without strategy and without screen, for the bridge alone: TradingCore, its clock and its database."""

import asyncio
import json
import logging
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from hummingbot import init_logging
from hummingbot.client.config.config_crypt import ETHKeyFileSecretManger
from hummingbot.client.config.config_helpers import (
    create_yml_files_legacy,
    load_client_config_map_from_file,
    read_system_configs_from_yml,
)
from hummingbot.client.config.security import Security
from hummingbot.client.runner import silence_console_handlers
from hummingbot.client.settings import AllConnectorSettings
from hummingbot.connector.connector_base import ConnectorBase
from hummingbot.core.trading_core import TradingCore

from hummingbot_extended.bridge.server import BridgeServer, default_journal
from hummingbot_extended.bridge.settings import BridgeSettings
from hummingbot_extended.errors import SettingsError

logger = logging.getLogger(__name__)

DATABASE = "extended_bridge"
READY_S = 60.0
STOP_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadlessOptions:
    """What to run: pairs by exchange, the bridge's settings, Hummingbot's password (never shown)."""

    markets: Mapping[str, Sequence[str]]
    settings: BridgeSettings
    say: Callable[[str], None]
    as_json: bool = False
    wait_ready: bool = True


async def run_headless(options: HeadlessOptions, password: str) -> None:
    """Run until SIGTERM or SIGINT. Raises SettingsError when something is missing, before anything was started."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    core = await _start_hummingbot(password)
    await asyncio.sleep(0)  # Hummingbot's own tasks begin; one that is ended before that warns
    bridge: BridgeServer | None = None
    try:
        await _create_connectors(core, options.markets)
        core.initialize_markets_recorder(DATABASE)
        bridge = BridgeServer(core.connectors, options.settings, journal=default_journal(options.settings.port))
        await bridge.start()  # before the clock, so that no event is missed
        await core.start_clock()
        for connector in core.connectors.values():
            # After the clock: it would cancel what it finds, and these orders are to go on.
            core.markets_recorder.restore_market_states(DATABASE, connector)
        if options.wait_ready:
            await _wait_ready(core, stopped)
        options.say(_greeting(bridge, options))
        await stopped.wait()
    finally:
        if bridge is not None:
            await bridge.stop()
        connectors = list(core.connectors.values())
        await core.shutdown(skip_order_cancellation=options.settings.on_stop == "keep")
        await _stop(connectors)


async def _start_hummingbot(password: str) -> TradingCore:
    configuration = load_client_config_map_from_file()
    if not Security.login(ETHKeyFileSecretManger(password)):
        raise SettingsError("Hummingbot's password is wrong")
    await Security.wait_til_decryption_done()
    await create_yml_files_legacy()
    init_logging("hummingbot_logs.yml", configuration, strategy_file_path=DATABASE)
    silence_console_handlers()
    await read_system_configs_from_yml()
    AllConnectorSettings.initialize_paper_trade_settings(configuration.paper_trade.paper_trade_exchanges)
    return TradingCore(configuration)


async def _create_connectors(core: TradingCore, markets: Mapping[str, Sequence[str]]) -> None:
    known = AllConnectorSettings.get_connector_settings()
    for name, pairs in markets.items():
        if name not in known:
            raise SettingsError(f"this Hummingbot has no connector {name}; for ours run: hummingbot-extended install")
        try:
            await core.create_connector(name, list(pairs), True)
        except ValueError as error:
            reason = str(error).rstrip(".")
            raise SettingsError(f"{name}: {reason}; store its keys with: hbot connect {name}") from error


async def _stop(connectors: Sequence[ConnectorBase]) -> None:
    """Wait until the connectors have ended: Hummingbot only begins it, and its loop is about to go."""
    try:
        async with asyncio.timeout(STOP_S):
            await asyncio.gather(*(connector.stop_network() for connector in connectors))
    except TimeoutError:
        logger.warning("The connectors have not ended within %g s.", STOP_S)


async def _wait_ready(core: TradingCore, stopped: asyncio.Event) -> None:
    """Wait for the connectors, so that who reads the greeting can trade; go on after a minute, they may come later."""
    deadline_s = asyncio.get_running_loop().time() + READY_S
    while not stopped.is_set() and asyncio.get_running_loop().time() < deadline_s:
        waiting = [name for name, connector in core.connectors.items() if not connector.ready]
        if not waiting:
            return
        await asyncio.sleep(0.05)
    logger.warning("Not ready after %g s: %s.", READY_S, ", ".join(waiting))


def _greeting(bridge: BridgeServer, options: HeadlessOptions) -> str:
    scheme = "wss" if options.settings.tls_certificate else "ws"
    url = f"{scheme}://{options.settings.host}:{bridge.port}/ws"
    facts = {
        "url": url,
        "port": bridge.port,
        "pid": os.getpid(),
        "markets": {k: list(v) for k, v in options.markets.items()},
    }
    if options.as_json:
        return json.dumps(facts)
    served = "; ".join(f"{name}: {', '.join(pairs)}" for name, pairs in options.markets.items())
    return f"The bridge listens on {url} for {served}. Ctrl-C ends it."
