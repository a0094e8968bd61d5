"""Market-making controllers."""
