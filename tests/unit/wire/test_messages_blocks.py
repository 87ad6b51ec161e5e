from base64 import b64encode
from hashlib import sha256

import pytest

from guardproxy.core.conversation import Scope
from guardproxy.errors import BadRequest
from guardproxy.wire.messages_blocks import KINDS, BlockReader

SEAL = b64encode(b"".join(sha256(bytes([at])).digest() for at in range(4))).decode()
PDF = b64encode(b"%PDF-1.7 \xff\xfe").decode()


def read(*blocks, own=Scope.USER):
    reader = BlockReader(own)
    reader.read(list(blocks), ("content",))
    return reader


def texts(parts):
    return [(part.text, str(part.pointer)) for part in parts]


def beside(reader):
    return {scope: [part.text for part in parts] for scope, parts in reader.beside.items()}


def unread(reader):
    return [(entry.kind, str(entry.pointer)) for entry in reader.unscannable]


def test_texts():
    reader = read(
        {"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}}, {"type": "text", "text": ""}
    )
    assert texts(reader.said) == [("a", "content[0].text")]
    assert (reader.results, reader.beside, reader.unscannable) == ([], {}, [])
    whole = BlockReader(Scope.SYSTEM)
    whole.read("b", ("system",))
    assert texts(whole.said) == [("b", "system")]


def test_what_a_call_is_given_is_read_leaf_by_leaf():
    call = {"type": "tool_use", "id": "t1", "name": "f", "input": {"city": ["Oslo", {"x": "y"}], "n": 1}}
    reader = read(call, own=Scope.HISTORY)
    assert beside(reader) == {Scope.HISTORY: ["f", "city", "Oslo", "x", "y", "n"]}
    keys = [(str(p.pointer), p.pointer.key) for p in reader.beside[Scope.HISTORY]]
    assert keys[1:3] == [("content[0].input.city", True), ("content[0].input.city[0]", False)]


def test_results_of_tools_are_indirect():
    result = {
        "type": "tool_result",
        "tool_use_id": "t1",
        "is_error": False,
        "content": [
            {"type": "text", "text": "a"},
            {"type": "image", "source": {"type": "base64", "data": "iVBO", "media_type": "image/png"}},
        ],
    }
    reader = read(
        result,
        {"type": "tool_result", "tool_use_id": "t2", "content": "b"},
        {"type": "tool_result", "tool_use_id": "t3"},
    )
    assert texts(reader.results) == [("a", "content[0].content[0].text"), ("b", "content[1].content")]
    assert reader.said == []
    assert unread(reader) == [("image", "content[0].content[1]")]
    assert reader.unscannable[0].scope is Scope.TOOL_RESULT


@pytest.mark.parametrize(
    ("source", "found", "unread_kinds"),
    [
        ({"type": "text", "media_type": "text/plain", "data": "a"}, ["a"], []),
        ({"type": "content", "content": "a"}, ["a"], []),
        (
            {"type": "content", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
            ["a", "b"],
            [],
        ),
        ({"type": "base64", "media_type": "application/pdf", "data": PDF}, [], ["file"]),
        ({"type": "base64", "media_type": "text/plain", "data": b64encode(b"a").decode()}, ["a"], []),
        ({"type": "base64", "media_type": "text/plain", "data": PDF}, [], ["file"]),
        ({"type": "url", "url": "data:text/plain,a"}, ["a"], []),
        ({"type": "url", "url": "data:application/pdf;base64,AAAA"}, [], ["file"]),
        ({"type": "url", "url": "https://example.org/a.pdf"}, [], ["file"]),
    ],
)
def test_sources_of_documents(source, found, unread_kinds):
    reader = read({"type": "document", "source": source, "title": "t", "context": "c"})
    assert [part.text for part in reader.results] == found
    assert [entry.kind for entry in reader.unscannable] == unread_kinds
    addresses = [source["url"]] if source.get("url", "").startswith("https") else []
    assert beside(reader) == {Scope.TOOL_RESULT: [*addresses, "t", "c"]}


def test_decoded_text_cannot_be_replaced():
    reader = read({"type": "document", "source": {"type": "url", "url": "data:text/plain,a"}})
    assert reader.results[0].pointer.key


def test_search_results_and_citations():
    found = {
        "type": "search_result",
        "source": "https://example.org",
        "title": "t",
        "content": [{"type": "text", "text": "a"}],
    }
    cited = {"type": "char_location", "cited_text": "b", "document_index": 0, "document_title": "d"}
    reader = read(found, {"type": "text", "text": "c", "citations": [cited]})
    assert texts(reader.results) == [("a", "content[0].content[0].text")]
    assert beside(reader) == {Scope.TOOL_RESULT: ["https://example.org", "t"], Scope.USER: ["b", "d"]}
    assert texts(reader.said) == [("c", "content[1].text")]


def test_thoughts_and_what_is_sealed():
    reader = read({"type": "thinking", "thinking": "a", "signature": SEAL}, own=Scope.HISTORY)
    assert beside(reader) == {Scope.HISTORY: ["a"]}
    reader = read({"type": "thinking", "thinking": "a", "signature": "bluefinch"}, own=Scope.HISTORY)
    assert beside(reader) == {Scope.HISTORY: ["a", "bluefinch"]}
    reader = read({"type": "redacted_thinking", "data": SEAL}, own=Scope.HISTORY)
    assert (beside(reader), unread(reader)) == ({}, [("redacted_thinking", "content[0]")])
    reader = read({"type": "compaction", "content": "a", "encrypted_content": SEAL})
    assert unread(reader) == [("compaction", "content[0].encrypted_content")]


def test_what_the_servers_own_tools_found():
    page = {
        "type": "web_search_result",
        "url": "https://example.org",
        "title": "t",
        "encrypted_content": SEAL,
        "page_age": None,
    }
    fetched = {
        "type": "web_fetch_tool_result",
        "tool_use_id": "s1",
        "content": {
            "type": "web_fetch_result",
            "url": "https://example.org",
            "content": {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PDF}},
        },
    }
    ran = {
        "type": "bash_code_execution_tool_result",
        "tool_use_id": "s2",
        "content": {
            "type": "bash_code_execution_result",
            "stdout": "o",
            "stderr": "",
            "return_code": 0,
            "content": [{"type": "bash_code_execution_output", "file_id": "f1"}],
        },
    }
    reader = read(
        {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "q"}},
        {"type": "web_search_tool_result", "tool_use_id": "s1", "content": [page]},
        fetched,
        ran,
        own=Scope.HISTORY,
    )
    assert beside(reader)[Scope.HISTORY] == ["web_search", "query", "q"]
    assert beside(reader)[Scope.TOOL_RESULT] == ["https://example.org", "t", "https://example.org", "o", "f1"]
    assert unread(reader) == [("file", "content[2].content.content")]


