"""The command line: what a person types, and what they see."""

from producers.cli.main import main

__all__ = ["main"]
