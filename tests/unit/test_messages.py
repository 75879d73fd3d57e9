"""Payload models, the schemas that ship, and the page about them say the same."""

import json
import re
from pathlib import Path

import pytest

from bulkhead.engine.connect import broker_url, client_url
from bulkhead.model.code import CODES
from bulkhead.payloads.models import LATER, MODELS, MOST_ITEMS, TASKS, Payload
from bulkhead.payloads.reading import PRIORITY_OF
from bulkhead.payloads.schema import FOLDER, schemas, text

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "messages.md"


def rows(columns):
    for line in PAGE.read_text("utf-8").splitlines():
        found = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `") and len(found) == columns:
            yield found


def test_the_files_that_ship_are_what_the_models_say():
    there = {path.name: path.read_text("utf-8") for path in FOLDER.iterdir()}

    assert there == {name: text(schema) for name, schema in schemas().items()}


def test_a_schema_lists_exactly_the_members_and_refuses_others():
    for kind, model in MODELS.items():
        schema = json.loads((FOLDER / f"{kind}.json").read_text("utf-8"))
        assert set(schema["properties"]) == set(model.model_fields)
        assert schema["additionalProperties"] is False
        assert schema["properties"]["kind"]["const"] == kind
        assert {"v", "kind"} <= set(schema["required"])


def test_the_limit_of_items_is_in_the_schema():
    schema = schemas()["users.import.json"]

    assert schema["properties"]["items"]["maxItems"] == MOST_ITEMS == 10_000


def test_the_page_lists_every_kind_with_its_task_and_its_arguments():
    everywhere = {*Payload.model_fields, "kind"}
    on_the_page = {kind.strip("`"): (task, words) for kind, task, words, _ in rows(4)}

    assert set(on_the_page) == {*MODELS, *LATER}
    for kind, (task, words) in on_the_page.items():
        named = [name for name, meant in TASKS.items() if meant == kind]
        assert task == (f"`{named[0]}`" if named else "–")
        if kind in MODELS:
            members = set(MODELS[kind].model_fields) - everywhere
            assert set(re.findall(r"`(\w+)`", words)) == members
        else:
            assert words == "not in this version yet"


def test_the_page_explains_every_argument():
    explained = {name.strip("`") for name, _ in rows(2)}

    assert explained == {name for model in MODELS.values() for name in model.model_fields}


def test_every_code_that_the_page_names_is_on_the_list():
    section = PAGE.read_text("utf-8").split("## Dead letters")[1].split("## Trust")[0]

    named = set(re.findall(r"`([A-Z_]{5,})`", section))

    assert len(named) == 9
    assert named <= set(CODES)


def test_the_page_says_who_is_trusted_in_the_contracts_words():
    words = " ".join(PAGE.read_text("utf-8").split())

    assert "No app token or credential passes a producer or the broker." in words
    assert (
        "Whoever holds the store's or broker's URL acts for every tenant; an API key acts for one."
    ) in words


def test_celerys_priorities_mean_what_the_contract_says():
    assert (
        *("normal", "urgent", "urgent", "urgent", "normal"),
        *("normal", "normal", "bulk", "bulk", "bulk"),
    ) == PRIORITY_OF


@pytest.mark.parametrize(
    "url",
    ["redis://:pw@host:6379/2", "rediss://host/0", "unix:///run/s.sock?db=3"],
)
def test_our_client_finds_the_place_that_celerys_url_names(url):
    assert client_url(broker_url(url)) == url


@pytest.mark.parametrize("url", ["amqp://host", "sentinel://host"])
def test_a_broker_that_is_no_store_has_no_lists_of_ours(url):
    assert client_url(url) is None
