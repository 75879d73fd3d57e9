"""The front door without its thread: what lies in the lists is carried out when told to."""

from bulkhead.engine.dead import DeadLetters
from bulkhead.engine.fleet import Fleet, SealedToken
from bulkhead.engine.front import LISTS, Front
from bulkhead.engine.jobs import Jobs
from bulkhead.engine.notices import Notices
from bulkhead.engine.parts import Parts
from bulkhead.engine.script import Scripts
from bulkhead.model.app import AppSettings
from bulkhead.site import SecretKeys
from tasks.submit import reception
from worker.postman import Postman

KEYS = SecretKeys("a key of the tests, long enough for all")


class Reception:
    """One worker's door on an empty store, with the app acme/shop."""

    def __init__(self, redis, broker_url, worker="w1"):
        self.redis, self.broker_url = redis, broker_url
        self.scripts = Scripts(redis)
        self.front = Front(redis, worker)
        self.front.register()
        self.notices = Notices(self.scripts, worker)
        self.submit = reception(self.scripts, self.front, self.notices, None, KEYS)
        self.jobs = Jobs(self.scripts)
        self.dead = DeadLetters(self.scripts)
        self.parts = Parts(self.scripts)

    def app(self, name="acme/shop"):
        fleet = Fleet(self.scripts)
        if not self.redis.exists(self.scripts.key("tenant", name.split("/")[0])):
            fleet.add_tenant(name.split("/")[0])
        settings = AppSettings(base_url="https://api.example.com/backend/")
        fleet.add_app(name, settings, SealedToken("box", "last", "print"))
        return self

    def serve(self):
        """Carry out all there is; how many messages that were."""
        count = 0
        while (message := self.front.take()) is not None:
            self.submit.receive(message)
            self.front.done(message)
            count += 1
        return count

    def deliver(self):
        """Send every notice there is."""
        postman = Postman(self.notices, self.broker_url)
        sent = postman.deliver()
        postman.close()
        return sent

    def job(self):
        """The only job there is."""
        (job,) = self.jobs.newest()
        return job

    def letter(self):
        """The only dead letter there is."""
        (letter,) = self.dead.list()
        return letter

    def waiting(self):
        """Messages in the front lists."""
        return sum(self.redis.llen(name) for name in LISTS)
