"""mesibo's backend API: one call, and what its answer means."""
