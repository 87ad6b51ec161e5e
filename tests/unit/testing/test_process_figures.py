"""What /proc says, and lines through points."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from guardproxy.testing.process_figures import Figures, ended, resident, run_time, slope, tree


def test_this_process_has_memory_descriptors_and_threads():
    figures = Figures.of(os.getpid())
    assert figures.resident > 5
    assert figures.descriptors > 2
    assert figures.threads >= 1
    with Path(os.devnull).open(encoding="utf-8"):
        assert Figures.of(os.getpid()).descriptors == figures.descriptors + 1


@pytest.mark.parametrize(
    ("points", "wanted"),
    [([], 0.0), ([(1, 5)], 0.0), ([(1, 5), (1, 9)], 0.0), ([(0, 1), (1, 3), (2, 5)], 2.0), ([(0, 4), (2, 0)], -2.0)],
)
def test_a_line_through_points(points, wanted):
    assert slope(points) == pytest.approx(wanted)


def test_a_child_belongs_to_the_tree_and_its_time_counts():
    busy = "import sys\nfor n in range(3_000_000): pass\nprint(flush=True)\nsys.stdin.read()"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {busy!r}])"
    piped = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", parent], **piped) as process:
        process.stdout.readline()
        pids = tree(process.pid)
        assert (pids[0], len(pids)) == (process.pid, 2)
        assert run_time(pids) > run_time(pids[1:]) > 0.01
        assert resident(pids) > resident(pids[:1]) > 1
        assert not ended(process.pid)
        process.stdin.close()
        process.stdout.read()
    assert ended(process.pid)


def test_who_has_ended_has_ended_before_anybody_asks_how():
    with subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE) as process:
        process.stdout.read()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert ended(process.pid)
