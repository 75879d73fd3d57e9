"""Import users from any program that has Celery: none of our code, and no app token.

`python celery_only.py` sends the order; `celery -A celery_only worker -Q myapp` hears of the end.
"""

import os

from celery import Celery

app = Celery("celery_only", broker=os.environ["BROKER_URL"])


@app.task(name="myapp.job_done")
def job_done(job):
    """Called when the job is accepted or refused, and when it has ended."""
    counts = job["counts"]
    print(f"{job['state']}: {counts['succeeded']} succeeded, {counts['failed']} failed")


if __name__ == "__main__":
    order = {
        "v": 1,
        "kind": "users.import",
        "app": "demo/shop",
        "items": [{"address": f"person{n}@example.com"} for n in range(100)],
        "notify": {"task": "myapp.job_done", "queue": "myapp"},
    }
    print(app.send_task("tasks.submit", kwargs=order, queue="bulkhead.submit").id)
