"""Puts the connector into a Hummingbot, takes it out again, and says what is wrong: install, uninstall, doctor."""
