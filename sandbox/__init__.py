"""A stand-in mesibo: the same wire, faults on demand, nothing of ours imported."""
