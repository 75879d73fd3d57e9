"""A job for an app that already stands still says so, rather than waiting for ever."""

from tests.e2e.product import people
from tests.e2e.typed import typed


def test_a_job_for_a_stopped_app_needs_a_person_at_once(site):
    url = ("--base-url", f"{site.sandbox}/backend/")
    typed(site, "apps", "add", "demo/late", *url, "--token-file", "-", stdin="not-known-there")
    words = ("users", "import", people(site.home / "late.csv", 2), "--app", "demo/late", "--wait")
    first = typed(site, *words, "-o", "json")

    second = typed(site, *words, "-o", "json")

    assert first.code == 10, first
    assert second.code == 10, second
    assert second.json["counts"]["pending"] == 2
