import asyncio
import errno
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from guardproxy.errors import AuditUnavailable, SettingsError
from guardproxy.observe import audit as module
from guardproxy.observe.audit import GROUP, AuditLog
from guardproxy.observe.verify import verify


def quiet(_event, **_fields):
    return None


@pytest.fixture
def opened(tmp_path):
    logs = []

    def make(mode="required", **more):
        log = AuditLog(tmp_path / "var" / "decisions.jsonl", mode, note=more.pop("note", quiet), **more)
        logs.append(log)
        return log

    yield make
    for log in logs:
        log.close()


def ids(path):
    return [record["id"] for line in path.read_bytes().splitlines() if "id" in (record := json.loads(line))]


@pytest.fixture
def disk(monkeypatch):
    """A disk that fails while `fault` is an errno, and counts its syncs."""

    class Disk:
        fault = 0
        syncs = 0

    real_write, real_sync = os.write, os.fdatasync

    def write(fd, data):
        if Disk.fault == errno.ENOSPC:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real_write(fd, data)

    def fdatasync(fd):
        Disk.syncs += 1
        if Disk.fault == errno.EIO:
            raise OSError(errno.EIO, "Input/output error")
        real_sync(fd)

    monkeypatch.setattr(os, "write", write)
    monkeypatch.setattr(os, "fdatasync", fdatasync)
    return Disk


async def test_required_returns_when_the_record_is_on_disk(opened, disk):
    log = opened()
    before = disk.syncs
    await log.append({"id": "a"})
    assert disk.syncs == before + 1
    assert ids(log.path) == ["a"]


