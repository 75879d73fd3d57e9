"""2. What is done to an item: the Celery tasks, and one module an operation family."""
