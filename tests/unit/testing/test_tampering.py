"""Five hundred changes of the ten thousand that `make tampering` makes, and whether the forger is any good."""

import random

from guardproxy.testing.tampering import KINDS, SEED, main, tamper, written


def test_every_change_is_found(tmp_path):
    target = written(tmp_path)
    assert target.checked().fine
    tally = tamper(target, 506, SEED)
    assert tally.unseen == []
    assert dict(tally.made) == dict.fromkeys(KINDS, 22)
    assert target.checked().fine


def test_the_forger_fits_the_chain_and_only_an_anchor_shows(tmp_path):
    target = written(tmp_path)
    files = {name: list(lines) for name, lines in target.files.items()}
    KINDS["the tail cut at a line's border"](random.Random(1), files)
    target.put(files)
    faults = {fault.what for fault in target.checked().faults}
    assert faults
    assert all("is not the one its anchor names, or was cut off" in what for what in faults)


def test_the_table(capsys):
    assert main(["--count", "23"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "| all | 23 | 23 |"
    assert len(lines) == 2 + len(KINDS) + 1
