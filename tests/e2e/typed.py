"""A command typed in this process: what a person sees, without starting Python each time."""

import io
import os
import sys

from producers.cli.main import main
from tests.e2e.product import Done


def typed(product, *words, stdin="", **environment):
    """Run one command of the product's home; it must be one that ends by itself."""
    before = dict(os.environ), sys.stdin, sys.stdout, sys.stderr
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", newline="") for _ in range(2))
    os.environ.clear()
    os.environ.update(product.environment | environment)
    sys.stdin = io.TextIOWrapper(io.BytesIO(stdin.encode()), "utf-8", newline="")
    sys.stdout, sys.stderr = out, err
    try:
        main(list(words))
    except SystemExit as ended:
        code = ended.code
    finally:
        os.environ.clear()
        os.environ.update(before[0])
        sys.stdin, sys.stdout, sys.stderr = before[1:]
    return Done(code, *(_text(stream) for stream in (out, err)))


def _text(stream):
    stream.flush()
    return stream.buffer.getvalue().decode()
