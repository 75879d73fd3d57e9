"""stub"""

import click

from producers.cli.context import Context, pass_context
from worker import logs


@click.command()
@pass_context
def worker(ctx: Context, /) -> None:
    """Run."""
    from worker.app import start

    logs.configure(ctx.settings)
    start(ctx.settings).worker_main(
        [
            "worker",
            "--without-gossip",
            "--without-mingle",
            "--without-heartbeat",
            "-P",
            "threads",
            "-c",
            "32",
        ]
    )
