"""What goes into Hummingbot: `extended_perpetual/`, the one directory that `install` puts among its connectors."""
