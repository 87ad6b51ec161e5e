"""Tables of the secret recognisers. Every value is invented; none opens anything."""

from __future__ import annotations

import pytest

from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.detectors.secrets import ApiKey, PrivateKey, Token, all_detectors, entropy

BODY = "MIIEpAIBAAKCAQEA7bq1xk9w3F" * 2
PEM = f"-----BEGIN RSA PRIVATE KEY-----\n{BODY}\n{BODY}\nab==\n-----END RSA PRIVATE KEY-----"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTYifQ.c2lnbmF0dXJl-_x"


def found(detector, text: str) -> list[str]:
    findings = detector.look(Segment(text, Stage.INPUT, Scope.USER))
    assert all(f.hazard == "security.secrets" for f in findings)
    return [text[f.span.start : f.span.end] for f in findings]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("key AKIAIOSFODNN7EXAMPLE.", ["AKIAIOSFODNN7EXAMPLE"]),
        ("sk-proj-Ab12cD34eF56gH78iJ90kL12", ["sk-proj-Ab12cD34eF56gH78iJ90kL12"]),
        ("'ghp_16C7e42F292c6912E7710c838347Ae178B4a'", ["ghp_16C7e42F292c6912E7710c838347Ae178B4a"]),
        ('{"api_key": "a8f5f167f44f4964e6c998dee827110c"}', ["a8f5f167f44f4964e6c998dee827110c"]),
        ("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCY9zz1", ["wJalrXUtnFEMI/K7MDENG/bPxRfiCY9zz1"]),
        ("Client-Secret: q1w2e3r4t5y6u7i8o9p0", ["q1w2e3r4t5y6u7i8o9p0"]),
        (
            "SG.ngeVfQFYQlKU0ufo8x5d1A.TwL2iGABf9DHoTf09kqeF8tAmbihYzrnopKc1s5cr",
            ["SG.ngeVfQFYQlKU0ufo8x5d1A.TwL2iGABf9DHoTf09kqeF8tAmbihYzrnopKc1s5cr"],
        ),
        ("sk-your-api-key-goes-here-1234", []),
        ("sk-learn-2-and-sk-learn-3-side-by-side", []),
        ("api_key = os.environ['OPENAI_API_KEY_2024']", []),
        ("api_key=XXXXXXXXXXXXXXXX", []),
        ("commit 9f27d24949b0581701071ea5ef522d77ccd3f50c", []),
        ("id 550e8400-e29b-41d4-a716-446655440000", []),
        ("the AKIA prefix", []),
        ("risk-based-assessment-of-2024-and-2025", []),
        ("the api key: see the page about keys", []),
    ],
)
def test_api_key(text, expected):
    assert found(ApiKey(), text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"here:\n{PEM}\nthen", [PEM]),
        (PEM.replace("\n", "\\n"), [PEM.replace("\n", "\\n")]),
        (PEM.replace("\n", " "), [PEM.replace("\n", " ")]),
        (f"-----BEGIN PRIVATE KEY-----\n{BODY}\n\nand so on", [f"-----BEGIN PRIVATE KEY-----\n{BODY}\n\nand"]),
        (PEM.replace("\n", "\r\n"), [PEM.replace("\n", "\r\n")]),
        (PEM.replace("RSA", "OPENSSH") + PEM, [PEM.replace("RSA", "OPENSSH"), PEM]),
        ("-----BEGIN PRIVATE KEY----- is how it starts", []),
        (PEM.replace("PRIVATE KEY", "CERTIFICATE"), []),
        (PEM.replace("PRIVATE", "PUBLIC"), []),
        ("PRIVATE KEY", []),
        ("-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----", []),
    ],
)
def test_private_key(text, expected):
    assert found(PrivateKey(), text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"cookie {JWT};", [JWT]),
        ("Authorization: Bearer abcDEF123456ghiJKL789", ["abcDEF123456ghiJKL789"]),
        ("Authorization: Basic YWRhOnF1aWxsLWxhbmU=", ["YWRhOnF1aWxsLWxhbmU="]),
        ("basic information", []),
        ("token：请输入您的令牌，然后按回车键继续操作即可", []),
        ("token=abcdef1234567890", ["abcdef1234567890"]),
        ("postgres://app:s3cr3t@db.internal/x", ["s3cr3t"]),
        ("Server=db;User Id=app;Password=Tr0ub4dor;", ["Tr0ub4dor"]),
        ("password = 'letmein'", ["letmein"]),
        ('"passwd":"hunter22"', ["hunter22"]),
        ("token=" + "a" * 10_000, []),  # no entropy: a stream holds it all the same, see test_spanscan
        ("the token: a unit of text", []),
        ("password: required", []),
        ("password=os.environ['PASSWORD']", []),
        ("password=<your password>", []),
        ("token = tokenizer.next_token(text)", []),
        ("https://example.org:8080/path@x", []),
        ("bearer of good news and bad", []),
        ("eyJ is how they start", []),
        ("secret: nobody knows", []),
    ],
)
def test_token(text, expected):
    assert found(Token(), text) == expected


def test_entropy_tells_words_from_keys():
    assert entropy("") == 0.0
    assert entropy("aaaa") == 0.0
    assert entropy("a8f5f167f44f4964e6c998dee827110c") > 3.2


def test_ids():
    assert [d.info.id for d in all_detectors()] == ["secrets.api_key", "secrets.private_key", "secrets.token"]
