"""`python -m producers.api` is `bulkhead api`: another door, so a process of its own."""

import sys

import click

from bulkhead.errors import BulkheadError
from bulkhead.settings import Settings
from producers.api.server import serve
from worker import logs


@click.command()
@click.option("--host", default="127.0.0.1")
@click.option("--port", type=int, default=8700)
def main(host: str, port: int) -> None:
    """Serve health, metrics and webhooks until told to stop."""
    try:
        settings = Settings.load()
        logs.configure(settings)
        serve(settings, host, port)
    except KeyboardInterrupt:
        sys.exit(130)
    except BulkheadError as error:
        click.echo(error.in_three_lines(), err=True)
        sys.exit(error.exit_code)


main()
