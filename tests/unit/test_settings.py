"""Settings: who said what, clear refusals, and no secret ever shown."""

import traceback

import pytest

from bulkhead.errors import InvalidInput
from bulkhead.settings import Settings

SECRET = "canary-canary-canary-canary-canary"


def shown(settings):
    return {line.name: (line.value, line.origin) for line in settings.show()}


def everything_said_by(error):
    lines = traceback.format_exception(error)
    return "".join(lines) + error.what + error.why + error.to_do


@pytest.fixture
def written(tmp_path):
    """Settings loaded from a TOML file of this text, and these variables."""

    def load(text, **environ):
        file = tmp_path / "bulkhead.toml"
        file.write_text(text)
        return Settings.load({"BULKHEAD_CONFIG": str(file), **environ})

    return load


def test_an_empty_environment_gives_the_defaults():
    settings = Settings.load({})

    assert settings.redis_url is None
    assert settings.broker_url is None
    assert (settings.cell, settings.egress) == ("main", "default")
    assert (settings.log_level, settings.log_format) == ("INFO", "auto")
    assert settings.log_addresses == "masked"
    assert settings.home.name == "bulkhead"
    assert {line.origin for line in settings.show()} == {"default"}


def test_the_default_home_is_the_state_folder_of_the_user(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    assert Settings.load({}).home == tmp_path / "bulkhead"


def test_the_environment_is_read_where_nothing_is_handed_in(monkeypatch):
    monkeypatch.setenv("BULKHEAD_TENANT", "acme")

    assert Settings.load().tenant == "acme"


def test_settings_made_by_hand_read_nothing(monkeypatch):
    monkeypatch.setenv("BULKHEAD_TENANT", "acme")

    assert Settings().tenant is None


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(written):
    settings = written('tenant = "of-the-file"\ncell = "west"\n', BULKHEAD_TENANT="acme")

    assert shown(settings)["tenant"] == ("acme", "environment")
    assert shown(settings)["cell"] == ("west", "file")
    assert shown(settings)["egress"] == ("default", "default")


def test_the_public_url_has_no_slash_at_its_end():
    settings = Settings.load({"BULKHEAD_PUBLIC_URL": "https://hooks.example.com/b//"})

    assert settings.public_url == "https://hooks.example.com/b"


@pytest.mark.parametrize(
    "url",
    [
        "hooks.example.com",
        "ftp://hooks.example.com",
        "https://",
        f"https://ann:{SECRET}@hooks.example.com",
        f"https://hooks.example.com/?key={SECRET}",
        f"https://hooks.example.com/#{SECRET}",
        "https://hooks.example.com:port",
    ],
)
def test_a_public_url_that_could_not_be_pasted_is_refused_without_telling_it(url):
    with pytest.raises(InvalidInput) as refused:
        Settings.load({"BULKHEAD_PUBLIC_URL": url})

    assert refused.value.what == "BULKHEAD_PUBLIC_URL is not valid"
    assert SECRET not in everything_said_by(refused.value)


def test_a_variable_set_to_nothing_is_not_set():
    settings = Settings.load({"BULKHEAD_REDIS_URL": "", "BULKHEAD_CONFIG": ""})

    assert settings.redis_url is None
    assert settings.origin("redis_url") == "default"


def test_levels_and_formats_may_be_written_in_any_case():
    settings = Settings.load({"BULKHEAD_LOG_LEVEL": "debug", "BULKHEAD_LOG_FORMAT": "JSON"})

    assert (settings.log_level, settings.log_format) == ("DEBUG", "json")


def test_settings_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        Settings.load({}).tenant = "other"


def test_no_secret_is_shown(written):
    settings = written(
        f'broker_url = "amqp://ann:{SECRET}@host//"\n',
        BULKHEAD_REDIS_URL=f"rediss://:{SECRET}@host:6380/0",
        BULKHEAD_SECRET_KEY=SECRET,
    )

    assert shown(settings)["redis_url"] == ("rediss://:***@host:6380/0", "environment")
    assert shown(settings)["broker_url"] == ("amqp://ann:***@host//", "file")
    assert shown(settings)["secret_key"] == ("***", "environment")
    assert SECRET not in f"{settings!r}{settings}{settings.show()}"
    assert settings.key_text() == SECRET


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REDIS_URL", f"http://:{SECRET}@host"),
        ("REDIS_URL", f"redis://:{SECRET}@host:{SECRET}/0"),
        ("REDIS_URL", f"redis://[{SECRET}"),
        ("REDIS_URL", SECRET),
        ("REDIS_URL", "redis://"),
        ("REDIS_URL", "unix://"),
        ("BROKER_URL", f"ftp://:{SECRET}@host"),
        ("SECRET_KEY", SECRET[:31]),
        ("TENANT", "acme/shop"),
        ("CELL", "two\nlines"),
        ("EGRESS", "x" * 64),
        ("LOG_LEVEL", "loud"),
        ("LOG_FORMAT", "xml"),
        ("LOG_ADDRESSES", "some"),
    ],
)
def test_a_bad_value_is_refused_by_the_name_of_its_variable_alone(name, value):
    with pytest.raises(InvalidInput) as refused:
        Settings.load({f"BULKHEAD_{name}": value})

    assert refused.value.what == f"BULKHEAD_{name} is not valid"
    assert refused.value.why
    assert refused.value.to_do
    assert SECRET[:20] not in everything_said_by(refused.value)
    assert value.endswith("://") or value not in everything_said_by(refused.value)


