import pytest

from bulkhead.backend.endpoint import Endpoint
from bulkhead.errors import InvalidInput


@pytest.mark.parametrize(
    "url",
    [
        "https://api.mesibo.com/backend/",
        "https://api.mesibo.com/backend",
        "https://chat.example.com:8443/mesiboapi",
        "http://localhost:8800/backend/",
        "http://127.0.0.1:8800/backend/",
        "http://127.9.9.9/",
        "http://[::1]:8800/backend/",
        "https://bücher.example/",
    ],
)
def test_a_usable_url_is_kept_letter_by_letter(url):
    assert Endpoint(url).base_url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://api.mesibo.com/backend/",
        "http://10.0.0.7/mesiboapi",
        "http://localhost.example.com/",
        "http://127.0.0.1.example.com/",
        "http://shop.localhost/",
    ],
)
def test_plain_http_off_this_machine_needs_a_word_from_the_operator(url):
    with pytest.raises(InvalidInput) as caught:
        Endpoint(url)

    assert "--allow-http" in caught.value.to_do
    assert Endpoint(url, allow_http=True).base_url == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.mesibo.com/backend/",
        "ftp://api.mesibo.com/",
        "https://",
        "https:///backend/",
        "https://host:port/",
        "https://host:99999/",
        "https://host:0/",
        "https://a b/",
        "https://host/a b",
        "https://host/\nx",
        "http://evil.example\\.localhost/",
        "http://evil.example\\@localhost/",
        "http://localhost%2eevil.example/",
        "https://[::1/",
        "https://" + "x" * 64 + ".example/",
        "https://a..b/",
        "https://ann:hunter2@host/",
        "https://ann@host/",
        "https://host/?token=hunter2",
        "https://host/#hunter2",
    ],
)
def test_an_unusable_url_is_refused_and_not_repeated(url):
    with pytest.raises(InvalidInput) as caught:
        Endpoint(url)

    assert "hunter2" not in " ".join([caught.value.what, caught.value.why, caught.value.to_do])
    assert caught.value.to_do


@pytest.mark.parametrize("seconds", [0, -1, 601, float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["connect_timeout", "read_timeout"])
def test_every_call_has_a_sensible_timeout(name, seconds):
    with pytest.raises(InvalidInput):
        Endpoint("https://api.mesibo.com/backend/", **{name: seconds})


def test_an_unknown_edition_is_refused():
    with pytest.raises(InvalidInput):
        Endpoint("https://api.mesibo.com/backend/", edition="desktop")


def test_the_password_of_a_proxy_is_in_no_repr():
    endpoint = Endpoint("https://api.mesibo.com/", proxy="http://ann:hunter2@proxy:3128")

    assert "hunter2" not in repr(endpoint)


@pytest.mark.parametrize("proxy", ["proxy:3128", "socks5://proxy:1080", "http://"])
def test_a_proxy_that_is_not_http_is_refused(proxy):
    with pytest.raises(InvalidInput):
        Endpoint("https://api.mesibo.com/", proxy=proxy)
