"""`guardproxy audit verify|subject|forget|prune FILE`: the decision log, checked, and shortened without breaking its chain."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from guardproxy.errors import SettingsError, UsageError
from guardproxy.observe.anchors import EVENT, Anchor, anchors_of, beside, of_log, read_anchors
from guardproxy.observe.audit_file import Link
from guardproxy.observe.entry import subject_key
from guardproxy.observe.erasure import Erased, Keep, Order, erase, log_of, retire
from guardproxy.observe.outcome import subject_of
from guardproxy.observe.verify import Report, Trust, parse_anchor, summary, verify
from guardproxy.proxy.settings import TENANT

PATIENCE = 40

app = typer.Typer(no_args_is_help=True, help="The decision log.")

File = Annotated[Path, typer.Argument(help="the decision log; older segments beside it are read first")]
AnchorKey = Annotated[str | None, typer.Option(help="variable with the key of audit.anchor_key_env")]
AnchorsAt = Annotated[Path | None, typer.Option(help="folder of the anchors, as in audit.anchors")]
Actor = Annotated[str, typer.Option(help="who wants it; kept in the log of erasures")]
Because = Annotated[str, typer.Option(help="why; kept in the log of erasures")]


@app.callback()
def about() -> None:
    """The decision log."""


@app.command("verify")
def verify_file(
    file: File,
    anchor: Annotated[list[str] | None, typer.Option(help="SEQ:HASH that must be in the log; may be repeated")] = None,
    anchors: Annotated[
        list[Path] | None,
        typer.Option(help="a file of anchors, a structured log, or a folder of anchors; without it FILE.anchors"),
    ] = None,
    key_env: Annotated[
        list[str] | None, typer.Option(help="variable with a key: anchors and erasures must be signed with one of them")
    ] = None,
    after: Annotated[
        str | None, typer.Option(help="SEQ:HASH before the log's first record, when it is archived")
    ] = None,
) -> None:
    """Finds edits, deletions, reordering and cut tails. Exit 0: whole. Exit 1: not."""
    keys = tuple(_key(variable) for variable in key_env or ())
    named = [_link_option("--anchor", text) for text in anchor or ()]
    folder = next((place for place in anchors or () if place.is_dir()), None)
    try:
        places = anchors or [beside(file, None)]
        known = _anchors(file, places)
        start = _link_option("--after", after) if after else None
        trust = Trust(tuple(known), keys, tuple(named), start, folder)
        report = _caught_up(verify(file, trust), lambda: _anchors(file, places))
    except OSError as error:
        raise UsageError(f"cannot read {error.filename or file}: {error.strerror}") from None
    for line in summary(file, report):
        print(line)
    raise typer.Exit(0 if report.fine else 1)


@app.command("subject")
def subject(
    safety_identifier: Annotated[str | None, typer.Option(help="the end user, as the client names them")] = None,
    session: Annotated[str | None, typer.Option(help="the value of x-guardproxy-session")] = None,
    tenant: Annotated[str, typer.Option(help="whose user that is")] = TENANT,
    hmac_key_env: Annotated[str, typer.Option(help="variable with the key of audit.hmac_key_env")] = "",
) -> None:
    """Prints how the decision log calls an end user, for `forget`. Needs the key of the service."""
    named = [("safety_identifier", safety_identifier), ("header", session)]
    given = [(source, value) for source, value in named if value]
    if len(given) != 1:
        raise UsageError("say --safety-identifier or --session")
    print(subject_key(_key(hmac_key_env), subject_of(tenant, *given[0])))


@app.command("forget")
def forget(  # noqa: PLR0917 - one parameter an option
    file: File,
    actor: Actor,
    because: Because,
    subject: Annotated[list[str] | None, typer.Option(help="hmac:…, as `audit subject` prints it")] = None,
    decision_id: Annotated[list[str] | None, typer.Option(help="one decision")] = None,
    key_env: AnchorKey = None,
    anchors: AnchorsAt = None,
) -> None:
    """Erases decisions; tombstones stay, so the chain does. Exit 1: a running service holds some of them."""
    subjects, ids = frozenset(subject or ()), frozenset(decision_id or ())
    if not subjects and not ids:
        raise UsageError("say --subject or --decision-id")

    def wanted(record: Mapping[str, Any]) -> bool:
        return record.get("subject") in subjects or record.get("decision_id") in ids

    order = _order(actor, because, key_env, anchors)
    done = _do(file, lambda: erase(file, wanted, order))
    print(f"{file}: {done.records} records erased in {done.segments} segments; {log_of(file).name} says so")
    if done.held:
        print(
            f"  {done.held} more stand in {file.name}, which a running service writes: run this again when that segment"
            " was set aside (audit.segment_hours), or stop the service first"
        )
        raise typer.Exit(1)


@app.command("prune")
def prune(  # noqa: PLR0917 - one parameter an option
    file: File,
    actor: Actor,
    because: Because = "retention",
    keep_days: Annotated[float, typer.Option(min=0, help="segments whose youngest record is older go")] = 0,
    keep_mib: Annotated[int, typer.Option(min=0, help="the oldest segments go until all are smaller")] = 0,
    key_env: AnchorKey = None,
    anchors: AnchorsAt = None,
) -> None:
    """Removes old segments that were set aside, all but their headers."""
    if not (keep_days or keep_mib):
        raise UsageError("say --keep-days or --keep-mib")
    order = _order(actor, because, key_env, anchors)
    done = _do(file, lambda: retire(file, Keep(keep_days, keep_mib * 1024 * 1024), order))
    print(f"{file}: {done.records} records of {done.segments} segments removed")


def _do(file: Path, work: Callable[[], Erased]) -> Erased:
    if not file.exists():
        raise UsageError(f"cannot read {file}: no such file")
    try:
        return work()
    except BlockingIOError:
        raise UsageError(f"{log_of(file)} is in use: another erasure is at work, try again") from None
    except OSError as error:
        raise UsageError(f"cannot write {error.filename or file}: {error.strerror}") from None


def _order(actor: str, because: str, key_env: str | None, anchors: Path | None) -> Order:
    if not actor.strip() or not (actor + because).isprintable():
        raise UsageError("--actor and --because are printable, and somebody has a name")
    key = _key(key_env) if key_env else b""
    return Order(actor, because, time.time, _tell, key, anchors)  # noqa: TID251 - a command is an edge


def _tell(event: str, **fields: object) -> None:
    """What an operator should know of; that the erasures got an anchor is no news."""
    if event != EVENT:
        print(f"guardproxy: {event} {fields}", file=sys.stderr)


def _anchors(file: Path, places: list[Path]) -> list[Anchor]:
    found: list[Anchor] = []
    for place in places:
        if place.is_dir() or place == beside(file, None):
            found += anchors_of(file, beside(file, place if place.is_dir() else None))
        else:
            found += of_log(read_anchors(place), file.name)
    return found


def _caught_up(report: Report, anchors: Callable[[], list[Anchor]]) -> Report:
    """Beside a service at work the log is read later than its anchors: it is asked once more, for two seconds at most."""
    left = PATIENCE
    while report.unvouched and left:
        left -= 1
        threading.Event().wait(0.05)
        if max((anchor.seq for anchor in anchors()), default=0) >= report.last.seq:
            return replace(report, unvouched=0)
    return report


def _link_option(option: str, text: str) -> Link:
    try:
        return parse_anchor(text)
    except ValueError:
        raise UsageError(f"{option} is SEQ:HASH, the hash has 64 hex digits") from None


def _key(variable: str) -> bytes:
    value = os.environ.get(variable, "")
    if not value:
        raise SettingsError(f"the variable {variable or '(name it)'} with the key is empty or missing")
    return value.encode()
