"""`python -m producers.cli` is `bulkhead`."""

from producers.cli import main

main()
