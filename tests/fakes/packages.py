"""Packages that misbehave, written as files so that a session's process can import them."""

_WHOLE = """
import ctypes, os, sys, threading, time

class MesiboListener:
    def Mesibo_onConnectionStatus(self, status): return 0
    def Mesibo_onMessage(self, message): return 0
    def Mesibo_onNewest(self, what): return None

class Message:
    def __init__(self, api, peer, gid=0):
        self.api, self.peer, self.groupid, self.mid = api, peer, gid, 0
    def send(self): return self.api.sent(self)
    def getStatus(self): return 1

class Api:
    status = 0
    def addListener(self, listener): self.listener = listener; return 0
    def setAccessToken(self, token): self.token = token; return 0
    def setAppName(self, name): return None
    def setPath(self, path): self.path = path; return 0
    def setDatabase(self, name, flags): return 0
    def getConnectionStatus(self): return self.status
    def newMessage(self, peer): return Message(self, peer)
    def newGroupMessage(self, gid): return Message(self, "", gid)
    def stop(self): return 0
    def start(self):
        self.status = 1
        self.listener.Mesibo_onConnectionStatus(1)
        return 0
    def sent(self, message):
        self.listener.Mesibo_onMessageStatus(message)
        return 0

api = Api()
def getInstance(): return api
def sleep_with_the_lock(seconds): ctypes.PyDLL(None).sleep(seconds)
"""

_ODD = {
    "whole": "",
    "exits": "raise SystemExit('copy the files first')",
    "hooks": "import sys; sys.excepthook = lambda *_: os._exit(99)",
    "segfaults": "ctypes.string_at(0)",
    "hangs_in_native_code": """
def sent(message):
    os.write(1, b"held\\n")
    sleep_with_the_lock(3600)
api.sent = sent
""",
    "hangs_aside": """
def sent(message):
    threading.Event().wait()
api.sent = sent
""",
    "chatters": """
def sent(message):
    for _ in range(4096):
        try: os.write(1, b"x " + api.token.encode() + b" y" * 500 + b"\\n")
        except BlockingIOError: pass
    Api.sent(api, message)
    return 0
api.sent = sent
""",
    "dies_in_a_line": """
def sent(message):
    for fd in range(3, 64):
        if not os.path.exists(f"/proc/self/fd/{fd}"): continue
        try: os.write(fd, b'{"kind":"status","at_ms":1,"ab')
        except OSError: pass
    os.kill(os.getpid(), 9)
api.sent = sent
""",
    "tells_what_it_sees": """
import json
def sent(message):
    seen = {"argv": sys.argv, "cmdline": open("/proc/self/cmdline").read(),
            "environ": dict(os.environ), "stdin": os.read(0, 10).decode()}
    open(os.path.join(api.path, "seen.json"), "w").write(json.dumps(seen))
    return Api.sent(api, message)
api.sent = sent
""",
    "says_other_things": """
class Odd:
    def __getattr__(self, name): raise RuntimeError("no")
def sent(message):
    results = [api.listener.Mesibo_onMessage(Odd()), api.listener.Mesibo_onNewest(1, 2, 3),
               api.listener.Mesibo_onConnectionStatus("what"), api.listener.Mesibo_onPresence(None),
               api.listener.Mesibo_onEndToEndEncryption()]
    return 7 if results == [0] * 5 else 8
api.sent = sent
""",
}


def write_package(folder, kind):
    """A module that misbehaves in this way; its name and the environment that finds it."""
    name = f"odd_{kind}"
    (folder / f"{name}.py").write_text(_WHOLE + _ODD[kind], "utf-8")
    return name, {"PYTHONPATH": str(folder)}
