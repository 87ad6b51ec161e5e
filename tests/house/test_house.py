"""The house rules that no other tool checks: sizes, imports, edges, signatures, one test file a module, no strays.

A table of exceptions is part of its rule: each row says why, and a row that is no longer needed is a failure.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

from guardproxy.observe import metrics
from guardproxy.policy import codes
from guardproxy.proxy import openapi
from guardproxy.wire import fields

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "guardproxy"
UNIT = ROOT / "tests" / "unit"
MOST_LINES, MOST_IN_A_FUNCTION, MOST_ARGUMENTS = 400, 60, 6
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """A file of the package. `name` is its path below the package, such as `core/rules.py`."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.relative_to(PACKAGE).as_posix()

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    def every(self, *kinds: type[ast.AST]) -> Iterator[ast.AST]:
        return (node for node in ast.walk(self.tree) if isinstance(node, kinds))

    def functions(self) -> Iterator[Function]:
        return self.every(ast.FunctionDef, ast.AsyncFunctionDef)


MODULES = tuple(Module(path) for path in sorted(PACKAGE.rglob("*.py")))


def held(found: set[str], table: dict[str, str], rule: str) -> None:
    """What was found is exactly what the table allows."""
    assert sorted(found - table.keys()) == [], rule
    assert sorted(table.keys() - found) == [], "no longer needed in the table"


def arguments_of(function: Function) -> list[ast.arg]:
    given = function.args
    plain = [*given.posonlyargs, *given.args, *given.kwonlyargs, *filter(None, [given.vararg, given.kwarg])]
    return [a for a in plain if a.arg not in ("self", "cls")]


# 1 ── sizes (style.md 13)


def test_no_file_is_longer_than_400_lines():
    held({m.name for m in MODULES if len(m.text.splitlines()) > MOST_LINES}, {}, "a noun is missing: split the file")


def test_no_function_is_longer_than_60_lines():
    found = {
        f"{m.name}:{f.name}"
        for m in MODULES
        for f in m.functions()
        if (f.end_lineno or f.lineno) - f.lineno + 1 > MOST_IN_A_FUNCTION
    }
    held(found, {}, "a verb is missing: split the function")


MANY_ARGUMENTS = {
    "cli/audit.py:forget": "typer makes one command-line option of each parameter",
    "cli/audit.py:prune": "the same",
    "cli/diff.py:diff": "the same",
    "cli/explain.py:explain": "the same",
    "cli/serve.py:serve": "the same",
}


def test_no_function_takes_more_than_6_arguments():
    found = {f"{m.name}:{f.name}" for m in MODULES for f in m.functions() if len(arguments_of(f)) > MOST_ARGUMENTS}
    held(found, MANY_ARGUMENTS, "a dataclass is missing")


# 2 ── imports (style.md 14)

HEAVY_INSIDE = {
    f"state/redis.py:connect: {name}": "an extra, and 100 ms of imports for who does not use it"
    for name in ("redis", "redis.asyncio.retry", "redis.backoff")
} | {
    f"detectors/names.py:__init__: {name}": "40 MB and 100 ms for who does not look for names"
    for name in ("onnxruntime", "tokenizers")
}
"""`file:function: module` of third-party imports inside functions."""


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) and node.level == 0 else []


def inner_imports() -> Iterator[tuple[str, str]]:
    for module in MODULES:
        for function in module.functions():
            for node in ast.walk(function):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    for name in imported(node) or ["guardproxy"]:
                        yield f"{module.name}:{function.name}: {name}", name.partition(".")[0]


def test_no_import_of_ours_or_of_the_standard_library_inside_a_function():
    cheap = {place for place, top in inner_imports() if top == "guardproxy" or top in sys.stdlib_module_names}
    held(cheap, {}, "it hides who calls on whom")


def test_heavy_imports_inside_functions_are_listed():
    heavy = {p for p, top in inner_imports() if top != "guardproxy" and top not in sys.stdlib_module_names}
    held(heavy, HEAVY_INSIDE, "list it with its reason, or move it to the top")


def test_imports_name_the_whole_path():
    found = {m.name for m in MODULES for n in m.every(ast.ImportFrom) if n.level}
    held(found, {}, "a relative import hides its room from import-linter's readers")


