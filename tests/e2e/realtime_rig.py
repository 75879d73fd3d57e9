"""Jobs that are sent by a sender's session, with the sandbox's stand-in in place of the package."""

import os
import signal

import psutil
import requests

from bulkhead.engine.draft import Request
from bulkhead.engine.jobs import Jobs
from bulkhead.engine.sessions import SenderId, Sessions
from bulkhead.model.broadcast import Letter
from bulkhead.submitting import Entry, submit
from tests.e2e.broadcast_rig import SENDER, App
from tests.e2e.product import until


class Realtime(App):
    """One app of a product whose workers keep sessions with the stand-in."""

    @staticmethod
    def prepare(product, sandbox, **settings):
        """Let the workers that are started from now on use the stand-in."""
        said = {"package": "sandbox.standin", "sandbox": sandbox.url, **settings}
        product.environment |= {f"BULKHEAD_REALTIME_{n.upper()}": str(v) for n, v in said.items()}

    def send(self, *, gids=(), people=(), sender=SENDER, text="Hello", **asked):
        """A job with a message for each of these: its id."""
        rows = [[str(gid), ""] for gid in gids] + [["", address] for address in people]
        expiry = asked.pop("expiry", 3600)
        request = Request(
            "broadcast",
            self.name.split("/")[0],
            self.name,
            columns=["gid", "address"],
            mapping={"group": 0, "address": 1},
            params=Letter(sender, text, expiry=expiry).params(),
            sender=sender,
            **asked,
        )
        entries = [Entry(line, cells) for line, cells in enumerate(rows, 2)]
        with self.product.look() as scripts:
            return submit(scripts, request, entries, lambda: {"rows": len(rows)}).id

    def own_groups(self, number):
        """So many groups that the sender is a member of, and ann with it: their gids."""
        gids = self.groups(number)
        for gid in gids:
            group = {"gid": gid, "members": {"m": f"{SENDER},ann@example.com", "cs": 1}}
            self.backend("groupeditmembers", group=group)
        return gids

    def at(self, **query):
        """What the sandbox's real-time server knows of the app."""
        query = {"token": self.token, **query}
        found = requests.get(f"{self.stand_in.url}/_sandbox/realtime", params=query, timeout=60)
        found.raise_for_status()
        return found.json()

    def do(self, do, **about):
        """Let something happen at the real-time server."""
        order = {"token": self.token, "do": do, **about}
        done = requests.post(f"{self.stand_in.url}/_sandbox/realtime", json=order, timeout=60)
        assert done.status_code == 200, done.text
        return done.json()

    def counts(self, job):
        return self.product.job(job)["counts"]

    def outcomes(self, job):
        """Line → outcome, code and mid of each row."""
        with self.product.look() as scripts:
            return {
                one.line: (one.outcome, one.code, one.upstream.get("mid"))
                for one in Jobs(scripts).results(job)
            }

    def session(self, sender=SENDER):
        """The session as the store knows it."""
        with self.product.look() as scripts:
            return Sessions(scripts).view(SenderId(self.name, sender))

    def online(self, sender=SENDER):
        """Wait until the session is online."""
        return until(lambda: self.session(sender).online and self.session(sender))

    def processes(self):
        """The processes of sessions, of every worker of the product."""
        found = []
        for worker in self.product.workers():
            found += psutil.Process(worker).children(recursive=True)
        return [one.pid for one in found]

    def kill_session(self):
        [pid] = self.processes()
        os.kill(pid, signal.SIGKILL)
        return pid
