"""4. The rules: what a job, an app and a permit are, and how they are kept. No Celery, no globals.

Imports go down the numbers, 1 producers → 2 tasks → 3 worker → 4 bulkhead → libraries.
"""

__version__ = "0.1.0"
