"""The sandbox's server beside its rivals: `python -m benchmarks.sandbox_servers`.

Every rival answers through the sandbox's own backend, so only the server differs. One that is
not installed is left out with a line that says so; hence the imports inside functions.
"""

# ruff: noqa: PLC0415 - only the rival that was asked for is imported

from __future__ import annotations

import asyncio
import socket
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from benchmarks.sandbox_rate import measure, running
from sandbox.backend import Backend
from sandbox.server import Options, Site, serve
from sandbox.wire import Request

ROUNDS = 3
CALLS = 12_000


def main() -> None:
    if len(sys.argv) > 1:
        RIVALS[sys.argv[1]](Site(Backend(0, None)))
        return
    for round_ in range(ROUNDS):
        for name in RIVALS:
            command = [sys.executable, "-m", "benchmarks.sandbox_servers", name]
            try:
                with running(command) as server:
                    print(f"{round_ + 1} {name:20} {measure(server, CALLS, 16)}", flush=True)
            except IndexError:
                print(f"{round_ + 1} {name:20} not installed", flush=True)


def request(method: str, target: str, body: bytes) -> Request:
    path, _, query = target.partition("?")
    return Request(time.time(), method, path, query, body, "", "127.0.0.1", keep_alive=True)


def bound() -> socket.socket:
    """A listening socket, announced."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
    print(f"listening on http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    return listening


def ours(site: Site) -> None:
    import uvloop

    uvloop.run(serve(Options(port=0), Backend(0, None), None))


def ours_asyncio(site: Site) -> None:
    asyncio.run(serve(Options(port=0), Backend(0, None), None))


def uvicorn_asgi(site: Site) -> None:
    import uvicorn

    async def app(scope, receive, send):
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message["body"], message.get("more_body", False)
        target = scope["path"] + "?" + scope["query_string"].decode()
        reply = site.answer(request(scope["method"], target, body))
        headers = [(b"content-type", b"application/json")]
        headers.append((b"content-length", str(len(reply.body)).encode()))
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": reply.body})

    _uvicorn(uvicorn, app)


def fastapi_app(site: Site) -> None:
    import uvicorn
    from fastapi import FastAPI, Response
    from fastapi import Request as Incoming

    app = FastAPI()

    async def answer(incoming: Incoming) -> Response:
        url, body = incoming.url, await incoming.body()
        reply = site.answer(request(incoming.method, f"{url.path}?{url.query}", body))
        return Response(reply.body, reply.status, media_type="application/json")

    answer.__annotations__ = {"incoming": Incoming, "return": Response}
    app.add_api_route("/{rest:path}", answer, methods=["GET", "POST"], response_model=None)
    _uvicorn(uvicorn, app)


def _uvicorn(uvicorn, app) -> None:
    config = uvicorn.Config(
        app, loop="uvloop", http="httptools", access_log=False, log_level="error", lifespan="off"
    )
    uvicorn.Server(config).run(sockets=[bound()])


def aiohttp_low(site: Site) -> None:
    import uvloop
    from aiohttp import web

    async def answer(incoming):
        reply = site.answer(request(incoming.method, str(incoming.rel_url), await incoming.read()))
        return web.Response(body=reply.body, status=reply.status, content_type="application/json")

    async def run():
        runner = web.ServerRunner(web.Server(answer, access_log=None))
        await runner.setup()
        await web.SockSite(runner, bound()).start()
        await asyncio.Event().wait()

    uvloop.run(run())


def stdlib_threads(site: Site) -> None:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            reply = site.answer(request(self.command, self.path, body))
            self.send_response(reply.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)
            self.wfile.flush()

        do_GET = do_POST  # noqa: N815 - the library's name for it

        def log_message(self, *words) -> None:
            pass

    listening = bound()
    server = ThreadingHTTPServer(listening.getsockname(), Handler, bind_and_activate=False)
    server.socket = listening
    server.serve_forever()


RIVALS = {
    "ours, uvloop": ours,
    "ours, asyncio": ours_asyncio,
    "uvicorn, bare ASGI": uvicorn_asgi,
    "uvicorn, FastAPI": fastapi_app,
    "aiohttp": aiohttp_low,
    "http.server, threads": stdlib_threads,
}

if __name__ == "__main__":
    main()