RE_IMPORTED = {
    **dict.fromkeys(
        ("training/__main__.py", "training/labels.py", "training/rows.py", "training/seeds.py"),
        "offline, over our own corpora; no client text comes here",
    ),
    "core/canonical/fixed.py": "patterns of ours, each held to linear cost by tests/unit/core/canonical/test_fixed.py",
}


def test_nobody_imports_re():
    found = {m.name for m in MODULES for n in m.every(ast.Import, ast.ImportFrom) if "re" in imported(n)}
    held(found, RE_IMPORTED, "client text meets RE2, hyperscan or linear code of ours")


# 3 ── edges (style.md 7)

BROAD = {
    "proxy/app.py": "the request edge",
    "detectors/bench.py": "the detector edge: plain detectors and model detectors",
}
BROAD_BUT_RAISED = {
    "proxy/exchange.py": "writes down that the exchange was cut off, and raises again",
}


def broad_handlers(*, raised: bool) -> set[str]:
    found = set()
    for module in MODULES:
        for node in module.every(ast.ExceptHandler):
            named = {n.id for n in ast.walk(node.type) if isinstance(n, ast.Name)} if node.type else {"BaseException"}
            last = node.body[-1]
            again = isinstance(last, ast.Raise) and last.exc is None
            if named & {"Exception", "BaseException"} and again is raised:
                found.add(module.name)
    return found


def test_everything_is_caught_at_two_edges_only():
    held(broad_handlers(raised=False), BROAD, "name the exception")


def test_what_is_caught_elsewhere_is_raised_again():
    held(broad_handlers(raised=True), BROAD_BUT_RAISED, "name the exception")


def test_nothing_is_suppressed_wholesale():
    found = {
        m.name
        for m in MODULES
        for n in m.every(ast.Call)
        if ast.unparse(n.func).endswith("suppress")
        and {"Exception", "BaseException"} & {ast.unparse(a) for a in n.args}
    }
    held(found, {}, "name the exception")


# 4 ── signatures of the cellar (style.md 2)

LOOSE_SIGNATURES = {
    "core/canonical/cipher.py:shifted": "a translation table of str.translate; nothing else takes its place",
    "core/canonical/cipher.py:translated": "the same",
    "core/canonical/fold.py:key_words": "the same",
    "core/canonical/offsets.py:PieceMaker": "the same",
}


def public_functions(module: Module) -> Iterator[tuple[str, Function]]:
    for node in module.tree.body:
        if isinstance(node, Function) and not node.name.startswith("_"):
            yield node.name, node
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            for inner in node.body:
                if isinstance(inner, Function) and (inner.name == "__init__" or not inner.name.startswith("_")):
                    yield node.name if inner.name == "__init__" else f"{node.name}.{inner.name}", inner


def is_loose(annotation: ast.expr) -> bool:
    for node in ast.walk(annotation):
        if isinstance(node, ast.Name) and node.id in {"dict", "Dict", "Any", "object", "defaultdict"}:
            return True
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "tuple" and isinstance(node.slice, ast.Tuple):
            fixed = [e for e in node.slice.elts if not (isinstance(e, ast.Constant) and e.value is Ellipsis)]
            if len(fixed) > 2:
                return True
    return False


def core_functions() -> Iterator[tuple[str, Function]]:
    for module in MODULES:
        if module.name.startswith("core/"):
            for name, function in public_functions(module):
                yield f"{module.name}:{name}", function


def test_signatures_of_core_hold_no_dict_no_tuple_of_three_no_any():
    found = set()
    for place, function in core_functions():
        annotations = [a.annotation for a in arguments_of(function)] + [function.returns]
        if any(is_loose(a) for a in annotations if a is not None):
            found.add(place)
    held(found, LOOSE_SIGNATURES, "a type is missing")


LOOSE_TYPES = {
    "core/canonical/erase.py:_Run": "a stretch between two direction marks, filled while it is read; it never leaves the file",
    "core/canonical/readings.py:Readings": "filled while a text is read, then only read",
    "core/windows.py:Asked": "the moderator's own note of an open window; it never leaves the moderator",
}


def test_core_types_are_frozen_and_slotted():
    found = set()
    for module in MODULES:
        if not module.name.startswith("core/"):
            continue
        for node in module.every(ast.ClassDef):
            made = [ast.unparse(d) for d in node.decorator_list if "dataclass" in ast.unparse(d)]
            if made and not ("frozen=True" in made[0] and "slots=True" in made[0]):
                found.add(f"{module.name}:{node.name}")
    held(found, LOOSE_TYPES, "frozen=True, slots=True")


