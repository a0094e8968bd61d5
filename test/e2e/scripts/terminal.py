"""Hummingbot's terminal, as its own bin/hummingbot.py starts it: that file is not in its wheel."""

import asyncio

from hummingbot.client.config.config_crypt import ETHKeyFileSecretManger
from hummingbot.client.config.config_helpers import load_client_config_map_from_file
from hummingbot.client.runner import bootstrap_application
from hummingbot.client.ui import login_prompt
from hummingbot.client.ui.style import load_style


async def run(secrets_manager: ETHKeyFileSecretManger) -> None:
    application = await bootstrap_application(load_client_config_map_from_file(), secrets_manager)
    await application.run()


if __name__ == "__main__":
    manager = login_prompt(ETHKeyFileSecretManger, style=load_style(load_client_config_map_from_file()))
    if manager:
        asyncio.run(run(manager))
