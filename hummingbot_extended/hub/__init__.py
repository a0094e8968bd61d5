"""The market-data hub: one upstream a market, for any number of bots, dashboards and monitors.

`interface.py` is what its faces (HTTP, WebSocket, SSE) and other programs use, `events.py` what they get, `service.py`
the hub itself. Nothing here imports a web framework but the faces.
"""