async def test_a_thousand_at_once_need_few_syncs_and_keep_their_order(opened, disk):
    log = opened()
    before = disk.syncs
    await asyncio.gather(*(log.append({"id": f"r{n}"}) for n in range(1000)))
    assert -(-1000 // GROUP) <= disk.syncs - before <= 1000 // 16
    assert ids(log.path) == [f"r{n}" for n in range(1000)]
    assert verify(log.path).fine


async def test_records_from_many_event_loops(opened):
    log = opened()

    async def some(name):
        await asyncio.gather(*(log.append({"id": f"{name}-{n}"}) for n in range(100)))

    threads = [threading.Thread(target=lambda name=name: asyncio.run(some(name))) for name in "abcd"]
    for thread in threads:
        thread.start()
    await asyncio.to_thread(lambda: [thread.join() for thread in threads])
    assert sorted(ids(log.path)) == sorted(f"{name}-{n}" for name in "abcd" for n in range(100))
    assert verify(log.path).fine


async def test_a_full_disk_answers_within_a_second_and_recovers_by_itself(opened, disk):
    dropped, told = [], []
    log = opened(on_drop=dropped.append, note=lambda event, **fields: told.append((event, fields.get("reason"))))
    await log.append({"id": "a"})
    disk.fault = errno.ENOSPC
    began = time.perf_counter()
    for _ in range(3):
        with pytest.raises(AuditUnavailable):
            await log.append({"id": "b"})
    assert time.perf_counter() - began < 1
    assert (log.fault, dropped) == ("disk_full", ["disk_full"] * 3)
    disk.fault = 0
    await log.append({"id": "c"})
    assert log.fault == ""
    assert ids(log.path) == ["a", "c"]
    assert [line for line in told if line[0] != "audit_anchor"] == [
        ("audit_failing", "disk_full"),
        ("audit_works_again", None),
    ]
    assert verify(log.path).fine


async def test_a_failed_sync_is_never_a_success(opened, disk):
    log = opened()
    await log.append({"id": "a"})
    disk.fault = errno.EIO
    with pytest.raises(AuditUnavailable):
        await log.append({"id": "b"})
    disk.fault = 0
    await log.append({"id": "c"})
    assert ids(log.path) == ["c"]
    assert verify(log.path).segments == 2
    assert verify(log.path).fine


async def test_best_effort_counts_what_it_drops_and_never_raises(opened, disk):
    dropped = []
    log = opened("best_effort", on_drop=dropped.append)
    disk.fault = errno.ENOSPC
    for _ in range(5):
        await log.append({"id": "lost"})
    while len(dropped) < 5:  # the writer thread is at work
        await asyncio.sleep(0)
    disk.fault = 0
    await log.append({"id": "kept"})
    log.close()
    assert dropped == ["disk_full"] * 5
    assert ids(log.path) == ["kept"]


async def test_a_close_writes_what_is_queued(opened):
    log = opened("best_effort")
    for n in range(500):
        await log.append({"id": f"r{n}"})
    log.close()
    assert ids(log.path) == [f"r{n}" for n in range(500)]
    assert verify(log.path).fine


async def test_after_the_close_nothing_is_acknowledged(opened):
    log = opened()
    log.close()
    with pytest.raises(AuditUnavailable):
        await log.append({"id": "late"})


async def test_the_queue_is_bounded(opened, disk, monkeypatch):
    dropped, gate = [], threading.Event()
    monkeypatch.setattr(module, "LONGEST_QUEUE", 10)
    real = os.fdatasync
    log = opened("best_effort", on_drop=dropped.append)
    monkeypatch.setattr(os, "fdatasync", lambda fd: (gate.wait(), real(fd)))
    for n in range(100):
        await log.append({"id": f"r{n}"})
    assert log.depth <= 10
    assert dropped
    assert set(dropped) == {"queue_full"}
    gate.set()
    log.close()
    assert len(ids(log.path)) + len(dropped) == 100


async def test_a_disk_that_does_not_answer(opened, monkeypatch):
    gate = threading.Event()
    real = os.fdatasync
    log = opened()
    monkeypatch.setattr(module, "PATIENCE", 0.05)
    monkeypatch.setattr(os, "fdatasync", lambda fd: (gate.wait(), real(fd)))
    with pytest.raises(AuditUnavailable, match="does not answer"):
        await log.append({"id": "a"})
    gate.set()


async def test_a_caller_that_goes_away_harms_nobody(opened):
    log = opened()
    going = asyncio.get_running_loop().create_task(log.append({"id": "a"}))
    await asyncio.sleep(0)
    going.cancel()
    await log.append({"id": "b"})
    assert ids(log.path) == ["a", "b"]
    assert going.cancelled()


async def test_an_answer_that_a_crash_cut_off_is_told_of_at_the_next_start(opened, tmp_path):
    told = []
    log = opened()
    for name in "abc":
        log.begin(name, {"route": "chat"})
    await log.append({"id": "b"})
    log.end("b")
    log.close()
    again = opened(note=lambda event, **fields: told.append((event, fields.get("exchanges"))))
    again.close()
    lines = [json.loads(line) for line in log.path.read_bytes().splitlines()]
    assert [line["decision_id"] for line in lines if line.get("kind") == "interrupted"] == ["a", "c"]
    assert ("audit_interrupted", 2) in told
    assert not log.path.with_name("decisions.jsonl.open").exists()
    report = verify(log.path)
    assert report.fine
    assert report.notes == ("2 answers were cut off by a crash; the start after it wrote that down",)


@pytest.mark.parametrize("mode", ["best_effort", "off"])
async def test_only_a_required_log_keeps_track_of_the_open_ones(opened, tmp_path, mode):
    opened(mode).begin("a", {})
    assert not list(tmp_path.rglob("*.open"))


async def test_nothing_begins_on_a_full_disk(opened, disk):
    dropped = []
    log = opened(on_drop=dropped.append)
    disk.fault = errno.ENOSPC
    with pytest.raises(AuditUnavailable):
        log.begin("a", {})
    assert dropped == ["disk_full"]


async def test_the_writer_tries_again_by_itself_and_says_what_is_missing(opened, disk, monkeypatch):
    monkeypatch.setattr(module, "RETRY", 0.01)
    works = threading.Event()
    log = opened(note=lambda event, **_fields: event == "audit_works_again" and works.set())
    disk.fault = errno.ENOSPC
    for _ in range(3):
        with pytest.raises(AuditUnavailable):
            await log.append({"id": "lost"})
    assert (log.ready, log.state) == (False, "disk_full")
    disk.fault = 0
    assert await asyncio.to_thread(works.wait, 10)  # nobody wrote anything
    assert (log.ready, log.state) == (True, "ok")
    last = json.loads(log.path.read_bytes().splitlines()[-1])
    assert (last["kind"], last["count"], last["reasons"]) == ("dropped", 3, {"disk_full": 3})
    assert verify(log.path).fine


async def test_a_log_that_could_not_be_opened_is_opened_later(opened, disk, monkeypatch):
    monkeypatch.setattr(module, "RETRY", 0.01)
    works = threading.Event()
    disk.fault = errno.ENOSPC
    log = opened(note=lambda event, **_fields: event == "audit_works_again" and works.set())
    assert not log.ready
    disk.fault = 0
    assert await asyncio.to_thread(works.wait, 10)
    assert log.ready
    log.begin("a", {})
    assert log.path.with_name("decisions.jsonl.open").exists()


async def test_a_log_that_is_taken_away_or_locked_up(opened, disk, monkeypatch):
    """A descriptor that is open goes on; a file that must be opened anew does not."""
    log = opened()
    await log.append({"id": "a"})
    log.path.unlink()
    real = os.open

    def refuse(path, flags, *more, **named):
        if str(path).endswith(".jsonl"):
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(path, flags, *more, **named)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        with pytest.raises(AuditUnavailable):
            await log.append({"id": "b"})
        assert (log.ready, log.state) == (False, "io_error")
    await log.append({"id": "c"})
    assert log.ready
    assert ids(log.path) == ["c"]


async def test_a_best_effort_log_is_ready_whatever_happens(opened, disk):
    dropped = threading.Event()
    log = opened("best_effort", on_drop=lambda _reason: dropped.set())
    disk.fault = errno.ENOSPC
    await log.append({"id": "a"})
    assert await asyncio.to_thread(dropped.wait, 10)
    assert log.ready


async def test_off_writes_nothing(opened, tmp_path):
    await opened("off").append({"id": "a"})
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    where = tmp_path / "file" / "decisions.jsonl"
    with pytest.raises(SettingsError, match="cannot write the decision log"):
        AuditLog(where, "required", note=quiet)
    best = AuditLog(where, "best_effort", note=quiet)
    assert best.fault == "io_error"
    best.close()


PROGRAM = """
    import asyncio, sys
    from pathlib import Path
    from guardproxy.errors import AuditUnavailable
    from guardproxy.observe.audit import AuditLog

    log = AuditLog(Path(sys.argv[1]), "required", note=lambda event, **fields: None)

    async def one(name):
        try:
            await log.append({"id": name, "pad": "x" * 300})
        except AuditUnavailable:
            print(f"no {name}", flush=True)
        else:
            print(f"yes {name}", flush=True)

    async def work():
        number = 0
        while number < int(sys.argv[2]):
            await asyncio.gather(*(one(f"{sys.argv[3]}-{n}") for n in range(number, number + 20)))
            number += 20

    asyncio.run(work())
    log.close()
"""


def program(path, count, name="r"):
    return [sys.executable, "-c", textwrap.dedent(PROGRAM), str(path), str(count), name]


def answers(output, word):
    return [line.split()[1] for line in output.splitlines() if line.startswith(f"{word} ")]


KILLS = """
    import asyncio, json, os, random, signal, sys, time
    from pathlib import Path
    from guardproxy.observe.audit import AuditLog

    def write(path, name, pipe):
        log = AuditLog(path, "required", note=lambda event, **fields: None)

        async def one(name):
            await log.append({"id": name, "pad": "x" * 300})
            os.write(pipe, f"{name} ".encode())

        async def work():
            for number in range(0, 1_000_000, 20):
                await asyncio.gather(*(one(f"{name}-{n}") for n in range(number, number + 20)))

        asyncio.run(work())

    path, kills, chance = Path(sys.argv[1]), int(sys.argv[2]), random.Random(int(sys.argv[3]))
    acknowledged, slowest = [], 0.0
    for kill in range(kills):
        reader, writer = os.pipe()
        began = time.perf_counter()
        child = os.fork()
        if not child:
            write(path, f"run{kill}", writer)
        os.close(writer)
        said = os.read(reader, 1 << 16)  # it has acknowledged something
        slowest = max(slowest, time.perf_counter() - began)
        if not said:
            sys.exit("the writer died by itself")
        time.sleep(chance.uniform(0, 0.03))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        while more := os.read(reader, 1 << 16):
            said += more
        os.close(reader)
        acknowledged += said.decode().split(" ")[:-1]
    print(json.dumps({"acknowledged": acknowledged, "slowest": slowest}))
"""


def test_kill_minus_nine_loses_nothing_that_was_acknowledged(tmp_path):
    """The page cache survives a kill: that a sync came first is the strace test's business."""
    path, seed = tmp_path / "decisions.jsonl", 20261124
    print("seed", seed)
    harness = [sys.executable, "-c", textwrap.dedent(KILLS), str(path), "30", str(seed)]
    done = json.loads(subprocess.run(harness, stdout=subprocess.PIPE, timeout=120, check=True).stdout)
    assert len(done["acknowledged"]) > 300
    assert set(done["acknowledged"]) <= set(ids(path))
    assert done["slowest"] < 5  # start, recovery and first record
    AuditLog(path, "required", note=quiet).close()
    assert verify(path).fine
    assert verify(path).segments == 1


def test_a_file_size_limit_is_a_full_disk(tmp_path):
    path = tmp_path / "decisions.jsonl"

    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    done = subprocess.run(
        program(path, 100), stdout=subprocess.PIPE, text=True, preexec_fn=limited, timeout=30, check=True
    )
    assert 10 < len(answers(done.stdout, "yes")) < 60
    assert len(answers(done.stdout, "no")) > 40
    assert ids(path) == answers(done.stdout, "yes")
    assert verify(path).fine


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
def test_the_answer_leaves_after_write_and_fdatasync(tmp_path):
    """kill -9 cannot show this: what was written but not synced survives it in the page cache."""
    path, trace = tmp_path / "decisions.jsonl", tmp_path / "trace"
    strace = ["strace", "-f", "-s", "100000", "-o", str(trace), "-e", "trace=write,fdatasync"]
    subprocess.run([*strace, *program(path, 40)], stdout=subprocess.DEVNULL, timeout=60, check=True)
    written, synced, answered = set(), set(), []
    for line in trace.read_text().splitlines():
        if "fdatasync" in line and line.endswith("= 0"):
            synced |= written
        elif answer := re.search(r'write\(1, "yes ([\w-]+)', line):
            answered.append(answer[1])
            assert answer[1] in synced
        else:
            written |= set(re.findall(r'\{\\"id\\":\\"([^"\\]+)', line))
    assert len(answered) == 40
