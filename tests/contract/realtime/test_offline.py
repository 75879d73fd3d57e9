"""What needs no network, asked of the stand-in and of the real package alike."""

from importlib.util import find_spec

import pytest

from tests.contract.realtime.stage import Ended


def test_every_name_and_number_of_the_stand_in_is_one_of_the_real_package(staged):
    if find_spec("mesibo") is None:
        pytest.skip("the package mesibo is not installed for this Python")
    ours, theirs = staged().run("members"), staged("mesibo").run("members")
    numbers = {name: value for name, value in ours.items() if name.startswith("MESIBO_")}
    classes = {name: value for name, value in ours.items() if isinstance(value, list)}

    assert len(numbers) > 80
    assert numbers.items() <= theirs.items()
    assert {name: set(value) - set(theirs[name]) for name, value in classes.items()} == {
        name: set() for name in classes
    }


@pytest.mark.parametrize("token", ["fake", "", "a" * 16, "a" * 63, "z" * 200])
def test_a_token_of_the_wrong_form_is_accepted_without_a_word_of_it_in_the_result(stage, token):
    assert stage.package.getInstance().setAccessToken(token) == 0
    assert "bad access token" in stage.said


def test_no_token_at_all_ends_the_process(stage):
    with pytest.raises(Ended) as ended:
        stage.package.getInstance().setAccessToken(None)
    assert ended.value.by == "SIGSEGV"


@pytest.mark.parametrize("name", [None, "bulkhead"])
def test_to_start_without_a_dot_in_the_name_of_the_app_ends_the_process(stage, name):
    stage.listen()
    mesibo = stage.package.getInstance()
    mesibo.setAccessToken("fake")
    if name:
        mesibo.setAppName(name)
    with pytest.raises(Ended) as ended:
        mesibo.start()
    assert ended.value.by == "SIGSEGV"


def test_a_bad_token_is_refused_on_the_calling_thread_before_start_returns(stage, unexpired):
    stage.listen()
    mesibo = stage.signed_in()

    assert mesibo.start() == 0

    assert [(one["on"], one["about"]) for one in stage.heard] == [("own", {"status": 4})]
    assert mesibo.getConnectionStatus() == 4
    assert mesibo.start() == 0
    assert [one["about"] for one in stage.heard] == [{"status": 4}, {"status": 4}]


@pytest.mark.parametrize("kind", ["let go", None])
def test_to_start_with_nobody_to_call_ends_the_process(stage, unexpired, kind):
    if kind:
        stage.listen(kind)
    mesibo = stage.signed_in()
    with pytest.raises(Ended) as ended:
        mesibo.start()
    assert ended.value.by == "SIGSEGV"


def test_a_package_that_is_too_old_says_so_and_calls_nobody(expired):
    expired.listen()
    mesibo = expired.signed_in()

    assert mesibo.start() == 0

    assert mesibo.getConnectionStatus() == 0
    assert expired.heard == []
    assert "too old" in expired.said


def test_to_send_before_a_login_shows_the_message_and_returns_a_number_without_a_name(stage):
    stage.listen()
    message = stage.signed_in().newMessage("ann")
    message.message = "hello"

    assert message.send() == 141

    [shown] = stage.wait_heard("onMessage")
    assert shown["isOutgoing"] == 1
    assert (shown["data"], shown["message"], shown["getStatus"]) == ("hello", None, 0)
    assert shown["mid"] == message.get("mid")
    assert stage.heard[0]["on"] == "own"


def test_with_a_database_of_an_earlier_process_the_same_is_a_bad_request(staged, package):
    results = []
    for folder in (None, "stage0"):
        stage = staged(package, folder)
        stage.listen()
        mesibo = stage.signed_in(database=True)
        message = mesibo.newMessage("ann")
        message.message = "hello"
        results.append(message.send())

    assert results == [141, 133]
    assert "message not sent" in stage.said


def test_a_message_with_a_title_claims_to_be_sent_although_nobody_is_signed_in(stage):
    stage.listen()
    message = stage.signed_in().newMessage("ann")
    message.message, message.title = "hello", "news"

    assert message.send() == 0

    [shown] = stage.wait_heard("onMessage")
    assert (shown["message"], shown["title"]) == ("hello", "news")
    assert message.getStatus() == 0


def test_an_empty_message_is_a_bad_request(stage):
    stage.listen()
    assert stage.signed_in().newMessage("ann").send() == 133
    assert stage.heard == []