# 5 ── one test file a module, same name (style.md 10)

COVERED_THROUGH = {
    "__main__.py": "tests/e2e/conftest.py starts every proxy with `python -m guardproxy`",
    "cli/main.py": "tests/e2e/test_chat.py, tests/e2e/test_faults.py (exit codes)",
    "cli/serve.py": "tests/e2e/test_chat.py",
    "core/canonical/cipher.py": "tests/unit/core/canonical/test_readings.py",
    "core/canonical/codecs.py": "tests/unit/core/canonical/test_readings.py",
    "core/canonical/decode.py": "tests/unit/core/canonical/test_readings.py",
    "core/canonical/escapes.py": "tests/unit/core/canonical/test_readings.py",
    "core/canonical/legible.py": "tests/unit/core/canonical/test_readings.py",
    "core/canonical/numbers.py": "tests/unit/core/canonical/test_readings.py",
    "core/canonical/plausible.py": "tests/unit/core/canonical/test_readings.py",
    "core/canonical/runs.py": "tests/unit/core/canonical/test_readings.py",
    "core/canonical/signs.py": "tests/unit/core/canonical/test_readings.py",
    "core/canonical/smuggle.py": "tests/unit/core/canonical/test_readings.py, tests/unit/core/canonical/test_strip.py",
    "core/canonical/tables.py": "tests/unit/core/canonical/test_fold.py",
    "detectors/base.py": "two protocols; mypy and tests/unit/detectors/test_registry.py",
    "detectors/beginnings.py": "tests/unit/detectors/test_textrules.py, tests/property/test_textrules.py",
    "detectors/runsearch.py": "tests/unit/detectors/test_textrules.py, tests/property/test_textrules.py",
    "detectors/streamscan.py": "tests/unit/detectors/test_textrules.py, tests/property/test_textrules.py",
    "detectors/wordsearch.py": "tests/unit/detectors/test_textrules.py, tests/property/test_textrules.py",
    "detectors/worker.py": "tests/unit/detectors/test_pool.py (the real worker), tests/unit/detectors/test_embedded.py",
    "proxy/answering.py": "tests/e2e/test_chat.py, tests/property/test_moderator.py",
    "proxy/exchange.py": "tests/unit/proxy/test_app.py, tests/unit/proxy/test_moderating.py, tests/e2e/test_faults.py",
    "proxy/flow.py": "tests/e2e/test_chat.py, tests/e2e/test_faults.py, tests/unit/proxy/test_app.py",
    "proxy/start.py": "tests/unit/proxy/conftest.py opens a hall with it; tests/e2e/test_faults.py",
    "proxy/target.py": "tests/unit/proxy/test_upstream.py",
    "proxy/looping.py": "tests/e2e/conftest.py: every proxy runs so",
    "proxy/plain.py": "tests/e2e/test_chat.py, tests/e2e/test_regenerate.py",
    "proxy/upstream_aiohttp.py": "tests/unit/proxy/test_upstream.py",
    "proxy/streaming.py": "tests/e2e/test_chat.py, tests/e2e/test_faults.py, tests/e2e/test_cases.py",
    "proxy/workers/crew.py": "tests/e2e/test_workers.py",
    "proxy/workers/inherited.py": "tests/unit/proxy/workers/conftest.py opens a hall with it; tests/e2e/test_workers.py",
    "proxy/workers/worker.py": "tests/e2e/test_workers.py",
    "testing/bench/__main__.py": "the command of `make bench`; tests/e2e/test_measuring.py",
    "testing/bench/guards.py": "tests/e2e/test_cost.py",
    "testing/bench/models.py": "a part of `make bench`",
    "testing/bench/peers.py": "a part of `make bench-peers`; tests/unit/testing/bench/test_page.py",
    "testing/bench/relay.py": "tests/e2e/test_measuring.py",
    "testing/bench/rounds.py": "tests/e2e/test_measuring.py",
    "testing/bench/subjects.py": "tests/e2e/test_measuring.py",
    "testing/bench/track.py": "tests/e2e/test_measuring.py",
    "testing/benign.py": "a report: `make evasion`",
    "testing/clients/__main__.py": "the command of `make clients`",
    "testing/crash.py": "tests/e2e/test_crash.py",
    "testing/clients/asking.py": "tests/e2e/test_client_families.py",
    "testing/clients/families.py": "tests/e2e/test_client_families.py",
    "testing/clients/house.py": "tests/e2e/test_client_families.py",
    "testing/demo_process.py": "tests/e2e/test_demo.py",
    "testing/log_pace.py": "tests/e2e/test_log_pace.py",
    "testing/crashing_worker.py": "tests/e2e/test_fault_matrix.py",
    "testing/fault_matrix.py": "tests/e2e/test_fault_matrix.py",
    "testing/fault_proxy.py": "tests/e2e/test_weather.py, tests/e2e/test_wire_law.py",
    "testing/fault_rows.py": "tests/e2e/test_fault_matrix.py",
    "testing/faulty_serve.py": "tests/e2e/test_fault_matrix.py",
    "testing/loop_server.py": "tests/e2e/test_callers.py, tests/e2e/test_weather.py",
    "testing/loop_upstream.py": "tests/e2e/test_callers.py, tests/e2e/test_fault_matrix.py",
    "testing/overload.py": "tests/e2e/test_overload.py",
    "testing/raw_client.py": "tests/e2e/test_callers.py, tests/e2e/test_drain.py",
    "testing/slow_streams.py": "tests/e2e/test_slow_streams.py",
    "testing/soak.py": "a report: `make soak`",
    "testing/wire_law.py": "tests/e2e/test_wire_law.py",
    "testing/workers_bench.py": "a report: `make workers-bench`",
    "core/canonical/groups.py": "tests/unit/core/canonical/test_readings.py, tests/property/test_textrules.py",
    "testing/disguises/between.py": "tests/unit/testing/test_evasion_bench.py draws from every family",
    "testing/disguises/ciphers.py": "the same",
    "testing/disguises/encodings.py": "the same",
    "testing/disguises/escapes.py": "the same",
    "testing/disguises/families.py": "the same",
    "testing/disguises/letters.py": "the same",
    "testing/disguises/markup.py": "the same",
    "testing/disguises/shapes.py": "the same",
    "testing/evasion.py": "tests/unit/testing/test_evasion_bench.py",
    "testing/evasion_page.py": "tests/unit/cli/test_bench.py",
    "testing/harmless.py": "tests/unit/testing/test_evasion_bench.py",
    "testing/mutations/__main__.py": "the command of `make mutations`; tests/unit/testing/mutations/test_listing.py",
    "testing/mutations/ladders.py": "a table: tests/unit/testing/mutations/test_listing.py",
    "testing/mutations/layout.py": "a table: tests/unit/testing/mutations/test_listing.py",
    "testing/mutations/parents.py": "a table: tests/unit/testing/mutations/test_listing.py",
    "testing/mutations/phrases.py": "a table: tests/unit/testing/mutations/test_listing.py",
    "testing/mutations/reach.py": "a table: tests/unit/testing/mutations/test_listing.py",
    "testing/mutations/rules.py": "a table: tests/unit/testing/mutations/test_listing.py",
    "testing/mutations/selftests.py": "a table: tests/unit/testing/mutations/test_listing.py",
    "testing/mutations/spelling.py": "a table: tests/unit/testing/mutations/test_listing.py",
    "testing/mutations/talk.py": "a table: tests/unit/testing/mutations/test_listing.py",
    "testing/messages_play.py": "tests/wire/test_moderated_messages.py",
    "testing/protocol/__main__.py": "tests/e2e/test_protocol.py",
    "testing/protocol/bodies.py": "tests/unit/testing/protocol/test_families.py, tests/e2e/test_protocol.py",
    "testing/protocol/framing.py": "tests/unit/testing/protocol/test_families.py, tests/e2e/test_protocol.py",
    "testing/protocol/pressure.py": "tests/e2e/test_protocol.py",
    "testing/protocol/sequences.py": "tests/unit/testing/protocol/test_families.py, tests/e2e/test_protocol.py",
    "testing/protocol/targets.py": "tests/unit/testing/protocol/test_families.py, tests/e2e/test_protocol.py",
    "testing/nursery.py": "tests/e2e/test_crash.py",
    "testing/pii_report.py": "a report: `python -m guardproxy.testing.pii_report`",
    "testing/proxy_process.py": "tests/e2e/test_client_families.py",
    "testing/tenancy.py": "a report: `make tenancy`",
    "testing/redis_server.py": "tests/unit/state/conftest.py starts one with it, and tests/e2e/test_shared_state.py",
    "testing/reload_storm.py": "tests/e2e/test_reload_storm.py",
    "training/__main__.py": "needs the extra `train`: `make train`; its steps without torch have tests",
    "training/ablation.py": "needs the extra `train`",
    "training/classifier.py": "needs the extra `train`",
    "training/embed.py": "needs the extra `train`",
    "training/encoder.py": "needs the extra `train`",
    "training/exchange.py": "needs the extra `train`",
    "training/finetune.py": "needs the extra `train`",
    "training/ngrams.py": "needs the extra `train`",
    "training/shipping.py": "needs the extra `train`; what it ships is tested in tests/unit/detectors/test_scorer.py",
    "wire/answer_schemas.py": "tests/e2e/test_openapi.py, tests/unit/proxy/test_openapi.py",
    "wire/request_schemas.py": "tests/e2e/test_openapi.py, tests/unit/proxy/test_openapi.py",
    "training/work.py": "needs the extra `train`",
}

