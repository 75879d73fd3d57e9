"""3. The process that runs jobs: Celery app, feeder, wiring, logs, health."""
