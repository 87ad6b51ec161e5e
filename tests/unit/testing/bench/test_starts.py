"""Megabytes on disk."""

from guardproxy.testing.bench.starts import environment, installed
from guardproxy.testing.bench.subjects import ROOT


def test_what_is_installed_is_this_package_and_its_lock():
    assert installed(ROOT / "requirements.lock") > 50


def test_a_lock_that_names_something_twice_counts_it_once(tmp_path):
    lock = tmp_path / "one.lock"
    lock.write_text("numpy==2.3.0 ; a\nnumpy==2.4.0 ; b\nno-such-thing==1.0\n")
    twice = installed(lock)
    lock.write_text("numpy==2.3.0\n")
    assert twice == installed(lock)


def test_an_environment_is_counted_without_its_tools(tmp_path):
    packages = tmp_path / "lib" / "python3.11" / "site-packages"
    for name in ("pip/big.py", "setuptools/big.py", "ours/small.py"):
        (packages / name).parent.mkdir(parents=True)
        (packages / name).write_bytes(b"x" * (3_000_000 if "big" in name else 1_000_000))
    assert environment(tmp_path) == 1.0