WITHOUT_A_MODULE = {
    "demo/test_corpus.py": "the corpus and the demo's policy, which are data",
    "policies/test_readme.py": "the page for safety officers",
    "policies/test_shipped.py": "the shipped policies, which are data",
    "policy/test_cases.py": "the case kit's policy files",
}


def test_file_of(module: str) -> str:
    folder, _, name = module.rpartition("/")
    return f"{folder}/test_{name}" if folder else f"test_{name}"


test_file_of.__test__ = False


def test_each_module_has_its_test_file_or_says_who_covers_it():
    names = {m.name for m in MODULES if m.path.name != "__init__.py"}
    held({n for n in names if not (UNIT / test_file_of(n)).exists()}, COVERED_THROUGH, "write its test")


def test_each_test_file_has_its_module():
    wanted = {test_file_of(m.name) for m in MODULES}
    files = {p.relative_to(UNIT).as_posix() for p in UNIT.rglob("test_*.py")}
    held(files - wanted, WITHOUT_A_MODULE, "named after nothing")


def test_what_covers_a_module_is_there():
    named = {path for why in COVERED_THROUGH.values() for path in re.findall(r"tests/[\w/]+\.py", why)}
    assert sorted(path for path in named if not (ROOT / path).exists()) == []


# 6 ── generated pages

