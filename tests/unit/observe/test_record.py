import asyncio
import json
import random
from dataclasses import replace

import pytest

from guardproxy.core.conversation import Stage
from guardproxy.errors import AuditUnavailable
from guardproxy.observe.audit import AuditLog
from guardproxy.observe.record import Recorder


async def test_a_refusal_is_written_everywhere_once(recorder, samples, logger, audit):
    await recorder.record(samples.refused)
    values = samples.values(recorder.metrics)
    assert values['requests_total{outcome="refuse",route="chat",surface="chat_completions"}'] == 1
    assert values['refusals_total{hazard="crime",policy="base",stage="input"}'] == 1
    assert values['decisions_total{action="refuse",policy="base",stage="input"}'] == 1
    assert values['rule_hits_total{action="refuse",mode="enforce",rule="crime-cyber"}'] == 1
    assert values['rule_hits_total{action="refuse",mode="shadow",rule="quiet"}'] == 1
    assert [(level, event, fields["rule"]) for level, event, fields in logger.told] == [
        ("info", "exchange", "crime-cyber")
    ]
    (row,) = recorder.recent.newest()
    record = json.loads(audit.path.read_bytes().splitlines()[-1])
    assert row.decision_id == record["decision_id"] == logger.told[0][2]["decision_id"] == "K7Q2"
    assert row.outcome == record["outcome"] == logger.told[0][2]["outcome"] == "refuse"


async def test_measures(recorder, samples):
    await recorder.record(samples.calm)
    await recorder.record(samples.cut)
    values = samples.values(recorder.metrics)
    assert values['check_duration_seconds_count{detector="embedded-harm"}'] == 4
    assert values['added_latency_seconds_count{surface="chat_completions"}'] == 2
    assert values['upstream_request_seconds_count{kind="unary",upstream="main"}'] == 1
    assert values['upstream_request_seconds_count{kind="stream",upstream="main"}'] == 1
    assert values['stream_held_seconds_count{surface="chat_completions"}'] == 1
    assert values['score_count{detector="embedded-harm",hazard="hate"}'] == 2


async def test_a_request_decides_at_most_twice(recorder, samples):
    await recorder.record(samples.cut)  # two choices
    assert samples.total(recorder.metrics, "decisions_total") == 2


async def test_a_failing_detector_is_no_refusal(recorder, samples):
    await recorder.record(samples.closed)
    assert samples.total(recorder.metrics, "refusals_total") == 0
    assert samples.total(recorder.metrics, "check_errors_total") == 1
    assert samples.total(recorder.metrics, "requests_total", 'outcome="error"') == 1
    assert samples.total(recorder.metrics, "unchecked_total") == 0


async def test_text_that_left_unchecked_counts_and_warns(recorder, samples, logger):
    await recorder.record(samples.open)
    assert samples.total(recorder.metrics, "unchecked_total", 'reason="detector_timeout"') == 1
    assert logger.told[0][0] == "warning"


async def test_an_abort_is_no_error_and_no_refusal(recorder, samples):
    await recorder.record(samples.aborted)
    assert samples.total(recorder.metrics, "requests_total", 'outcome="client_abort"') == 1
    assert samples.total(recorder.metrics, "requests_total", 'outcome="error"') == 0
    assert samples.total(recorder.metrics, "refusals_total") == 0


async def test_an_upstream_fault(recorder, samples):
    await recorder.record(samples.unreached)
    assert samples.total(recorder.metrics, "upstream_errors_total", 'kind="unreachable"') == 1


@pytest.mark.parametrize(("outcome", "limit"), [("unauthorized", ""), ("overload", "requests")])
async def test_who_is_turned_away_is_counted_and_logged_and_fills_nothing(
    recorder, samples, logger, audit, outcome, limit
):
    before = audit.path.read_bytes()
    await recorder.record(replace(samples.calm, outcome=outcome, limit=limit, error_code="some_code"))
    assert samples.total(recorder.metrics, "requests_total", f'outcome="{outcome}"') == 1
    assert samples.total(recorder.metrics, "tenant_requests_total") == bool(limit)
    assert audit.path.read_bytes() == before
    assert len(recorder.recent) == 0
    assert logger.told[0][2]["error"] == "some_code"


@pytest.mark.parametrize(
    ("sample", "more", "result"),
    [
        ("calm", {}, "answered"),
        ("refused", {}, "refused"),
        ("calm", {"outcome": "overload", "limit": "tokens"}, "limited"),
        ("calm", {"outcome": "overload"}, "failed"),
        ("unreached", {}, "failed"),
        ("aborted", {}, "failed"),
    ],
)
async def test_what_becomes_of_a_tenants_requests(recorder, samples, sample, more, result):
    recorder.metrics.admit(replace(samples.labels, tenants=("t_9f2c",)))
    await recorder.record(replace(getattr(samples, sample), **more))
    assert samples.values(recorder.metrics)[f'tenant_requests_total{{result="{result}",tenant="t_9f2c"}}'] == 1
    assert samples.total(recorder.metrics, "limited_total", 'limit="tokens"') == (result == "limited")


