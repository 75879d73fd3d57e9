"""Give many apps a new push credential, in waves that a failure ends, and show the evidence.

`python rotate_fleet.py service-account.json fleet=prod probe@example.com`
"""

import sys

from bulkhead.client import Bulkhead


def main(file, apps, probe):
    found = Bulkhead.inspect_credential(file)
    if not found["uploadable"]:
        sys.exit("\n".join(f"{each['what']} {each['to_do']}" for each in found["problems"]))
    order = {"apps": apps, found["kind"]: file, "waves": "1,50%,100%", "auto_rollback": True}
    order |= {"verify": "test-push", "test_user": probe}
    with Bulkhead.from_env() as bulkhead:
        has = {each["app"]: each for each in bulkhead.plan_rotation(**order)}
        print(*(f"{app} has {it['previous']}: {it['effect']}" for app, it in has.items()), sep="\n")
        job = bulkhead.rotate_credentials(**order).wait(timeout=3600)
        for row in job.results():
            old, told = has[row.app]["previous"], row.upstream
            said = told.get("push_result") or row.message or row.detail
            print(f"{row.app} {row.outcome}: {old} -> {told.get('fingerprint', old)} {said or ''}")
        if job.state != "completed":
            sys.exit(f"{job.id} halted: mend what is said above, and run this again for the rest")


if __name__ == "__main__":
    main(*sys.argv[1:])
