"""Lists of recipients as people write them, joined into one audience."""

import io

import pytest

from bulkhead.audience import Audience
from bulkhead.errors import InvalidInput
from bulkhead.model.broadcast import Letter
from producers.rows.recipients import looks_like_file, named_groups, open_recipients

HI = Letter("news", "Hi")


def opened(*texts, letter=HI, known=(), most=None):
    """The audience of these (option, text) pairs, not read yet."""
    parts = []
    for of, text in texts:
        with open_recipients("-", of, io.BytesIO(text.encode())) as part:
            parts.append(part)
    record = dict(known)
    return Audience(parts, letter, lambda words: {w: record[w] for w in words if w in record}, most)


def audience(*texts, **asked):
    """The audience, and its rows as line, gid, address and code."""
    made, rows = opened(*texts, **asked), []
    for lines, cells, problems in made.batches():
        for place, (line, row) in enumerate(zip(lines, cells, strict=True)):
            code = problems[place].code if place in problems else ""
            rows.append((line, *row[:2], code))
    return made, rows


@pytest.mark.parametrize(
    ("of", "text", "rows"),
    [
        ("groups", "41\n42\n", [(1, "41", "", ""), (2, "42", "", "")]),
        ("groups", " 0047\r\n\r\n42", [(1, "47", "", ""), (3, "42", "", "")]),
        ("users", "\ufeffann\nbob", [(1, "", "ann", ""), (2, "", "bob", "")]),
        ("users", "gid\tAddress\n41\t\n\tann\n", [(2, "41", "", ""), (3, "", "ann", "")]),
        ("groups", "Gid;x\n41;2\n", [(2, "41", "", "")]),
        (
            "users",
            '{"address": "ann", "n": 1}\n{"gid": 45}\n',
            [(1, "", "ann", ""), (2, "45", "", "")],
        ),
        (
            "users",
            "address,name\nann\nbob,B\n",
            [(2, "", "ann", "TOO_FEW_CELLS"), (3, "", "bob", "")],
        ),
        (
            "users",
            "gid,address\n1,ann\n,\n",
            [(2, "1", "ann", "RECIPIENT_MISSING"), (3, "", "", "RECIPIENT_MISSING")],
        ),
        ("groups", "gid\nnope\n", [(2, "nope", "", "GROUP_NOT_IN_RECORD")]),
        ("groups", "11\n12\n", [(1, "11", "", "BAD_GID"), (2, "12", "", "")]),
        (
            "groups",
            "4294967295\n4294967296\n",
            [(1, "4294967295", "", ""), (2, "4294967296", "", "BAD_GID")],
        ),
        ("groups", "0\n-5\n", [(1, "0", "", "BAD_GID"), (2, "-5", "", "GROUP_NOT_IN_RECORD")]),
        ("users", "address,active,expiry\nann,maybe,soon\n", [(2, "", "ann", "")]),
        (
            "users",
            '{"address": "ann"}\nnonsense\n',
            [(1, "", "ann", ""), (2, "", "", "NOT_AN_OBJECT")],
        ),
    ],
)
def test_a_list_is_read_as_it_is_written(of, text, rows):
    assert audience((of, text))[1] == rows


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("email,name\nann,Ann\n", "no `gid` and no `address` column"),
        ("", "is empty"),
        ("address,ADDRESS\na,b\n", "Two columns"),
        ("PK\x03\x04xl/", "not a CSV"),
    ],
)
def test_a_file_of_another_kind_is_refused_whole(text, what):
    with pytest.raises(InvalidInput) as refused:
        audience(("users", text))

    assert what in refused.value.what


def test_two_lists_become_rows_of_one_form():
    made, rows = audience(
        ("groups", "gid,team\n41,A\n"),
        ("users", "name,address\nAnn,ann\n"),
        letter=Letter("news", "Hi {{name}} {{team}}", given={"name": "all", "team": "you"}),
    )

    assert made.columns == ["gid", "address", None, "team", "name"]
    assert made.mapping["var:name"] == 4
    assert made.mapping["var:team"] == 3
    assert [code for *_, code in rows] == ["", ""]
    assert (made.groups, made.users, made.recipients) == (1, 1, 2)


def test_a_problem_says_in_which_of_two_lists_it_is():
    parts = [("groups", "41\nteam\n"), ("users", "ann\na,b\n")]

    alone, both = [], []
    for found, texts in ((alone, parts[:1]), (both, parts)):
        for _, _, problems in opened(*texts).batches():
            found += [problem.message for problem in problems.values()]

    assert alone == ["No group is `team` on our record."]
    assert both == [
        "In the list of groups: No group is `team` on our record.",
        "In the list of users: The address contains a comma.",
    ]


def test_whoever_is_named_twice_is_counted_once():
    made, _ = audience(("groups", "41\n42\n41\n"), ("users", "ann\nann\nbob\n"))

    assert (made.groups, made.users) == (2, 2)
    told = made.input()
    assert (told["rows"], told["groups"], told["users"]) == (6, 2, 2)


def test_a_group_and_a_person_of_the_same_name_are_two():
    made, _ = audience(("groups", "41\n41\n"), ("users", "41\n"))

    assert made.recipients == 2


def test_a_custom_id_becomes_the_gid_of_our_record():
    made, rows = audience(("groups", "team-a\nteam-b\n"), known={"team-a": "47"})

    assert rows == [(1, "47", "", ""), (2, "team-b", "", "GROUP_NOT_IN_RECORD")]
    assert made.columns[2] == "custom_id"


def test_a_number_is_never_a_custom_id():
    _, rows = audience(("groups", "1001\n7\n"), known={"1001": "47", "7": "48"})

    assert rows == [(1, "1001", "", ""), (2, "7", "", "BAD_GID")]


def test_a_variable_that_no_column_has_refuses_all():
    with pytest.raises(InvalidInput) as refused:
        audience(("users", "address,name\nann,Ann\n"), letter=Letter("news", "Hi {{nmae}}"))

    assert "nmae" in refused.value.what
    assert "name" in refused.value.why


def test_the_address_itself_may_be_a_variable():
    _, rows = audience(("users", "ann\n"), letter=Letter("news", "Hi {{address}}"))

    assert rows == [(1, "", "ann", "")]


@pytest.mark.parametrize(("most", "refused"), [(2, False), (1, True)])
def test_more_recipients_than_are_allowed_refuse_all_and_repeated_ones_do_not_count(most, refused):
    def read():
        return audience(
            ("users", "ann\nann\nbob\na,b\n" if not refused else "ann\nbob\n"), most=most
        )

    if refused:
        with pytest.raises(InvalidInput):
            read()
    else:
        assert read()[0].recipients == 2


def test_the_digest_is_of_the_rows_and_of_nothing_else():
    digests = {
        audience(("users", text))[0].input()["sha256"]
        for text in ("address\nann\n", "Address\r\nann\r\n", "ann\n", '{"address": "ann"}\n')
    }
    other = audience(("users", "bob\n"))[0].input()["sha256"]

    assert len(digests) == 1
    assert other not in digests


@pytest.mark.parametrize(
    ("text", "file"),
    [("-", True), ("a/b", True), ("grups.csv", True), ("1,2", False), ("team-a", False)],
)
def test_a_name_of_a_file_is_told_from_groups(text, file):
    assert looks_like_file(text) is file


def test_named_groups_are_a_list():
    made = Audience([named_groups(" 1, 2,,3")], HI, lambda _: {})

    assert [row[0] for batch in made.batches() for row in batch.cells] == ["1", "2", "3"]
