from guardproxy.core.commands import CONTENT, REASONING, Release
from guardproxy.wire.answer import AnswerText, ChannelText, Edit, joined


def test_released_pieces_are_joined_by_channel_in_their_order():
    releases = [Release(0, CONTENT, 0, 1, "a"), Release(0, REASONING, 0, 1, "t"), Release(0, CONTENT, 1, 3, "*")]
    assert [(text.channel, text.text) for text in joined(releases)] == [(CONTENT, "a*"), (REASONING, "t")]
    assert joined(releases)[0].pieces == (releases[0], releases[2])
    assert joined([]) == ()


def test_no_text_of_an_answer_is_in_a_repr():
    text = ChannelText(CONTENT, "bluefinch")
    shown = [AnswerText(0, CONTENT, "bluefinch", ("a",)), text, Edit(0, (text,), refusal="bluefinch")]
    assert not any("bluefinch" in repr(one) for one in shown)
