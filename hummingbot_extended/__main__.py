"""`python -m hummingbot_extended` is the same command as `hummingbot-extended`."""

from hummingbot_extended.cli import main

if __name__ == "__main__":
    main()
