"""The abstract side; `test_chat_dialect.py` and its siblings have the surfaces."""

from guardproxy.core.commands import CONTENT
from guardproxy.wire.dialect import AnswerStream, Delta, Reading


def test_a_comment_keeps_a_stream_alive_unless_a_surface_knows_better():
    assert AnswerStream.heartbeat(None).startswith(b":")


def test_a_reading_brings_nothing_unless_told():
    assert Reading() == Reading((), (), (), ())


def test_reprs_hold_no_text():
    assert "secret" not in repr(Delta(0, CONTENT, "secret"))
