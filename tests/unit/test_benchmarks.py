"""The benchmarks' own arithmetic and words: a figure is worth what these are."""

import importlib

import pytest

from benchmarks import plots, report, run_rate, small_jobs
from benchmarks.answer import Answer, Row, Table, as_markdown, as_text, bars, joined
from benchmarks.leg import Leg, median_of
from benchmarks.question import guarded
from benchmarks.questions import SECONDS, TOTAL
from benchmarks.rivals import node
from benchmarks.server import group_of
from benchmarks.waiting import TooLate, until
from benchmarks.windows import LATE, between, excess, percentile, used
from bulkhead.errors import Unreachable

BARS_OF_THE_ENGINE = {
    "run rate": "run_rate",
    "submit and its memory": "submit_rate",
    "permits used, and no window above the limit": "permits",
    "first call beside a million items": "first_call",
    "weights, flood, hanging apps": "fairness",
    "cost per item": "item_cost",
    "a job over many apps": "fleet_rate",
    "store memory": "store_memory",
    "kill -9": "killed",
    "pause, resume, cancel": "brakes",
    "idle store": "idle",
}
ROW = Row("idle store", "≤ 5", "7.0/s", False, "two workers")


def test_every_bar_of_the_engine_has_its_question():
    assert sorted(BARS_OF_THE_ENGINE.values()) == sorted(SECONDS)


@pytest.mark.parametrize("name", SECONDS)
def test_a_question_is_a_module_that_measures_and_names_its_command(name):
    module = importlib.import_module(f"benchmarks.{name}")

    assert callable(module.measure)
    assert f"`python -m benchmarks.{name}`" in module.__doc__


def test_no_question_may_take_all_of_the_fifteen_minutes():
    assert TOTAL == 15 * 60
    assert max(SECONDS.values()) < TOTAL / 2


def test_calls_at_the_rate_are_lawful_and_one_more_is_not():
    rate, burst = 10.0, 1
    lawful = [number / rate for number in range(50)]

    assert excess(lawful, rate, burst) <= 0
    assert excess(sorted([*lawful, 2.31, 2.32]), rate, burst) > 0


def test_a_burst_may_come_at_once_and_only_once():
    rate, burst = 10.0, 5

    assert excess([1.0] * 5, rate, burst) == pytest.approx(-rate * LATE)
    assert excess([1.0] * 5 + [1.1] * 5, rate, burst) > 0


def test_a_log_without_calls_is_lawful():
    assert excess([], 10.0, 5) == pytest.approx(-5.5)


def test_the_excess_is_of_the_worst_window_wherever_it_begins():
    times = [0.0, 0.9, 1.0, 1.1, 2.0]

    worst = max(
        (last - first + 1) - 2.0 * (times[last] - times[first] + LATE) - 1
        for first in range(len(times))
        for last in range(first, len(times))
    )

    assert excess(times, 2.0, 1) == pytest.approx(worst)


def test_permits_used_are_those_of_all_apps_in_the_stretch():
    logs = [[0.5, 1.5, 2.5], [0.9, 5.0]]

    assert used(logs, rate=1.0, start=0.0, end=2.0) == pytest.approx(3 / 4)


def test_a_percentile_is_a_value_that_was_measured():
    values = [5, 1, 4, 2, 3]

    assert [percentile(values, part) for part in (0, 0.5, 0.8, 0.99, 1)] == [1, 3, 4, 5, 5]


def test_no_values_have_no_percentile():
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


def test_an_instant_at_the_end_of_a_stretch_counts_and_at_its_start_does_not():
    assert between([1.0, 2.0, 3.0], 1.0, 3.0) == 2


def test_the_group_of_an_address_stands_before_its_last_dot():
    groups = [group_of(f"{name}@tenant.example") for name in ("shop.17", "user17", "a.b.3")]

    assert groups == ["shop", "", "a.b"]


def test_medians_are_of_rates_because_turns_differ_in_size():
    legs = [Leg("a", 10, 1.0, 2.0), Leg("a", 40, 2.0, 5.0), Leg("a", 60, 2.0, 4.0)]

    middle = median_of(legs)

    assert (middle.run_rate, middle.total_rate) == (pytest.approx(20), pytest.approx(8))


def test_the_next_turn_is_sized_by_the_last_and_bounded():
    assert run_rate.sized(1_000) == 4_000
    assert run_rate.sized(1) == run_rate.FEWEST
    assert run_rate.sized(10**6) == run_rate.MOST


@pytest.fixture
def rivals():
    return [run_rate.Rival(name, None) for name in (run_rate.BULLMQ, run_rate.OURS)]


def test_the_bar_of_the_run_rate_is_to_be_ahead_of_bullmq(rivals):
    ours, theirs = Leg(run_rate.OURS, 100, 1.0, 2.0, 0.5), Leg(run_rate.BULLMQ, 100, 2.0, 3.0)

    ahead = run_rate.judged(rivals, {run_rate.OURS: [ours], run_rate.BULLMQ: [theirs]}, {})

    assert (ahead.rows[0].met, ahead.rows[0].measured) == (True, "100/s = 2.00 × BullMQ (50/s)")
    assert ahead.tables[0].lines[0] == (run_rate.BULLMQ, "50", "2.00", "33", "1.50", "–", "")


