"""What every test of a call to a server on this machine needs."""

from bulkhead.backend.endpoint import Endpoint

YES = b'{"result":true}'
BODY = b'{"op":"useradd","token":"canary-token-0123456789"}'


def near(url, **settings):
    """An endpoint that does not keep a test waiting."""
    return Endpoint(url, **{"connect_timeout": 20.0, "read_timeout": 60.0, **settings})


def chunked(*pieces):
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
