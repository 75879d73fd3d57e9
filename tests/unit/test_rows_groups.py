"""A row of a groups file: what it stands for, and what is said of one that is not right."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkhead.model.group import ADMIN, FLAGS, OF_KNOWN, Group, GroupMapping, read_group
from bulkhead.model.group_call import LARGEST, calls_for, members_of, settings_of
from bulkhead.model.shape import CHANGED_GROUPS, KNOWN_GROUPS, NEW_GROUPS, shape_of
from bulkhead.model.user import Problem, groups_fit, names_in

ALL = CHANGED_GROUPS.mapping_of(OF_KNOWN)


def read(**cells):
    return read_group(ALL, [cells.get(field, "") for field in OF_KNOWN])


def test_a_full_row_becomes_a_group():
    found = read(
        gid="404101",
        custom_id=" s ",
        name=" Sales ",
        flags="selected-send, auto-add",
        expiry="30d",
        expiryext="60",
        active="no",
        members="ann, ben,ann",
        permissions="list send",
        admin="remuser|owner",
    )

    assert found == Group(
        404101,
        "s",
        "Sales",
        9,
        2_592_000,
        60,
        active=False,
        members=("ann", "ben"),
        permissions=("send", "list"),
        admin=("owner", "remuser"),
    )


def test_empty_cells_are_left_to_mesibo():
    assert read(name="x") == Group(name="x")
    assert settings_of(Group(name="x")) == {"name": "x"}


@pytest.mark.parametrize("word", FLAGS)
def test_every_flag_has_a_word_and_all_words_can_be_taken_together(word):
    assert read(flags=word).flags == FLAGS[word]
    assert read(flags=f"{word} 4").flags == FLAGS[word] | 4


def test_lists_may_be_written_in_json():
    found = read(members=json.dumps(["ann", 4930]), flags='["paused"]', admin='["owner"]')

    assert (found.members, found.flags, found.admin) == (("ann", "4930"), 0x8000000, ("owner",))


@pytest.mark.parametrize(
    ("cells", "code", "said"),
    [
        ({"gid": "x"}, "BAD_GID", ""),
        ({"gid": "11"}, "BAD_GID", ""),
        ({"gid": "4294967296"}, "BAD_GID", ""),
        ({"gid": "²"}, "BAD_GID", ""),
        ({"custom_id": "c" * 201}, "BAD_CUSTOM_ID", ""),
        ({"custom_id": "a\tb"}, "BAD_CUSTOM_ID", ""),
        ({"name": "ä" * 501}, "BAD_GROUP_NAME", ""),
        ({"name": "a�"}, "INVALID_UTF8", ""),
        ({"flags": "auto-ad"}, "BAD_GROUP_FLAGS", "`auto-ad`"),
        ({"flags": "4294967296"}, "BAD_GROUP_FLAGS", ""),
        ({"flags": "a" * 501}, "BAD_GROUP_FLAGS", ""),
        ({"flags": "[1.5]"}, "BAD_GROUP_FLAGS", ""),
        ({"expiry": "1w"}, "BAD_GROUP_EXPIRY", ""),
        ({"expiryext": "-1"}, "BAD_GROUP_EXPIRY", ""),
        ({"active": "perhaps"}, "BAD_ACTIVE", ""),
        ({"members": '["a,b"]'}, "ADDRESS_HAS_COMMA", "member 1"),
        ({"members": f"ann,{'x' * 64}"}, "ADDRESS_TOO_LONG", "member 2"),
        ({"members": '[{"a": 1}]'}, "BAD_MEMBERS", ""),
        ({"members": "[" * 100_000}, "BAD_MEMBERS", ""),
        ({"permissions": "send,fly"}, "BAD_PERMISSIONS", ""),
        ({"admin": "boss"}, "BAD_ADMIN", ""),
    ],
)
def test_a_bad_cell_is_a_problem_of_the_row(cells, code, said):
    found = read(**cells)

    assert isinstance(found, Problem), found
    assert (found.code, said in found.message) == (code, True)
    assert found.hint


def test_a_row_that_names_no_group_or_changes_nothing_is_told_where_that_matters():
    nobody = ["" for _ in OF_KNOWN]
    named = ["404101", *nobody[1:]]

    assert NEW_GROUPS.problem_in(NEW_GROUPS.mapping_of(["name"]), [""]) is None
    assert KNOWN_GROUPS.problem_in(ALL, nobody).code == "GROUP_NOT_NAMED"
    assert KNOWN_GROUPS.problem_in(ALL, named) is None
    assert CHANGED_GROUPS.problem_in(ALL, nobody).code == "GROUP_NOT_NAMED"
    assert CHANGED_GROUPS.problem_in(ALL, named).code == "NOTHING_TO_CHANGE"


@given(st.lists(st.text(max_size=20), min_size=len(OF_KNOWN), max_size=len(OF_KNOWN)))
def test_any_row_is_a_group_or_a_problem(cells):
    assert isinstance(read_group(ALL, cells), Group | Problem)


def test_only_what_is_asked_for_counts_for_what_a_row_says():
    same = Group(name="x", members=("a",))

    assert Group(12, "other", name="x", members=("a",)).digest == same.digest
    assert len({same.digest, Group(name="x").digest, Group(name="y").digest}) == 3


@given(
    st.lists(st.text(min_size=1, max_size=63), max_size=400, unique=True),
    st.text(max_size=300),
    st.sampled_from([(), ADMIN]),
)
def test_calls_are_never_too_large_and_leave_nobody_out(members, name, admin):
    group = Group(custom_id="c", name=name, members=tuple(members), admin=admin)
    beside, taken, calls, start = settings_of(group), [], 0, 0

    while start < len(members) or not calls:
        inner, count = members_of(group, start, beside)
        body = json.dumps({"group": {**beside, "members": inner}}, ensure_ascii=False)
        assert len(body.encode(errors="surrogatepass")) <= LARGEST
        taken += members[start : start + count]
        start, calls, beside = start + count, calls + 1, {"gid": 0}

    assert taken == members
    assert calls == calls_for("groups.create", group)


@pytest.mark.parametrize(
    ("cell", "names"),
    [("", ()), ("a", ("a",)), (" a , b,,a", ("a", "b")), ('["a", 404101]', ("a", "404101"))],
)
def test_a_persons_groups_are_listed_each_once(cell, names):
    assert groups_fit(cell)
    assert names_in(cell) == names


@pytest.mark.parametrize(
    "cell", ["[1.5]", "[[1]]", "{", "[", "a\tb", "�", "x" * 201, ",".join(map(str, range(101)))]
)
def test_a_cell_that_lists_no_groups_does_not_fit(cell):
    assert groups_fit(cell) == (cell == "{")


def test_only_rows_of_users_and_groups_are_checked_again():
    assert shape_of("users.delete").noun == "user"
    assert shape_of("groups.create") is NEW_GROUPS
    assert shape_of("creds.upload") is None
    assert GroupMapping(width=1).columns == frozenset()
