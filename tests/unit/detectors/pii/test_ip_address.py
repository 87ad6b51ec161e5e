"""Table of the IP address recogniser. Addresses are documentation ranges where it does not matter."""

from __future__ import annotations

import pytest

from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.detectors.pii import IpAddress

IP = IpAddress()


def found(text: str) -> list[str]:
    findings = IP.look(Segment(text, Stage.INPUT, Scope.USER))
    return [text[f.span.start : f.span.end] for f in findings]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from 192.0.2.88.", ["192.0.2.88"]),
        ("http://203.0.113.7:8080/x", ["203.0.113.7"]),
        ("198.51.100.0/24", ["198.51.100.0"]),
        ("his IP is 8.8.8.8", ["8.8.8.8"]),
        ("seen 2001:db8::8c15, twice", ["2001:db8::8c15"]),
        ("[2001:db8:0:1:1:1:1:1]", ["2001:db8:0:1:1:1:1:1"]),
        ("address: 2001:db8:85a3::8a2e:370:7334: gone", ["2001:db8:85a3::8a2e:370:7334"]),
        ("version 10.4.2.17", []),
        ("v192.168.12.4", []),
        ("section 1.2.3.4 says", []),
        ("update 1.2.3.4", []),
        ("1.2.3.4.5 and 300.1.1.1", []),
        ("at 12:30:45", []),
        ("mac 00:1b:44:11:3a:b7", []),
        ("std::vector and fade::bad", []),
        ("127.0.0.1, 0.0.0.0, 255.255.255.0 and ::1", []),
        ("on 24.12.2024 at 10.15", []),
    ],
)
def test_ip_address(text, expected):
    assert found(text) == expected