def test_without_node_there_is_no_verdict_and_the_row_says_so(rivals):
    ours, why = Leg(run_rate.OURS, 100, 1.0, 2.0), run_rate.NoFigure("Node not found")
    turns = {run_rate.OURS: [ours], run_rate.BULLMQ: []}

    alone = run_rate.judged(rivals, turns, {run_rate.BULLMQ: why})

    assert (alone.rows[0].met, alone.rows[0].note) == (None, "Node not found")
    assert alone.tables[0].lines[0][-1] == "Node not found"


def test_a_machine_without_node_is_told_apart(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(node.NoNode, match="Node not found"):
        node.install()


def test_few_tries_can_miss_a_bar_but_never_meet_it():
    few, many = [0.01] * 10, [0.01] * small_jobs.FEWEST

    assert small_jobs.row("q", few, 0.1).met is None
    assert small_jobs.row("q", [*few, 0.5], 0.1).met is False
    assert small_jobs.row("q", many, 0.1).met is True


@pytest.mark.parametrize(
    "error", [TooLate("not within 3 s"), Unreachable("no store", why="w", to_do="t")]
)
def test_a_part_without_a_figure_leaves_a_row_that_says_why(error, capsys):
    def part():
        raise error

    answer = guarded("quality", "≤ 5", part)

    assert [(row.met, row.quality) for row in answer.rows] == [(None, "quality")]
    assert answer.rows[0].note.startswith(str(error)[:8])


def test_parts_of_a_question_keep_figures_of_one_kind_together():
    parts = [Answer([ROW], (), {"waits": {"a": 1}}), Answer([], (), {"waits": {"b": 2}, "n": 3})]

    assert joined(parts) == Answer([ROW], [], {"waits": {"a": 1, "b": 2}, "n": 3})


def test_an_answer_is_the_same_after_a_file():
    answer = Answer([ROW], [Table("t", ("a", "b"), [("x", "1")])], {"n": 1})

    assert Answer.from_dict(answer.to_dict()) == answer


def test_words_stand_to_the_left_and_figures_to_the_right():
    table = Table("title", ("rival", "run", "note"), [("a", "1,000", "x"), ("long", "2", "yy")])

    assert as_text(table).splitlines() == [
        "title",
        "rival    run  note",
        "a      1,000  x",
        "long       2  yy",
    ]
    assert as_markdown(table).splitlines()[:3] == [
        "| rival | run | note |",
        "| --- | ---: | --- |",
        "| a | 1,000 | x |",
    ]


def test_each_row_is_held_against_its_bar():
    rows = [ROW, Row("a", "b", "c", True), Row("d", "e", "–", None, "Node not found")]

    assert bars(rows).lines == [
        ("idle store", "≤ 5", "7.0/s (two workers)", "not met"),
        ("a", "b", "c", "met"),
        ("d", "e", "– (Node not found)", "no figure"),
    ]


def test_the_readme_has_the_place_that_a_run_is_written_to():
    page = report.README.read_text(encoding="utf-8")

    written = report.replaced(page, "new")

    assert f"{report.BEGIN}\nnew\n{report.END}" in written
    assert report.replaced(written, "new") == written


def test_a_page_without_the_place_is_left_alone():
    with pytest.raises(ValueError, match="the page has no"):
        report.replaced("# Another page", "new")


def test_the_written_section_says_when_where_and_how_much_is_met():
    machine = {"date": "2026-12-01", "cores": 2, "processor": "p", "system": "s"}
    machine |= {"python": "CPython", "load_before": 0.1}
    answers = {"idle": Answer([ROW, Row("a", "b", "c", True)])}

    text = report.section({"machine": machine, "load_after": 0.4}, answers, {"x.svg": "Title"})

    assert "2026-12-01 · 2 cores of p" in text
    assert "1 of 2 bars met" in text
    assert "![Title](docs/benchmarks/x.svg)" in text


def test_a_plot_carries_no_script_and_changes_with_its_figures_only(tmp_path):
    figures = {"median": {"ours": {"run_rate": 1.0}, "theirs": {"run_rate": 2.0}}}
    answers = {"run_rate": Answer([], (), figures), "first_call": Answer([])}

    drawn = plots.draw(answers, tmp_path)
    first = (tmp_path / "run_rate.svg").read_bytes()
    plots.draw(answers, tmp_path)

    assert list(drawn) == ["run_rate.svg"]
    assert b"<script" not in first
    assert b"theirs" in first
    assert (tmp_path / "run_rate.svg").read_bytes() == first


def test_waiting_ends_with_the_first_true_value_or_says_that_it_is_too_late():
    values = iter([0, 0, 7])

    assert until(lambda: next(values), 60, 0.001) == 7
    with pytest.raises(TooLate, match="not within 0 s"):
        until(lambda: False, 0, 0.001)
