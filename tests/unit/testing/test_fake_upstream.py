import http.client
import json
import socket

import pytest

from guardproxy.testing.fake_upstream import FakeUpstream
from guardproxy.testing.scripts import Script, completion, stream_of


def post(upstream, body, path="/v1/chat/completions", **options):
    connection = http.client.HTTPConnection("127.0.0.1", upstream.port, timeout=5)
    try:
        connection.request("POST", path, json.dumps(body).encode(), {"x-a": "b"}, **options)
        response = connection.getresponse()
        return response.status, response.getheader("content-type"), response.read()
    finally:
        connection.close()


def test_it_records_and_answers():
    with FakeUpstream(completion("hi")) as upstream:
        status, kind, raw = post(upstream, {"model": "m"})
        assert (status, kind) == (200, "application/json")
        assert json.loads(raw)["choices"][0]["message"]["content"] == "hi"
        upstream.answer_with(lambda request: Script((request.body,), status=418))
        assert post(upstream, {"model": "n"}) == (418, "application/json", b'{"model": "n"}')
        assert [(r.method, r.path, r.headers["x-a"], r.json["model"]) for r in upstream.requests] == [
            ("POST", "/v1/chat/completions", "b", "m"),
            ("POST", "/v1/chat/completions", "b", "n"),
        ]
        assert upstream.hits == 2


def test_it_reads_chunked_bodies():
    with FakeUpstream() as upstream:
        connection = http.client.HTTPConnection("127.0.0.1", upstream.port, timeout=5)
        connection.request(
            "POST", "/x", iter([b'{"a"', b":1}"]), encode_chunked=True, headers={"transfer-encoding": "chunked"}
        )
        connection.getresponse().read()
        connection.close()
        assert upstream.requests[0].json == {"a": 1}


def test_it_lists_a_model_and_streams_without_a_script():
    with FakeUpstream() as upstream:
        connection = http.client.HTTPConnection("127.0.0.1", upstream.port, timeout=5)
        connection.request("GET", "/v1/models")
        assert json.loads(connection.getresponse().read())["data"][0]["id"] == "m"
        connection.close()
        assert post(upstream, {"stream": True})[2].endswith(b"data: [DONE]\n\n")


def test_segments_are_written_one_by_one_and_the_end_is_the_connections():
    with FakeUpstream(stream_of(["a", "b"])) as upstream:
        status, kind, raw = post(upstream, {})
        assert (status, kind) == (200, "text/event-stream")
        assert raw.count(b"data: ") == 5


def test_a_reset_after_k_bytes():
    script = Script((b"0123456789",), reset_at=4)
    got = b""

    def read(client):
        nonlocal got
        while piece := client.recv(100):
            got += piece

    with FakeUpstream(script) as upstream, socket.create_connection(("127.0.0.1", upstream.port), timeout=5) as client:
        client.sendall(b"POST / HTTP/1.1\r\ncontent-length: 0\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            read(client)
        assert got.partition(b"\r\n\r\n")[2] == b"0123"


def test_a_client_that_goes_away_is_noticed():
    with FakeUpstream(Script((b"x",), hang=True)) as upstream:
        with socket.create_connection(("127.0.0.1", upstream.port), timeout=5) as client:
            client.sendall(b"POST / HTTP/1.1\r\ncontent-length: 0\r\n\r\n")
            assert client.recv(1)
        assert upstream.until(lambda: upstream.aborted == 1)
        assert not upstream.until(lambda: upstream.aborted == 2, timeout=0.01)


def test_other_languages_than_http_do_no_harm():
    with FakeUpstream() as upstream:
        with socket.create_connection(("127.0.0.1", upstream.port), timeout=5) as client:
            client.sendall(b"hello\r\n\r\n")
            assert client.recv(10) == b""
        assert upstream.requests == []