async def test_tokens_are_added_up_by_tenant(recorder, samples):
    for tokens in (3, 0, 4):
        await recorder.record(replace(samples.calm, tokens=tokens))
    assert samples.values(recorder.metrics)['tenant_tokens_total{tenant="other"}'] == 7


async def test_identities_hold_over_a_random_day(recorder, samples):
    seed = 20261124
    print("seed", seed)
    chance = random.Random(seed)
    day = [replace(chance.choice(samples.all), decision_id=f"D{n}") for n in range(400)]
    await asyncio.gather(*(recorder.record(outcome) for outcome in day))
    total = lambda name, part="": samples.total(recorder.metrics, name, part)  # noqa: E731
    assert total("requests_total") == 400
    assert total("requests_total", 'outcome="refuse"') == total("refusals_total")
    assert total("requests_total", 'outcome="refuse"') == sum(o.outcome == "refuse" for o in day)
    assert total("requests_total", 'outcome="error"') == sum(o.outcome == "error" for o in day)
    assert (total("unchecked_total") > 0) == any("input" not in o.checked and o.status == 200 for o in day)
    assert total("truncated_total") == 0


async def test_what_cannot_be_recorded_counts_as_an_error(recorder, samples, monkeypatch):
    async def full(_record):
        raise AuditUnavailable("the decision log cannot be written")

    monkeypatch.setattr(recorder.audit, "append", full)
    with pytest.raises(AuditUnavailable):
        await recorder.record(samples.refused)
    assert samples.total(recorder.metrics, "requests_total", 'outcome="error"') == 1
    assert samples.total(recorder.metrics, "requests_total", 'outcome="refuse"') == 0
    assert samples.total(recorder.metrics, "refusals_total") == 0
    assert recorder.recent.newest()[0].error == "audit_unavailable"


async def test_nothing_counts_before_the_record_is_on_disk(recorder, samples, monkeypatch):
    durable = asyncio.Event()

    async def slow(_record):
        await durable.wait()

    monkeypatch.setattr(recorder.audit, "append", slow)
    waiting = asyncio.get_running_loop().create_task(recorder.record(samples.calm))
    await asyncio.sleep(0)
    assert samples.total(recorder.metrics, "requests_total") == 0
    durable.set()
    await waiting
    assert samples.total(recorder.metrics, "requests_total") == 1


async def test_a_caller_that_goes_away_is_counted_once(recorder, samples, monkeypatch):
    async def forever(_record):
        await asyncio.Event().wait()

    monkeypatch.setattr(recorder.audit, "append", forever)
    waiting = asyncio.get_running_loop().create_task(recorder.record(samples.calm))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert samples.total(recorder.metrics, "requests_total") == 1


async def test_no_text_comes_out_of_any_window(recorder, samples, logger, audit):
    for outcome in samples.all:
        await recorder.record(outcome)
    page, _ = recorder.metrics.render("application/openmetrics-text;version=1.0.0")
    outputs = [page.decode(), repr(logger.told), repr(recorder.recent.newest()), audit.path.read_text()]
    assert all(len(output) > 500 for output in outputs)
    assert not any(samples.marker in output for output in outputs)


async def test_looks_outside_an_exchange(recorder, samples):
    recorder.check("embedded-harm", 0.01)
    recorder.check_error("embedded-harm", "timeout")
    recorder.score("embedded-harm", "hate.abuse", 0.4)
    values = samples.values(recorder.metrics)
    assert values['check_duration_seconds_count{detector="embedded-harm"}'] == 1
    assert values['check_errors_total{detector="embedded-harm",kind="timeout"}'] == 1
    assert values['score_count{detector="embedded-harm",hazard="hate"}'] == 1


async def test_without_a_key_digests_are_still_keyed(metrics, samples, logger, tmp_path):
    off = AuditLog(tmp_path / "unused", "off")
    first, second = Recorder(metrics, off, logger), Recorder(metrics, off, logger)
    assert first.text_digest("ab" * 32) != second.text_digest("ab" * 32)
    assert first.text_digest("ab" * 32) == first.text_digest("ab" * 32)
    await first.record(replace(samples.calm, input=None, outputs=()))
    assert not (tmp_path / "unused").exists()
    assert samples.total(metrics, "decisions_total", str(Stage.INPUT)) == 0


async def test_a_stream_that_begins_is_open_until_it_is_recorded(recorder, samples, audit):
    file = audit.path.with_name("decisions.jsonl.open")
    recorder.begin(samples.cut)
    assert [line[:1] for line in file.read_text().splitlines()] == ["+"]
    await recorder.record(samples.cut)
    assert [line[:1] for line in file.read_text().splitlines()] == ["+", "-"]


async def test_a_stream_that_could_not_be_recorded_stays_open(recorder, samples, audit, monkeypatch):
    def full(*_arguments):
        raise OSError(28, "No space left on device")

    recorder.begin(samples.cut)
    monkeypatch.setattr(audit._journal, "append", full)
    with pytest.raises(AuditUnavailable):
        await recorder.record(samples.cut)
    assert "-" not in [line[:1] for line in audit.path.with_name("decisions.jsonl.open").read_text().splitlines()]
