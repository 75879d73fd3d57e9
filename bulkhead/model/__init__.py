"""The rules as plain values: job, item, outcome, tenant, app. No input or output."""
