"""Other queues, each at its best, making the same calls. Nothing of ours is in their workers."""
