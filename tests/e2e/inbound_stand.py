"""A store with one app, an API process in front of it, and a person at a keyboard."""

import json

import requests

from bulkhead.engine.connect import connect
from bulkhead.engine.fleet import Fleet, SealedToken
from bulkhead.engine.inbound import InboundEvents, inbound_counts
from bulkhead.engine.script import Scripts
from bulkhead.model.app import AppSettings
from tests.command import KEY, Running, environment, in_process
from tests.e2e.product import until

APP = "acme/shop"
BODY_SECRET = "canary-of-the-body-0123456789"
PUSH = {"type": "push", "user": {"address": "ann@tenant.test"}, "push": {"result": True}}


class Stand:
    """Ends with its API: `with stand.api`."""

    def __init__(self, store, folder, **settings):
        self.store = store
        self.settings = {"redis_url": store.url, "secret_key": KEY, "home": folder, **settings}
        self.api = Running(folder, "api", "--port", "0", log_level="DEBUG", **self.settings)
        self.port = until(lambda: self.api.line("api_started"))["port"]
        self.base = f"http://127.0.0.1:{self.port}"
        self.empty()

    def empty(self):
        self.redis = connect(self.store.url)
        self.redis.flushall()
        self.scripts = Scripts(self.redis)
        fleet = Fleet(self.scripts)
        fleet.add_tenant("acme")
        fleet.add_app(APP, AppSettings("http://127.0.0.1:1/"), SealedToken("box", "oken", "f00d"))

    def typed(self, *words, stdin="", **settings):
        environ = environment(**{**self.settings, **settings})
        return in_process(("webhooks", "inbound", *words), environ, stdin)

    def url(self, *words, **settings):
        """The URL that a command prints: without a public one, at the API's port here."""
        done = self.typed(*(words or ("show", APP)), "-o", "json", **settings)
        assert done.returncode == 0, done
        url = json.loads(done.stdout)["url"]
        assert url.startswith(self.base)
        return url

    @property
    def counts(self):
        return next(iter(inbound_counts(self.scripts, [APP])), None)

    @property
    def events(self):
        return [received.event for received in InboundEvents(self.scripts).events(APP)]


def delivery(number, **members):
    body = {"server": "mesibo", "id": number, "v": 2, "aid": 7, "ts": 1790000000000}
    return body | {"events": [PUSH]} | members


def post(url, body=b"", **options):
    if isinstance(body, dict):
        body = json.dumps(body).encode()
    return requests.post(url, data=body, timeout=30, **options)


def is_ok(answer):
    kind = answer.headers["content-type"].split(";")[0]
    return (answer.status_code, kind, answer.text) == (200, "text/plain", "MESIBO OK")