def test_a_bad_value_in_the_file_is_refused_by_key_and_file(written):
    with pytest.raises(InvalidInput, match=r"^cell in .*bulkhead\.toml is not valid"):
        written("cell = 7\n")


def test_a_file_that_is_not_toml_is_refused_without_its_content(written):
    with pytest.raises(InvalidInput) as refused:
        written(f'tenant = "acme"\nsecret_key = {SECRET}\n')

    assert "BULKHEAD_CONFIG" in refused.value.what
    assert "line 2" in refused.value.why
    assert SECRET not in refused.value.what + refused.value.why + refused.value.to_do


@pytest.mark.parametrize("name", ["missing.toml", "."])
def test_a_file_that_cannot_be_read_is_refused(tmp_path, name):
    with pytest.raises(InvalidInput, match="BULKHEAD_CONFIG"):
        Settings.load({"BULKHEAD_CONFIG": str(tmp_path / name)})


def test_a_name_nobody_reads_is_a_warning_that_knows_what_was_meant(written):
    settings = written(
        'tennant = "acme"\n', BULKHEAD_REDIS_ULR=f"redis://:{SECRET}@host", BULKHEAD_XYZ="1"
    )

    variable, unlike, key = settings.warnings
    assert variable == "BULKHEAD_REDIS_ULR is not a setting; did you mean BULKHEAD_REDIS_URL?"
    assert unlike == "BULKHEAD_XYZ is not a setting"
    assert key.startswith("tennant in ")
    assert key.endswith("did you mean tenant?")


def test_a_key_in_a_file_is_read_without_its_line_end(tmp_path):
    file = tmp_path / "key"
    file.write_text(f"{SECRET}\n")

    settings = Settings.load({"BULKHEAD_SECRET_KEY_FILE": str(file)})

    assert settings.key_text() == SECRET
    assert shown(settings)["secret_key_file"] == (str(file), "environment")


@pytest.mark.parametrize("content", [b"too short", b"\xff" * 40, None])
def test_a_key_file_without_a_key_is_refused_by_its_path(tmp_path, content):
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(InvalidInput, match="BULKHEAD_SECRET_KEY_FILE") as refused:
        Settings.load({"BULKHEAD_SECRET_KEY_FILE": str(file)}).key_text()

    assert str(file) in refused.value.what


def test_a_store_of_ones_own_needs_a_key_and_the_embedded_one_does_not():
    assert Settings.load({}).key_text() is None

    with pytest.raises(InvalidInput, match="BULKHEAD_SECRET_KEY is not set"):
        Settings.load({"BULKHEAD_REDIS_URL": "redis://host/0"}).key_text()


def test_the_log_is_told_which_values_are_secret():
    settings = Settings.load(
        {
            "BULKHEAD_REDIS_URL": "redis://:pass%40word@host/0",
            "BULKHEAD_BROKER_URL": "amqp://ann:other-word@host//",
            "BULKHEAD_SECRET_KEY": SECRET,
        }
    )

    assert set(settings.secrets()) == {"pass%40word", "pass@word", "other-word", SECRET}


def test_a_file_cannot_name_another_file(written):
    settings = written('config = "other.toml"\n')

    assert settings.origin("config") == "environment"
    assert settings.warnings[0].startswith("config in ")


def test_earlier_keys_come_from_a_variable_or_a_file_one_a_line(tmp_path):
    file = tmp_path / "old"
    file.write_text(f"{SECRET}\n\n{SECRET[::-1]}\n")

    from_file = Settings.load({"BULKHEAD_SECRET_KEY_OLD_FILE": str(file)})
    from_variable = Settings.load({"BULKHEAD_SECRET_KEY_OLD": SECRET})
    file.with_suffix(".short").write_text(f"{SECRET}\nshort\n")
    short = Settings.load({"BULKHEAD_SECRET_KEY_OLD_FILE": str(file.with_suffix(".short"))})

    assert Settings.load({}).earlier_keys() == ()
    assert from_file.earlier_keys() == (SECRET, SECRET[::-1])
    assert from_variable.earlier_keys() == (SECRET,)
    assert SECRET in from_variable.secrets()
    with pytest.raises(InvalidInput, match="SECRET_KEY_OLD_FILE"):
        short.earlier_keys()
