"""Extended Exchange for Hummingbot. Only the version lives here: importing the package must cost nothing."""

__version__ = "0.1.0"
