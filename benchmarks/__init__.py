"""Measurements of the product and its parts, each beside its rivals."""
