"""What the Celery front door accepts: message, payload, schema. Knows nothing of Celery itself."""
