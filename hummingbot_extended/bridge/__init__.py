"""The bridge: a WebSocket server inside a Hummingbot process, for `hummingbot_extended.gateway`. Imports Hummingbot."""
