import pytest

from guardproxy.errors import UpstreamBadAnswer
from guardproxy.wire.responses_places import Places


def put(places, kind, **more):
    tree = {"type": kind, **more}
    places.put(tree)
    if "item" in more:
        places.know(more["item"], tree["output_index"])
    return tree.get("output_index"), tree.get("content_index"), tree.get("summary_index")


def test_missing_indexes_go_by_the_ids():
    places = Places()
    assert put(places, "response.created") == (None, None, None)
    assert put(places, "response.output_item.added", item={"id": "a"}) == (0, None, None)
    assert put(places, "response.output_item.added", item={"id": "b"}) == (1, None, None)
    assert put(places, "response.content_part.added", item_id="b") == (1, 0, None)
    assert put(places, "response.output_text.delta", item_id="b") == (1, 0, None)
    assert put(places, "response.reasoning_summary_text.delta", item_id="a") == (0, None, 0)
    assert put(places, "response.content_part.added", item_id="b") == (1, 1, None)
    assert put(places, "response.output_text.done", item_id="b") == (1, 1, None)
    assert put(places, "response.output_item.done", item={"id": "a"}) == (0, None, None)
    assert put(places, "response.web_search_call.searching", item_id="b") == (1, None, None)
    assert (places.of("b"), places.of("c"), places.of(7)) == (1, None, None)


def test_without_ids_the_last_item_and_part_are_meant():
    places = Places()
    put(places, "response.output_item.added", item={})
    put(places, "response.content_part.added")
    assert put(places, "response.output_text.delta") == (0, 0, None)
    put(places, "response.output_item.added", item={})
    assert put(places, "response.output_text.delta") == (1, 0, None)


def test_what_is_given_stays():
    places = Places()
    assert put(places, "response.output_text.delta", output_index=4, content_index=2) == (4, 2, None)
    assert put(places, "response.audio.transcript.delta") == (None, None, None)


def test_texts_have_a_list_of_tokens():
    tree = {"type": "response.output_text.delta"}
    Places().put(tree)
    assert tree["logprobs"] == []


def test_no_item_starts_twice():
    places = Places()
    put(places, "response.output_item.added", item={}, output_index=0)
    with pytest.raises(UpstreamBadAnswer):
        put(places, "response.output_item.added", item={}, output_index=0)
