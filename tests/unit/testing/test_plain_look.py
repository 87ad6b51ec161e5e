"""What the plain look says, by hand."""

from __future__ import annotations

import pytest

from guardproxy.testing.plain_look import expected


@pytest.mark.parametrize(
    ("text", "refused", "kept"),
    [
        ("all fine", None, "all fine"),
        ("a zorp\tblick", 2, "a "),
        ("x kx-47-11", 2, "x "),
        ("x tok=ab zorp blick", 2, "x "),
        ("quuxen fim", None, "<hide_1>"),  # the earlier rule stands for both
        ("quux zorp blick", 5, "<hide_1> "),
        ("drelm vok", None, "drelm vok"),  # nobody looks at windows
    ],
)
def test_scanned(text, refused, kept):
    law = expected(text, classifies=False)
    assert (law.refused, law.kept) == (refused, kept)


def test_windows():
    law = expected("drelm vok and sniv tarn", classifies=True)
    assert (law.refused, law.scanned, law.until) == (0, None, None)
    assert law.replaced == "drelm vok and <w_replace>"
    assert expected("vrash", classifies=True).ends
    assert not expected("vrash", classifies=False).ends