def test_a_file_that_is_not_there_shows_when_it_is_sent(stage):
    stage.listen()
    message = stage.signed_in().newMessage("ann")
    assert message.setContent("/no/such/file") is None
    assert message.send() == -1


@pytest.mark.parametrize(
    "kind", ["returns nothing", "returns text", "raises", "lacks Mesibo_onMessage"]
)
def test_a_callback_that_returns_no_number_ends_the_process(stage, kind):
    stage.listen(kind)
    message = stage.signed_in().newMessage("ann")
    message.message = "hello"
    with pytest.raises(Ended) as ended:
        message.send()
    assert ended.value.by == "SIGABRT"


def test_a_gid_has_31_bits(stage):
    mesibo = stage.package.getInstance()
    assert mesibo.newGroupMessage(2**31 - 1).get("groupid") == 2**31 - 1
    with pytest.raises(OverflowError):
        mesibo.newGroupMessage(2**31)


def test_a_mid_may_be_chosen_and_is_signed(stage):
    message = stage.package.getInstance().newMessage("ann")
    for mid in (1, 2**31 - 1, -1, -(2**31)):
        message.mid = mid
        assert message.get("mid") == mid
    for mid in (2**31, 2**32 - 1, -(2**31) - 1):
        with pytest.raises(OverflowError):
            message.mid = mid


@pytest.mark.parametrize("wrong", [5, 1.5, True])
def test_what_is_not_text_is_refused_with_a_type_error(stage, wrong):
    mesibo = stage.package.getInstance()
    message = mesibo.newMessage("ann")
    for attempt in (mesibo.setAccessToken, mesibo.setAppName, mesibo.newMessage):
        with pytest.raises(TypeError):
            attempt(wrong)
    with pytest.raises(TypeError):
        message.message = wrong
    with pytest.raises(TypeError):
        mesibo.newGroupMessage("5")


def test_objects_take_no_attributes_of_ours(stage):
    listener = stage.listen()
    message = stage.package.getInstance().newMessage("ann")
    for thing in (listener, message):
        with pytest.raises(RuntimeError, match="AttributeError"):
            thing.note = 1


def test_there_is_one_object_with_many_handles_and_no_constructor(stage):
    with pytest.raises(TypeError):
        stage.package.Mesibo()
    stage.listen()
    stage.signed_in()
    message = stage.package.getInstance().newMessage("ann")
    message.message = "through another handle"
    message.send()
    assert stage.wait_heard("onMessage", data="through another handle")


def test_only_the_listener_that_was_added_last_is_called(stage):
    stage.listen("raises")
    stage.listen("whole")
    message = stage.signed_in().newMessage("ann")
    message.message = "hello"
    message.send()
    assert len(stage.heard) == 1


def test_to_wait_stop_and_stop_again_without_a_connection_returns_at_once(stage):
    stage.listen()
    mesibo = stage.signed_in()
    assert mesibo.wait() == 0
    mesibo.stop()
    mesibo.stop()
    assert mesibo.getConnectionStatus() in (0, 5)


def test_to_read_and_fetch_messages_without_a_database_ends_the_stand_ins_process(staged):
    # The real one dies of it now and then, so that there is nothing to hold it to.
    stage = staged()
    listener = stage.listen()
    with pytest.raises(Ended) as ended:
        stage.run("reads_and_fetches", stage.signed_in(), listener)
    assert ended.value.by == "SIGSEGV"


def test_to_read_stored_messages_before_a_login_finds_none(stage):
    listener = stage.listen()
    session = stage.signed_in(database=True).createReadSession("ann", 0, None, listener)
    assert session.enableReadReceipt(True) is None
    assert session.read(10) == -1
    assert stage.heard == []
    assert (stage.folder / "Databases" / "messages.db").is_file()


def test_many_threads_draw_different_mids(stage):
    stage.listen()
    stage.signed_in()
    assert stage.run("sent_by_threads", 8, 50) == 400


def test_forked_children_all_draw_the_same_mid(stage):
    assert stage.run("mids_of_forked", 3) == 1


def test_data_is_text_or_bytes_as_chosen(stage):
    stage.listen()
    message = stage.signed_in().newMessage("ann")
    message.message = "é"
    stage.package.readDataAs(1)
    message.send()
    stage.package.readDataAs(2)
    message.send()
    assert [one["about"]["data"] for one in stage.heard] == ["Ã©", "é"]


def test_native_words_go_past_python_to_descriptor_1(stage):
    stage.package.getInstance()
    assert "mesibo init" in stage.said
