"""Documents that cannot rot: links, named tests, dependencies, words and settings."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
DECISIONS = sorted((DOCS / "decisions").glob("*.md"))
WORDS_OF_THE_CONTRACT = (
    *("tenant", "app", "job", "item", "permit", "slice", "parcel", "cell", "record", "sandbox"),
)
WORDS_OF_THE_ENGINE = (
    *("lease", "bell", "fence", "settle", "claim", "begin", "give back", "beat", "reap", "place"),
    *("safe", "check", "once", "unknown", "outcome", "slot", "segment", "map", "store", "feeder"),
)
SETTINGS = {
    f"BULKHEAD_{name}"
    for name in (
        *("REDIS_URL", "BROKER_URL", "SECRET_KEY", "SECRET_KEY_FILE", "HOME", "CONFIG"),
        *("SECRET_KEY_OLD", "SECRET_KEY_OLD_FILE"),
        *(
            "TENANT",
            "CELL",
            "EGRESS",
            "HTTP",
            "PUBLIC_URL",
            "LOG_LEVEL",
            "LOG_FORMAT",
            "LOG_ADDRESSES",
        ),
        *(f"REALTIME_{name}" for name in ("PACKAGE", "SANDBOX", "SESSIONS", "IDLE")),
    )
}


def page_name(path):
    return str(path.relative_to(ROOT))


def without_code(text):
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


def cells(path):
    """The rows of every table on a page, split into stripped cells."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("| "):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def anchors(path):
    headings = re.findall(
        r"^#+ (.+)$", without_code(path.read_text(encoding="utf-8")), re.MULTILINE
    )
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def package_of(requirement):
    return re.match(r"[A-Za-z0-9-]+", requirement)[0].lower()


def functions_in(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def glossary():
    text = (DOCS / "glossary.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^\*\*(.+?)\*\*: (.+)$", text, re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_link_to_our_own_files_leads_somewhere(page):
    links = re.findall(r"\]\(([^)\s]+)\)", without_code(page.read_text(encoding="utf-8")))
    dead = []
    for link in links:
        target, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        there = (page.parent / target).resolve() if target else page
        if not there.exists() or (anchor and anchor not in anchors(there)):
            dead.append(link)

    assert dead == []


def test_every_document_can_be_reached_from_the_index():
    reached = set()
    waiting = [DOCS / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        links = re.findall(r"\]\(([^)#:\s]+\.md)[^)]*\)", page.read_text(encoding="utf-8"))
        waiting += [(page.parent / link).resolve() for link in links]

    assert set(DOCS.rglob("*.md")) <= reached


def test_every_test_that_the_coverage_page_names_exists():
    text = (DOCS / "reference/coverage.md").read_text(encoding="utf-8")
    missing = [
        f"{path}::{name}"
        for path, name in re.findall(r"(tests/[\w/]+\.py)::(\w+)", text)
        if not (ROOT / path).is_file() or name not in functions_in(ROOT / path)
    ]

    assert missing == []


def test_every_statement_has_a_command_a_test_or_a_dash_and_a_confidence():
    rows = [row for row in cells(DOCS / "reference/coverage.md") if re.match(r"[AP]\d+$", row[0])]

    assert len(rows) > 75
    assert len({row[0] for row in rows}) == len(rows)
    assert all(len(row) == 5 and all(row) for row in rows)
    assert all(row[3] == "–" or row[3].strip("`").startswith("tests/") for row in rows)
    assert all(re.search(r"documented|code|inferred|unknown", row[4]) for row in rows)


def test_every_statement_is_covered_and_names_its_test():
    rows = [row for row in cells(DOCS / "reference/coverage.md") if re.match(r"[AP]\d+$", row[0])]

    covered = [row for row in rows if row[2] != "nothing to do"]

    assert len(covered) > 90
    assert [row[0] for row in covered if "later" in row[2] or row[3] == "–"] == []


def test_every_dependency_has_its_line_and_every_line_its_dependency():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    required = {
        package_of(requirement)
        for requirement in (
            *project["project"]["dependencies"],
            *project["build-system"]["requires"],
            *(each for group in project["dependency-groups"].values() for each in group),
        )
    }
    rows = [row for row in cells(DOCS / "decisions/0008-dependencies.md") if row[0] != "package"]

    assert {row[0] for row in rows} == required
    assert len(rows) == len(required)
    assert all(len(row) == 3 and all(row) for row in rows)


@pytest.mark.parametrize("page", DECISIONS, ids=page_name)
def test_a_decision_is_short_and_says_what_would_change_our_mind(page):
    text = page.read_text(encoding="utf-8")

    assert len(text.splitlines()) <= 50
    assert "**Context.**" in text
    assert "**Decision.**" in text
    assert "**Consequences.**" in text
    assert "**What would change our mind" in text


@pytest.mark.parametrize("word", [*WORDS_OF_THE_CONTRACT, *WORDS_OF_THE_ENGINE])
def test_the_glossary_has_the_word(word):
    assert word in glossary()


def test_the_glossary_gives_a_sentence_a_word_in_order():
    words = glossary()

    assert list(words) == sorted(words)
    assert all(re.fullmatch(r"[A-Z][^.]*\.", sentence) for sentence in words.values())


def test_the_example_settings_are_the_settings():
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    given = dict(re.findall(r"^#?(BULKHEAD_\w+)=(.*)$", text, re.MULTILINE))

    assert set(given) == SETTINGS
    assert given["BULKHEAD_SECRET_KEY"] == ""


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_no_page_names_a_setting_that_does_not_exist(page):
    live = ("APP_TOKEN_FILE", "BASE_URL", "RECORD", "WRONG_TOKEN")
    own_variables = {"BULKHEAD_IMAGE", *(f"BULKHEAD_LIVE_{name}" for name in live)}
    named = set(re.findall(r"\bBULKHEAD_[A-Z_]+\b", page.read_text(encoding="utf-8")))

    assert named <= SETTINGS | own_variables


def test_the_readme_gives_no_figure_without_the_run_it_came_from():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = re.search(r"<!-- MEASURED:.*?-->(.*)<!-- /MEASURED -->", text, re.DOTALL)

    assert section is not None
    assert "make bench" in section[1]


def test_the_readme_says_who_is_trusted_in_the_contracts_words():
    text = " ".join((ROOT / "SECURITY.md").read_text(encoding="utf-8").split())

    assert (
        "Whoever holds the store's or broker's URL acts for every tenant;"
        " an API key acts for one." in text
    )
