"""Controllers for Hummingbot (V2), by type."""
