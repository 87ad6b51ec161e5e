import pytest

from guardproxy.wire.fence import Fence


@pytest.mark.parametrize(
    ("text", "closing"),
    [
        ("plain text", ""),
        ("```python\nx = 1", "\n```"),
        ("```\nx\n", "```"),
        ("```\nx\n```\n", ""),
        ("```\nx\n```", ""),
        ("   ```\nx", "\n```"),
        ("    ```\nx", ""),
        ("````\n```\nx", "\n````"),
        ("~~~\n```\n", "~~~"),
        ("```\n~~~\n", "```"),
        ("inline ```code``` here", ""),
        ("```not a fence``` x\n", ""),
        ("```\nx\n``` y\n", "```"),
        ("```", "\n```"),
        ("a\n" + "x" * 500 + "\n```\n", "```"),
    ],
)
def test_closing(text, closing):
    whole, pieces = Fence(), Fence()
    whole.feed(text)
    for character in text:
        pieces.feed(character)
    assert whole.closing() == pieces.closing() == closing
