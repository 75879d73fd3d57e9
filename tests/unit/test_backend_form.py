"""The body that carries a file."""

from email.parser import BytesParser
from email.policy import HTTP

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkhead.backend import envelope
from bulkhead.backend.call import Call
from bulkhead.backend.client import Backend
from bulkhead.backend.endpoint import Endpoint
from bulkhead.backend.form import Form, written
from bulkhead.backend.push import pushupload
from bulkhead.backend.reply import Answer
from bulkhead.backend.upload import Upload
from bulkhead.backend.words import Words
from bulkhead.errors import InvalidInput
from bulkhead.model.outcome import Done, Refused, Repeat, Retry
from bulkhead.secrets import Secret, SecretBytes

TOKEN = Secret("k3v9canarytoken7d2f8a1b6c4e5f0a9b8c7d6e")
FILE = b'{"private_key":"-----BEGIN PRIVATE KEY-----\\nMIIcanaryEvQIBADANBgkqhkiG9w0"}'
UPLOAD = pushupload(SecretBytes(FILE), "key.json", "fcm")


def parts_of(form):
    """Name, file name and bytes of each part, as somebody else's parser sees them."""
    head = f"Content-Type: {form.content_type}\r\n\r\n".encode()
    parsed = BytesParser(policy=HTTP).parsebytes(head + form.content)
    return [
        (
            part.get_param("name", header="content-disposition"),
            part.get_filename(),
            part.get_payload(decode=True),
        )
        for part in parsed.iter_parts()
    ]


def judged(body, status=200):
    return Backend(Words(), clock=lambda: 0.0).judge(UPLOAD, TOKEN, Answer(status, body))


def test_the_texts_come_first_in_the_order_of_the_vendors_page_and_the_file_last():
    form = envelope.body(UPLOAD, TOKEN)

    assert parts_of(form) == [
        ("op", None, b"pushupload"),
        ("token", None, TOKEN.reveal().encode()),
        ("type", None, b"fcm"),
        ("file", "key.json", FILE),
    ]


@given(content=st.binary(min_size=1))
def test_a_file_arrives_byte_for_byte_between_its_lines(content):
    form = written({"op": "pushupload"}, Upload("a.p12", SecretBytes(content)))
    boundary = form.content_type.partition("boundary=")[2].encode()

    *_, last, end = form.content.split(b"--" + boundary)

    assert last.partition(b"\r\n\r\n")[2] == content + b"\r\n"
    assert end == b"--\r\n"


def test_the_boundary_is_in_no_part_of_the_form():
    drawn = iter(["in-the-file", "in-a-text", "free"])
    upload = Upload("a.p12", SecretBytes(b"x\r\n--in-the-file\r\n"))

    form = written({"op": "in-a-text"}, upload, drawn.__next__)

    assert form.content_type == "multipart/form-data; boundary=free"


def test_two_forms_have_two_boundaries():
    assert written({}, UPLOAD.upload).content_type != written({}, UPLOAD.upload).content_type


def test_a_form_shows_neither_the_token_nor_the_file():
    form = envelope.body(UPLOAD, TOKEN)

    assert "canary" not in repr(form)
    assert len(form) == len(form.content)


@pytest.mark.parametrize("value", [7, None, "half a \ud83d face"])
def test_a_text_that_a_form_cannot_carry_is_refused_unsent(value):
    call = Call("pushupload", {"type": value}, Repeat.SAFE, upload=UPLOAD.upload)

    refused = Backend(Words()).body(Endpoint("https://x.test/"), TOKEN, call)

    assert (type(refused), refused.code) == (Refused, "UNSENDABLE")


@pytest.mark.parametrize("name", ["", 'a"b.json', "a\r\nb.json", "schlüssel.json", "x" * 101])
def test_a_name_that_a_header_cannot_carry_is_no_upload(name):
    with pytest.raises(InvalidInput):
        Upload(name, SecretBytes(b"x"))


def test_the_body_limit_of_an_on_premise_server_counts_the_whole_form():
    endpoint = Endpoint("https://x.test/mesiboapi", edition="onprem")
    backend = Backend(Words())
    around = len(backend.body(endpoint, TOKEN, pushupload(SecretBytes(b"x"), "a.p12"))) - 1
    fits, exceeds = (
        backend.body(endpoint, TOKEN, pushupload(SecretBytes(bytes(size)), "a.p12"))
        for size in (8_192 - around, 8_193 - around)
    )

    assert (type(fits), len(fits)) == (Form, 8_192)
    assert (exceeds.code, "8,193 bytes" in exceeds.message) == ("BODY_TOO_LARGE", True)
    assert "a .p12 may exceed" in exceeds.message


def test_a_page_in_answer_to_an_upload_is_unusable_and_tried_again():
    outcome = judged(b"<html><body>Bad gateway</body></html>")

    assert (type(outcome), outcome.code) == (Retry, "UNUSABLE_ANSWER")


def test_the_plain_envelope_is_enough_to_believe_an_upload():
    assert isinstance(judged(b'{"op":"pushupload","result":true}'), Done)


def test_a_word_that_quotes_the_file_is_kept_without_the_quotation():
    outcome = judged(b'{"result":false,"error":"BAD MIIcanaryEvQIBADANBgkqhkiG9w0 KEY"}')

    assert outcome.upstream.error == "BAD … KEY"


def test_a_plain_word_of_refusal_is_kept_as_it_is():
    assert judged(b'{"result":false,"error":"BADFILE"}').upstream.error == "BADFILE"
