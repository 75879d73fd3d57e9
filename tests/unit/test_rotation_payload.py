"""What a message that rotates credentials may say, and how it is refused."""

import pytest

from bulkhead.errors import InvalidInput
from bulkhead.payloads.message import Message
from bulkhead.payloads.models import RotateCredentials
from bulkhead.payloads.reading import payload_of
from bulkhead.payloads.refusal import Refused
from bulkhead.rotation_order import RotationOrder

KEPT = "cred_0123456789abcdef0123"
CANARY = "canary-of-the-payload-0123456789"


def read(task="tasks.rotate_credentials", **members):
    known = {"v": 1, "apps": ["acme/shop"], "credential": KEPT, **members}
    kwargs = {name: value for name, value in known.items() if value is not None}
    return payload_of(Message(task, "t-1", kwargs, 0, None, None))


def test_the_named_task_needs_no_kind():
    assert isinstance(read(), RotateCredentials)
    assert isinstance(read("tasks.submit", kind="creds.rotate"), RotateCredentials)


@pytest.mark.parametrize("apps", [["acme/shop", "acme/blog"], "fleet=prod,team=a", "acme/*"])
def test_apps_are_names_or_a_selector(apps):
    assert RotationOrder.of(read(apps=apps).model_dump()).apps == apps


def test_everything_that_is_asked_for_reaches_the_order():
    payload = read(
        waves="1,10%,100%",
        soak="10m",
        verify="test-push",
        test_user="probe@example.com",
        verify_within=90,
        push_options={"sound": True, "background": False},
        auto_rollback=True,
        allow_project_change=True,
    )

    order = RotationOrder.of(payload.model_dump())

    assert (order.waves_of(200).ends, order.soak) == ((1, 20, 200), 600)
    assert (order.auto_rollback, order.allow_project_change) == (True, True)
    assert (order.proof.verify, order.proof.address) == ("test-push", "probe@example.com")
    assert order.proof.within == 90
    assert order.proof.options == {"sound": True, "background": False}


def test_what_is_not_said_is_as_the_command_has_it():
    order = RotationOrder.of(read().model_dump())

    assert (order.waves_of(7).ends, order.soak, order.auto_rollback) == ((7,), 0, False)
    assert (order.proof.verify, order.proof.within) == ("none", 60)


@pytest.mark.parametrize(
    ("members", "named"),
    [
        ({"app": "acme/shop"}, "`app`"),
        ({"v": None}, "`v`"),
        ({"kind": "users.import"}, "stands for creds.rotate"),
        ({"apps": None}, "`apps"),
        ({"apps": []}, "`apps"),
        ({"apps": ""}, "`apps"),
        ({"apps": ["acme/shop", 5]}, "`apps"),
        ({"apps": ["acme/shop"] * 10_001}, "`apps"),
        ({"apps": f"{CANARY}\n"}, "`apps"),
        ({"apps": {"fleet": CANARY}}, "`apps"),
        ({"credential": None}, "`credential`"),
        ({"credential": f"-----BEGIN PRIVATE KEY----- {CANARY}"}, "`credential`"),
        ({"credential": {"private_key": CANARY}}, "`credential`"),
        ({"credential": "cred_0123"}, "`credential`"),
        ({"credential": f"{KEPT}\n"}, "`credential`"),
        ({"fcm": CANARY}, "`fcm`"),
        ({"waves": 5}, "`waves`"),
        ({"soak": -1}, "`soak"),
        ({"soak": [CANARY]}, "`soak"),
        ({"verify": CANARY}, "`verify`"),
        ({"test_user": ["a"]}, "`test_user`"),
        ({"verify_within": -1}, "`verify_within"),
        ({"push_options": {"sound": 1}}, "`push_options.sound`"),
        ({"auto_rollback": "yes"}, "`auto_rollback`"),
        ({"allow_project_change": 1}, "`allow_project_change`"),
        ({"items": []}, "`items`"),
    ],
)
def test_a_payload_that_does_not_fit_is_refused_by_the_members_name(members, named):
    with pytest.raises(Refused) as refused:
        read(**members)

    told = f"{refused.value.what} {refused.value.why}"
    assert refused.value.code == "PAYLOAD_INVALID"
    assert named in told
    assert CANARY not in told


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"soak": "ten minutes"}, "not a duration"),
        ({"soak": 1e300}, "`soak` does not fit"),
        ({"verify_within": "0s"}, "`verify_within` does not fit"),
        ({"verify": "test-push"}, "`test_user` is missing"),
        ({"verify": "options"}, "no push option is named"),
        ({"push_options": {"sond": True}}, "`push_options` does not fit"),
    ],
)
def test_what_only_makes_no_sense_together_says_so(members, said):
    payload = read(**members)

    with pytest.raises(InvalidInput) as refused:
        RotationOrder.of(payload.model_dump())

    assert said in refused.value.what


@pytest.mark.parametrize("waves", ["", "0", "many", "100%,1", "5%,200%"])
def test_waves_that_cannot_be_are_refused(waves):
    order = RotationOrder.of(read(waves=waves).model_dump())

    with pytest.raises(InvalidInput):
        order.waves_of(10)
