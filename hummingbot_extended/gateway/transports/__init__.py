"""The ways to a Hummingbot: our bridge (`bridge.py`), or hummingbot-api (`api.py`)."""
