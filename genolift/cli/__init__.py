"""The command line: one thin module per command, loaded when it is called for."""

from genolift.cli.app import main

__all__ = ["main"]
