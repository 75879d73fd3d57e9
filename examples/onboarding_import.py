"""Import the people of your own system, wait for the end, and say what came of each row."""

from bulkhead.client import Bulkhead


def people():
    """Whatever you have: a query, an API, a file. Rows are streamed, never held."""
    for number in range(1, 1001):
        yield {"address": f"person{number}@example.com", "name": f"Person {number}"}
    yield {"address": "a comma, by mistake"}


def main():
    with Bulkhead.from_env() as bulkhead:
        job = bulkhead.import_users(people(), app="demo/shop", idempotency_key="onboarding-1")
        print(f"accepted as {job.id}")
        job.wait(timeout=600, progress=lambda now: print(f"{now.counts.settled:,} are settled"))
        print(f"{job.state}: {job.counts.succeeded:,} succeeded, {job.counts.failed:,} failed")
        for row in job.errors():
            print(f"row {row.line}: {row.code}: {row.message} {row.hint}")


if __name__ == "__main__":
    main()
