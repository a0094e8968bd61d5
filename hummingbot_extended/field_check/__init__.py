"""Trying out an account on a network, step by step, for `hummingbot-extended check`."""
