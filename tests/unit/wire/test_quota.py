"""Limits in headers, in the two forms that client libraries know, and the tokens an upstream counts."""

import pytest

from guardproxy.wire.quota import MOST_TOKENS, Quota, Tokens, quota_headers, tokens_of, without_quotas

QUOTAS = (Quota("requests", 60, 7, 2.5), Quota("tokens", 1000, 0, 3723.0))


def test_as_openai_says_it():
    assert quota_headers(QUOTAS, anthropic=False, now=0) == (
        ("x-ratelimit-limit-requests", "60"),
        ("x-ratelimit-remaining-requests", "7"),
        ("x-ratelimit-reset-requests", "2s"),
        ("x-ratelimit-limit-tokens", "1000"),
        ("x-ratelimit-remaining-tokens", "0"),
        ("x-ratelimit-reset-tokens", "1h2m3s"),
    )


def test_as_anthropic_says_it():
    assert quota_headers(QUOTAS[:1], anthropic=True, now=1_800_000_000.0) == (
        ("anthropic-ratelimit-requests-limit", "60"),
        ("anthropic-ratelimit-requests-remaining", "7"),
        ("anthropic-ratelimit-requests-reset", "2027-01-15T08:00:02Z"),
    )


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0ms"), (0.02, "20ms"), (0.9999, "999ms"), (1, "1s"), (60, "1m0s"), (360, "6m0s"), (3600, "1h0m0s")],
)
def test_how_long_it_takes(seconds, said):
    assert quota_headers([Quota("requests", 1, 0, seconds)], anthropic=False, now=0)[2][1] == said


def test_the_upstreams_own_are_taken_out():
    kept = (("content-type", "x"), ("x-request-id", "1"), ("retry-after", "3"))
    mixed = (*kept, ("x-ratelimit-limit-requests", "9"), ("anthropic-ratelimit-tokens-reset", "z"))
    assert without_quotas(mixed) == kept


@pytest.mark.parametrize(
    ("tree", "asked", "answered"),
    [
        ({"usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}}, 3, 4),
        ({"usage": {"input_tokens": 3, "output_tokens": 4}}, 3, 4),
        ({"type": "message_start", "message": {"usage": {"input_tokens": 3, "output_tokens": 1}}}, 3, 1),
        ({"type": "message_delta", "usage": {"output_tokens": 4}}, 0, 4),
        ({"type": "response.completed", "response": {"usage": {"input_tokens": 3, "output_tokens": 4}}}, 3, 4),
        ({"usage": {"prompt_tokens": 3}}, 3, 0),
        ({"usage": {"prompt_tokens": -3, "completion_tokens": True}}, 0, 0),
        ({"usage": {"prompt_tokens": "3", "completion_tokens": 4.5}}, 0, 0),
        ({"usage": {"prompt_tokens": 10**30}}, MOST_TOKENS, 0),
        ({"usage": None, "message": "x", "response": [1]}, 0, 0),
        ({"usage": [1]}, 0, 0),
        ({}, 0, 0),
    ],
)
def test_what_an_upstream_says(tree, asked, answered):
    assert tokens_of(tree) == Tokens(asked, answered)
    assert tokens_of(tree).all == asked + answered


def test_counts_of_one_answer_only_grow():
    said = [Tokens(3, 1), Tokens(0, 2), Tokens(0, 9), Tokens(3, 0)]
    whole = Tokens()
    for one in said:
        whole = whole.with_more(one)
    assert whole == Tokens(3, 9)
