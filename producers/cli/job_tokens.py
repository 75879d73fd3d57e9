"""`bulkhead jobs tokens`: the user access tokens that a job issued, into a file of one's own."""

from __future__ import annotations

import click

from producers.cli.context import Context, pass_context
from producers.cli.output import output_option, show_one
from producers.cli.token_file import STDOUT, TokenFile, hand_over


@click.command("tokens")
@click.argument("job")
@click.option(
    "--out", required=True, metavar="FILE|-", help="A new file (mode 0600), or - for a pipe."
)
@output_option
@pass_context
def tokens(ctx: Context, /, job: str, out: str, form: str | None) -> None:
    """Write the tokens a job has issued; kept 24 hours, and audited."""
    known = ctx.jobs.get(job)
    file = TokenFile.stdout() if out == STDOUT else TokenFile.create(out, "--out")
    try:
        hand_over(ctx, known, file)
    finally:
        file.close()
    if not file.count:
        click.echo("no token was issued so far: no file was made", err=True)
    if out != STDOUT:
        show_one({"job": known.id, "tokens": file.count, "out": out}, form)