PAGES = {
    "codes.md": codes.markdown,
    "metrics.md": metrics.markdown,
    "fields.md": fields.markdown,
    "openapi.json": openapi.text,
}


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_up_to_date(name: str):
    made: Callable[[], str] = PAGES[name]
    page = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert page == made(), f"python -m {made.__module__} > docs/{name}"


# 7 ── strays

MAY_PRINT = ("cli/", "demo/", "training/", "testing/", "console/")
PRINTS = {
    "policy/codes.py": "the command that prints docs/codes.md",
}


def calls(module: Module) -> set[str]:
    return {ast.unparse(node.func) for node in module.every(ast.Call)}


def test_only_commands_print():
    found = {m.name for m in MODULES if "print" in calls(m) and not m.name.startswith(MAY_PRINT)}
    held(found, PRINTS, "log it, or say it in an answer")


def test_nobody_sleeps_in_a_thread():
    found = {m.name for m in MODULES if "time.sleep" in calls(m)}
    found |= {
        m.name
        for m in MODULES
        for n in m.every(ast.ImportFrom)
        if n.module == "time" and any(alias.name == "sleep" for alias in n.names)
    }
    held(found, {}, "wait for what you wait for")


def test_no_test_sleeps():
    found = set()
    for path in sorted((ROOT / "tests").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("time.sleep", "sleep"):
                found.add(path.relative_to(ROOT).as_posix())
    held(found, {}, "wait for what you wait for")


NOT_A_NAME = {"utils", "helpers", "manager", "util", "helper", "misc", "common"}


def test_files_are_named_after_what_they_are():
    held({m.name for m in MODULES if NOT_A_NAME & set(m.path.stem.split("_"))}, {}, "which noun is it?")


def test_nothing_is_left_to_do():
    word = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    held({m.name for m in MODULES if word.search(m.text)}, {}, "do it or say what falls short")


def test_every_module_says_what_it_is():
    held({m.name for m in MODULES if not ast.get_docstring(m.tree)}, {}, "a first line")