def test_a_block_is_read_by_the_names_of_its_members_too():
    reader = read(
        {"type": "text", "text": "a", "thinking": "b", "input": {"c": "d"}, "data": "e", "x": "f", "content": "g"}
    )
    assert [part.text for part in reader.said] == ["a", "g"]
    assert beside(reader) == {Scope.USER: ["b", "c", "d", "e", "x", "f"]}
    reader = read({"type": "text", "text": "a", "source": {"type": "base64", "media_type": "image/png", "data": PDF}})
    assert unread(reader) == [("file", "content[0]")]


def test_kinds_that_hold_others_may_not_stand_inside():
    with pytest.raises(BadRequest) as caught:
        read(
            {
                "type": "tool_result",
                "tool_use_id": "t",
                "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}],
            }
        )
    assert caught.value.param == "content[0].content[0]"


@pytest.mark.parametrize(
    ("block", "code", "param"),
    [
        ("a", "invalid_type", "content[0]"),
        ({}, "unsupported_content_part", "content[0]"),
        ({"type": "input_audio"}, "unsupported_content_part", "content[0]"),
        ({"type": ["text"]}, "unsupported_content_part", "content[0]"),
        ({"type": "text"}, "invalid_type", "content[0].text"),
        ({"type": "thinking", "thinking": None}, "invalid_type", "content[0].thinking"),
        ({"type": "tool_use", "id": "t", "name": "f", "input": "{}"}, "invalid_type", "content[0].input"),
        ({"type": "tool_use", "id": "t", "name": "a b", "input": {}}, "invalid_type", "content[0].name"),
        ({"type": "tool_use", "id": "t", "name": "", "input": {}}, "invalid_type", "content[0].name"),
        ({"type": "image", "source": "x"}, "invalid_type", "content[0].source"),
        ({"type": "image", "source": {"type": "s3"}}, "unsupported_content_part", "content[0].source.type"),
        (
            {"type": "image", "source": {"type": "file", "file_id": "f"}},
            "unsupported_parameter",
            "content[0].source.file_id",
        ),
        ({"type": "container_upload", "file_id": "f"}, "unsupported_parameter", "content[0].file_id"),
        ({"type": "tool_result", "tool_use_id": "t", "content": 1}, "invalid_type", "content[0].content"),
        ({"type": "search_result", "source": "s", "title": "t", "content": "c"}, "invalid_type", "content[0].content"),
    ],
)
def test_what_is_refused_names_its_place(block, code, param):
    with pytest.raises(BadRequest) as caught:
        read(block)
    assert (caught.value.code, caught.value.param) == (code, param)


@pytest.mark.parametrize("content", [None, 1, {"type": "text", "text": "a"}])
def test_content_is_a_text_or_a_list(content):
    with pytest.raises(BadRequest):
        BlockReader(Scope.USER).read(content, ("content",))


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_text_of_every_known_block_is_found(kind):
    """Whatever a block is, a word in any of its members is on one of the lists."""
    block = {
        "type": kind,
        "text": "w1",
        "thinking": "w2",
        "signature": "w3",
        "input": {"w4": "w5"},
        "name": "w6",
        "content": [{"type": "text", "text": "w7", "w8": {"w9": ["w10"]}}],
        "source": {"type": "text", "data": "w11", "w12": "w13", "media_type": "w14 x"},
        "citations": [{"type": "char_location", "cited_text": "w15"}],
        "w16": "w17",
        "title": "w18",
        "cache_control": {"type": "w19 x"},
        "id": "w20 x",
    }
    reader = read(block)
    found = {p.text for p in [*reader.said, *reader.results, *(p for parts in reader.beside.values() for p in parts)]}
    assert found >= {f"w{n}" for n in range(1, 19) if n != 14} | {"w14 x", "w19 x", "w20 x"}
