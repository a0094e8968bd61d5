"""The demo: an unmodified Hummingbot, in a private copy, trades on the practice venue and its books are audited."""
