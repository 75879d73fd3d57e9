"""A rotation that a message asks for: ordered as by the command, and audited under its task id."""

from __future__ import annotations

from bulkhead.credential_file import kept_as
from bulkhead.model.job import Job
from bulkhead.ordering import Options
from bulkhead.payloads.models import RotateCredentials
from bulkhead.rotation_order import Customer, RotationOrder, Rotations
from tasks.desk import Desk


def order_rotation(desk: Desk, payload: RotateCredentials, options: Options, task: str) -> Job:
    """The job. Raises as `Rotations.order`, and NotFound for a credential that is not kept."""
    rotations, order = _rotations(desk, task), _order(payload)
    file = kept_as(payload.credential, rotations.credentials)
    return rotations.order(file, order, options)


def ordered_before(desk: Desk, payload: RotateCredentials, key: str) -> Job | None:
    """The job that the same message has made already. Raises InvalidInput or NotFound."""
    return _rotations(desk, key).made_with(key, _order(payload))


def _order(payload: RotateCredentials) -> RotationOrder:
    return RotationOrder.of(payload.model_dump())


def _rotations(desk: Desk, task: str) -> Rotations:
    customer = Customer(f"task {task}", desk.tenant, bound=desk.tenant is not None)
    return Rotations(desk.scripts, desk.keys, customer)
