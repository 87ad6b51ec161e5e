"""Every check of every file of a set: shapes, parents, detectors, texts, dates, and the policies' own tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType

from guardproxy.core.rules import Policy
from guardproxy.policy import shipped
from guardproxy.policy.cataloguelint import check_catalogue
from guardproxy.policy.compile import content_hash, get, part, policy_of
from guardproxy.policy.compose import Composer, Effective
from guardproxy.policy.coverage import check_coverage
from guardproxy.policy.document import Document
from guardproxy.policy.folder import Folder, read_folder, shipped_finder
from guardproxy.policy.hearing import Hearing, World
from guardproxy.policy.problems import Problem, Problems
from guardproxy.policy.selection import Applies, check_equal, in_force
from guardproxy.policy.selftest import Inspect, Run, SelfTest, State, check_names
from guardproxy.policy.upkeep import advise, check_exceptions, check_levels, check_streaming
from guardproxy.policy.wordsused import check_lists, check_texts
from guardproxy.policy.written import Written


@dataclass(frozen=True, slots=True)
class Compiled:
    """One policy ready to run, with what selection and tests need."""

    policy: Policy
    document: Document
    applies: Applies
    tests: tuple[Written, ...]
    effective: Effective


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of one or several paths. `compiled` holds the policies that have no error, `texts` the files as read."""

    compiled: tuple[Compiled, ...]
    problems: tuple[Problem, ...]
    runs: tuple[Run, ...]
    texts: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def errors(self) -> tuple[Problem, ...]:
        """What refuses the set."""
        return tuple(row for row in self.problems if row.is_error)


def check(paths: Sequence[Path], world: World, inspect: Inspect | None, *, live: Inspect | None = None) -> Checked:
    """Reads, checks, compiles and tests everything. Each path is a set of its own; parents are found in all.

    `inspect` makes the instant detectors of a policy (None: no tests are run), `live` all of them.
    """
    problems = Problems()
    folders = [read_folder(path, problems, world.signers) for path in paths]
    find_shipped = shipped_finder(problems)
    everywhere = {d.name: d for folder in reversed(folders) for d in reversed(folder.documents)}
    unreadable = frozenset().union(*(folder.unreadable for folder in folders))
    words = words_digest(shipped.directory())
    compiled: list[Compiled] = []
    for folder in folders:
        own = {**everywhere, **{d.name: d for d in reversed(folder.documents)}}
        composer = Composer(own, unreadable, find_shipped, problems)
        compiled += _checked_folder(folder, composer, world, words, problems)
    runs = _tested(compiled, world, inspect, problems, live=live) if inspect is not None else ()
    texts = {file: text for folder in folders for file, text in folder.texts.items()}
    return Checked(tuple(compiled), problems.sorted(), runs, MappingProxyType(texts))


def _checked_folder(folder: Folder, composer: Composer, world: World, words: str, problems: Problems) -> list[Compiled]:
    compiled: list[Compiled] = []
    shipped_here = folder.place.resolve() == shipped.directory().resolve()
    for document in folder.documents:
        made = composer.effective(document)
        if document.name in shipped.NAMES and not shipped_here:
            place = document.place_of("policy")
            problems.warning("GP709", place, f'this hides the shipped policy "{document.name}"', "rename it")
        if made is None:
            continue
        _check_policy(made, world, problems, lenient=shipped_here)
        if made.sound and not any(row.place.file == str(document.file) for row in problems.errors):
            compiled.append(_compiled(made, words))
    check_equal([c.applies for c in compiled], problems)
    if folder.path.is_dir() and len(compiled) == len(folder.documents) and not world.serving:
        _check_applied(compiled, problems)
    if folder.path.is_dir():
        check_lists(folder.path, _lists_used(folder.documents), problems)
    if (folder.path / "messages").is_dir() and not world.serving:  # the service reads its texts by itself
        check_catalogue(folder.path, world.today, problems)
    return compiled


def _check_policy(made: Effective, world: World, problems: Problems, *, lenient: bool) -> None:
    check_levels(made, problems)
    check_streaming(made, problems)
    check_exceptions(made, world, problems)
    Hearing(world, problems, lenient=lenient).check(made)
    check_texts(made, problems)
    check_names(made.document.tests, (rule.id for rule in made.rules), problems)
    advise(made, problems)
    check_coverage(made, problems)


def _check_applied(compiled: Sequence[Compiled], problems: Problems) -> None:
    """GP711 for GP308: a folder of several policies none of which applies to anything. To serve it is refused."""
    if compiled and not in_force([c.applies for c in compiled]):
        message = "none of these policies applies to anything (GP308)"
        problems.warning("GP711", compiled[0].document.top, message, "give one of them `applies_to:`")


def _lists_used(documents: Iterable[Document]) -> set[str]:
    return {w.fields["words"].value.listed for d in documents for w in d.rules if "words" in w.fields}


def _compiled(made: Effective, words: str) -> Compiled:
    document = made.document
    content = content_hash(made.fields, (rule.fields for rule in made.rules), document.exceptions, words)
    policy = policy_of(made.fields, made.compiled, document.exceptions, content)
    applies = part(document.fields, "applies_to")
    where = Applies(
        policy=policy,
        written="applies_to" in document.fields,
        routes=get(applies, "routes", ("*",)),
        tenants=get(applies, "tenants", ("*",)),
        parent=document.parent,
        place=document.place_of("applies_to"),
    )
    return Compiled(policy, document, where, document.tests, made)


def _tested(
    compiled: Iterable[Compiled], world: World, inspect: Inspect, problems: Problems, *, live: Inspect | None
) -> tuple[Run, ...]:
    """GP507 for each test that fails."""
    now = datetime(world.today.year, world.today.month, world.today.day, tzinfo=UTC).timestamp()
    runs = []
    for one in compiled:
        if not one.tests:
            continue
        asks = live(one.policy) if live is not None else None
        run = SelfTest(one.policy, inspect(one.policy), world.detectors, now, asks).run(one.tests)
        for result in run.results:
            if result.state is State.FAILED:
                problems.error("GP507", result.place, f'test "{result.name}": {result.why}')
        inherited = (rule.id for rule in one.effective.rules if rule.home != one.document.name)
        runs.append(replace(run, inherited=frozenset(inherited)))
    return tuple(runs)


def words_digest(directory: Path) -> str:
    """Names the catalogue and help-line data in use: part of each policy's hash."""
    files = [*sorted((directory / "messages").glob("*.yaml")), directory / "data" / "helplines.yaml"]
    digest = sha256()
    for file in files:
        if file.is_file():
            digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()
