"""The API: so far whether we live, whether we are ready, the metrics, and what mesibo tells us."""

from __future__ import annotations

from fastapi import FastAPI, Request, Response
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException
from structlog import get_logger

from bulkhead import __version__
from bulkhead.errors import BulkheadError
from bulkhead.settings import Settings
from producers.api import inbound
from producers.api.metrics import SiteCollector
from producers.api.problem import problem, problem_of, problem_of_status
from producers.api.store import Store

PROBES = ["GET", "HEAD"]


def make_api(settings: Settings) -> FastAPI:
    """The app for one site. It needs no store to be made, nor to start."""
    store = Store(settings)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(SiteCollector(store))
    # Its description is published with the rest of the API, in a later part.
    api = FastAPI(title="Bulkhead", version=__version__, openapi_url=None, docs_url=None)
    api.add_exception_handler(HTTPException, _refused)
    api.add_exception_handler(Exception, _failed)

    @api.api_route("/healthz", methods=PROBES)
    def healthz() -> dict[str, bool]:
        """This process lives; says nothing of the store."""
        return {"ok": True}

    @api.api_route("/readyz", methods=PROBES)
    def readyz() -> Response:
        """200 if the store answers, else 503 and why."""
        try:
            store.scripts()
        except BulkheadError as error:
            return problem_of(error, status=503)
        return Response('{"ok":true}', media_type="application/json")

    inbound.add_to(api, store)

    @api.get("/metrics")
    def metrics() -> Response:
        """What the store says now, for Prometheus."""
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return api


async def _refused(request: Request, error: Exception) -> Response:
    # Registered for this one class; the framework's type says Exception.
    assert isinstance(error, HTTPException)  # noqa: S101
    path = request.url.path
    # What stands behind it may be a secret, or one with a slip in it.
    return problem_of_status(error, inbound.PREFIX if path.startswith(inbound.PREFIX) else path)


async def _failed(_request: Request, error: Exception) -> Response:
    # Its text may quote anything: only the log, which is redacted, has it.
    get_logger().error("unexpected_error", exc_info=error)
    return problem(500, "UNEXPECTED", "something unexpected happened", "the log has more")
