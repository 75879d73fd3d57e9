"""The real scripts on a real store, at the time of the run; planted faults change their text."""

from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha1
from pathlib import Path

from redis.exceptions import NoScriptError

from bulkhead.engine.connect import connect
from bulkhead.engine.embedded import EmbeddedStore
from bulkhead.engine.script import FOLDER, Scripts, source
from tests.fakes.engine import VIRTUAL_CLOCK

ORDERED = Path(__file__).parent / "ordered.lua"


@dataclass(frozen=True)
class Edit:
    """One place in the scripts, written otherwise; whichever file it stands in."""

    old: str
    new: str

    def of(self, text):
        """The text with the change in it, where the changed file is part of it."""
        self.file()
        return text.replace(self.old, self.new)

    def file(self):
        """The text of the one file that the change is made in."""
        files = [path.read_text() for path in sorted(FOLDER.glob("*.lua"))]
        found = sum(text.count(self.old) for text in files)
        assert found == 1, f"the scripts hold the text of this mutant {found} times:\n{self.old}"
        return next(text for text in files if self.old in text)


class TimedScripts(Scripts):
    """Tells the store the time with each verb, in one round trip."""

    def __init__(self, redis, kernel, edits=()):
        super().__init__(redis, clock=VIRTUAL_CLOCK)
        self._kernel = kernel
        self._edits = edits
        self._texts = {}
        self._line = redis.connection_pool.get_connection()

    def close(self):
        self.redis.connection_pool.release(self._line)

    def run(self, verb, *args):
        text, digest = self._texts.get(verb) or self._load(verb)
        try:
            return self._ask("EVALSHA", digest, 1, self.root, *args)
        except NoScriptError:
            return self._ask("EVAL", text, 1, self.root, *args)

    def _ask(self, *command):
        line = self._line
        clock = ("SET", self.key("test-clock"), self._kernel.now)
        line.send_packed_command(line.pack_commands([clock, command]))
        line.read_response()
        return line.read_response()

    def _load(self, verb):
        text = source(verb, VIRTUAL_CLOCK)
        for edit in self._edits:
            text = edit.of(text)
        clock = VIRTUAL_CLOCK.read_text()
        text = text.replace(clock, clock + ORDERED.read_text(), 1)
        made = self._texts[verb] = (text, sha1(text.encode()).hexdigest())
        return made


@contextmanager
def a_store(folder):
    """A store of our own that waits for no disk, for a simulation outside of the tests."""
    server = EmbeddedStore.start(folder)
    try:
        redis = connect(server.url)
        for name in ("appendfsync", "appendonly"):
            redis.config_set(name, "no")
        with suppress(Exception):
            redis.config_set("save", "")
        yield redis
    finally:
        server.stop()
