"""`python -m producers.cli` is `bulkhead`."""

from producers.cli.main import main

main()
