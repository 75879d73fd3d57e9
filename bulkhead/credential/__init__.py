"""Push credentials read offline: what a file is, and whether it could be uploaded as it is."""
