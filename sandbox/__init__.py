"""A stand-in mesibo for trying things out: the same wire, faults on demand, nothing of ours imported."""
