"""A command typed in this process: what a person sees, without starting Python each time."""


def typed(product, *words, stdin="", **environment):
    """Run one command of the product's home; it must be one that ends by itself."""
    return product.typed(*words, stdin=stdin, **environment)
