"""Table of the e-mail recogniser."""

from __future__ import annotations

import pytest

from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.detectors.pii import Email

EMAIL = Email()


def found(text: str) -> list[str]:
    findings = EMAIL.look(Segment(text, Stage.INPUT, Scope.USER))
    return [text[f.span.start : f.span.end] for f in findings]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("write to ada@example.org.", ["ada@example.org"]),
        ("ada.o'neil+news@mail.example.co.uk, please", ["ada.o'neil+news@mail.example.co.uk"]),
        ("<ÜLRICH@müller.example>", ["ÜLRICH@müller.example"]),
        ("mailto:ada@example.org?subject=hi", ["ada@example.org"]),
        ("ada＠example．org", ["ada＠example．org"]),
        ("user=ada%40example.org&x=1", ["ada%40example.org"]),
        ("请联系ada@example.org谢谢", ["ada@example.org"]),
        ("a@b.example,c@d.example", ["a@b.example", "c@d.example"]),
        ("Ask ada@mail.example.com.Then wait.", ["ada@mail.example.com"]),
        ("look at @someone and @else", []),
        ("logo@2x.png in the folder", []),
        ("5 apples @ 2.50 each", []),
        ("npm install left-pad@1.3.0", []),
        ("ada@localhost", []),
        ("ada@-example.org", []),
        ("a..b@example.org", []),
    ],
)
def test_email(text, expected):
    assert found(text) == expected
