"""The drop-in for Hummingbot, under Hummingbot's file names. Imports nothing by itself."""
