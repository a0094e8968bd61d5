"""Extended Exchange (perpetuals on Starknet) for Hummingbot. Written by `hummingbot-extended install`; do not edit.

The folder stands on its own: without the package `hummingbot-extended` Hummingbot still starts and unlocks its keys,
and the connector says what is missing.
"""
