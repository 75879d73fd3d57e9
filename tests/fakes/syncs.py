"""Counts the syncs to disk that a process really makes, as a debugger sees them (Linux)."""

import ctypes
import os
import platform
import struct
import threading

NUMBERS = {"x86_64": {74, 75}, "aarch64": {82, 83}}
"""fsync and fdatasync, by kind of processor."""
CONT_SYSCALL, DETACH, SEIZE, INTERRUPT, SYSCALL_INFO = 24, 17, 0x4206, 0x4207, 0x420E
SYSGOOD, WALL = 1, 0x40000000
ENTRY, EXIT = 1, 2


class CannotTrace(Exception):
    """This machine does not let us look."""


class Syncs:
    """As a context: `count` is how many syncs of a process's main thread have succeeded."""

    def __init__(self, pid):
        self.count = 0
        self._pid = pid
        self._known = threading.Event()
        self._over = threading.Event()
        self._error = None
        self._thread = threading.Thread(target=self._trace)
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._libc.ptrace.restype = ctypes.c_long
        self._libc.ptrace.argtypes = [ctypes.c_long] * 2 + [ctypes.c_void_p] * 2

    def __enter__(self):
        if platform.system() != "Linux" or platform.machine() not in NUMBERS:
            raise CannotTrace(platform.platform())
        self._thread.start()
        self._known.wait(60)
        if self._error:
            self._thread.join()
            raise CannotTrace(os.strerror(self._error))
        return self

    def __exit__(self, *exc_info):
        self._over.set()
        self._thread.join(60)

    def _ask(self, what, address=0, data=0):
        done = self._libc.ptrace(what, self._pid, address, data)
        if done < 0:
            self._error = ctypes.get_errno()
        return done >= 0

    def _trace(self):
        # The kernel takes orders only from the thread that began it.
        seized = self._ask(SEIZE, 0, SYSGOOD) and self._ask(INTERRUPT)
        if not seized:
            self._known.set()
            return
        os.waitpid(self._pid, WALL)
        self._ask(CONT_SYSCALL)
        self._known.set()
        number = None
        while not self._over.is_set():
            pid, _ = os.waitpid(self._pid, WALL | os.WNOHANG)
            if not pid:
                self._over.wait(0.0002)
                continue
            number = self._look(number)
            self._ask(CONT_SYSCALL)
        self._ask(INTERRUPT)
        os.waitpid(self._pid, WALL)
        self._ask(DETACH)

    def _look(self, number):
        """The call that is being made, or None; one that ends well is counted."""
        raw = ctypes.create_string_buffer(88)
        if not self._ask(SYSCALL_INFO, len(raw), ctypes.addressof(raw)):
            return None
        kind, value = raw.raw[0], struct.unpack_from("<q", raw, 24)[0]
        if kind == ENTRY:
            return value
        if kind == EXIT and number in NUMBERS[platform.machine()] and value == 0:
            self.count += 1
        return None
