"""The bridge of hummingbot-extended as a script: hbot start conf_extended_bridge.yml"""

from hummingbot_extended.bridge.script import BridgeConfig, BridgeScript

__all__ = ["BridgeConfig", "BridgeScript"]
