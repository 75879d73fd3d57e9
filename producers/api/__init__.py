"""Health, metrics and, later, the HTTP API."""
