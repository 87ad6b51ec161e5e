"""`guardproxy replay`: a decision log under another policy. Scores, places and versions decide; there is no text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import typer

from guardproxy.cli.comparing import FAIL_ON, FORMATS, changed_lines, lines, loaded, one_of, tree
from guardproxy.core.detector_info import DetectorInfo
from guardproxy.detectors.embedded import embedded_info
from guardproxy.detectors.registry import toolbox
from guardproxy.observe.recorded import records
from guardproxy.policy.loaded import Loaded
from guardproxy.proxy import settings as configuration
from guardproxy.proxy.replaying import Replayed
from guardproxy.proxy.replaying import replay as replayed


def replay(
    audit: Path = typer.Argument(..., help="the decision log; older segments beside it are read first"),
    policy: Path = typer.Option(..., "--policy", help="the policy file or folder to decide by"),
    form: str = typer.Option("text", "--format", help="text or json"),
    settings: Path | None = typer.Option(None, "--settings", help="the settings that the log was written under"),
    fail_on: str | None = typer.Option(None, "--fail-on", help="looser, tighter or any: exit 1 on such a change"),
    every: bool = typer.Option(False, "--all", help="name every changed record"),
) -> None:
    """Decide recorded exchanges again, by another policy."""
    one_of("--format", form, FORMATS)
    if fail_on is not None:
        one_of("--fail-on", fail_on, FAIL_ON)
    new = loaded(policy, settings)
    found = replayed(records(audit), new.select, detectors_of(settings))
    print(json.dumps(report(found, new), indent=2) if form == "json" else "\n".join(told(found, new, every=every)))
    raise typer.Exit(1 if found.comparison.fails(fail_on or "") else 0)


def detectors_of(settings: Path | None) -> tuple[DetectorInfo, ...]:
    """What was installed where the log was written: by its settings, else by their defaults."""
    chosen = (configuration.load(settings, {}, {}) if settings else configuration.Settings()).detectors
    embedded = (embedded_info(),) if chosen.embedded else ()
    return (*embedded, *toolbox(with_names=chosen.names).infos)


def told(found: Replayed, new: Loaded, *, every: bool) -> list[str]:
    """The report for people."""
    names = ", ".join(f"{policy.ref} ({policy.ref.hash})" for policy in new.policies)
    comparison, in_part = found.comparison, found.in_part
    out = [f"{found.records:,} records under {names}", ""]
    out += lines(comparison, "replayed decisions")
    if found.beyond:
        out += ["", "open ends among them:"]
        out += [f"  {count:,}  {reason}" for reason, count in found.beyond.items()]
    if found.reasons:
        out += ["", f"not replayable in full: {in_part.share.of:,}"]
        out += [f"  {count:,}  {reason}" for reason, count in found.reasons.items()]
        out += ["  what such rules would do needs the texts: guardproxy diff; by the other rules alone:"]
        out += [f"  {line}" if line else "" for line in lines(in_part, "of these")]
    if found.skipped:
        out += ["", "not compared:", *(f"  {count:,}  {reason}" for reason, count in found.skipped.most_common())]
    if comparison.changed:
        out += ["", "changed:", *changed_lines(comparison, {}, all_of_them=every)]
    return out


def report(found: Replayed, new: Loaded) -> dict[str, Any]:
    """The report for machines."""
    return {
        "records": found.records,
        "policies": [{"policy": str(policy.ref), "hash": policy.ref.hash} for policy in new.policies],
        "replayed": tree(found.comparison),
        "open_ends": dict(found.beyond),
        "not_replayable": {"records": found.in_part.share.of, "reasons": dict(found.reasons)},
        "by_the_rules_that_can_be_replayed": tree(found.in_part),
        "not_compared": dict(found.skipped),
    }
