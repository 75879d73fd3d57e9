"""A command typed in this process: what a person sees, without starting Python each time."""

from tests.command import in_process
from tests.e2e.product import Done


def typed(product, *words, stdin="", **environment):
    """Run one command of the product's home; it must be one that ends by itself."""
    done = in_process(words, product.environment | environment, stdin)
    return Done(done.returncode, done.stdout, done.stderr)
