"""Candles: timeframes, bars and where they come from. Knows no server and no Hummingbot."""
