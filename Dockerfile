# One image for every service: the command chooses what it is.
FROM python:3.13-slim

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONPATH=/app \
    HOME=/tmp \
    BULKHEAD_HOME=/tmp/bulkhead

WORKDIR /app

COPY requirements.lock ./
RUN python -m pip install --no-cache-dir --require-hashes --requirement requirements.lock

# mesibo copies its native library into its own folder when it is first imported. Done here, as
# root and once: a read-only root cannot take the copy later, and processes that import it for
# the first time together can crash each other.
RUN python -c "import mesibo"

COPY LICENSE NOTICE ./
COPY producers producers
COPY tasks tasks
COPY worker worker
COPY bulkhead bulkhead
COPY sandbox sandbox
COPY tools/seed_sandbox.py tools/seed_sandbox.py

RUN python -m compileall -q /app \
 && printf '#!/usr/local/bin/python\nfrom producers.cli import main\n\nmain()\n' \
      > /usr/local/bin/bulkhead \
 && chmod 0755 /usr/local/bin/bulkhead

USER 10001:10001

CMD ["bulkhead", "worker"]
