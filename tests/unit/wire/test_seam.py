import pytest

from guardproxy.core.commands import CONTENT, REASONING, Channel, ChannelKind
from guardproxy.errors import UpstreamBadAnswer
from guardproxy.wire.answer import AnswerText
from guardproxy.wire.seam import SEAM, Seams, with_seams

TOOL = Channel(ChannelKind.TOOL, "1", whole=True)
OTHER = Channel(ChannelKind.OTHER, "x")


def test_two_parts_of_prose_meet():
    seams = Seams()
    told = [seams.meets(CONTENT, part) for part in (0, 0, 1, 1, 0)]
    assert told == [False, False, True, False, True]
    assert not seams.meets(REASONING, 1)


@pytest.mark.parametrize("channel", [TOOL, OTHER])
def test_calls_and_strings_beside_have_no_parts(channel):
    seams = Seams()
    assert not any(seams.meets(channel, part) for part in range(3))


def test_a_part_that_another_has_followed_does_not_go_on():
    seams = Seams(onward=True)
    assert [seams.meets(CONTENT, part) for part in (0, 0, 1, 2)] == [False, False, True, True]
    with pytest.raises(UpstreamBadAnswer, match="goes back to a part"):
        seams.meets(CONTENT, 0)


def test_a_border_stands_nowhere():
    texts = [
        AnswerText(0, CONTENT, "a", ("c", 0)),
        AnswerText(0, REASONING, "t", ("r",)),
        AnswerText(0, CONTENT, "b", ("c", 1)),
        AnswerText(0, OTHER, "x", ("x",)),
        AnswerText(0, OTHER, "y", ("y",)),
    ]
    assert with_seams(texts) == [*texts[:2], AnswerText(0, CONTENT, SEAM, ()), *texts[2:]]
