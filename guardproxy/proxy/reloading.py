"""What happens around a reload: the shelf swaps, the proxy logs and counts."""

from __future__ import annotations

from guardproxy.observe.logs import get_logger
from guardproxy.policy.shelf import LoadReport
from guardproxy.proxy.hall import Hall
from guardproxy.proxy.start import labels


def reload_now(hall: Hall, actor: str = "admin API") -> LoadReport:
    """Reads the policies again and takes note of how it went."""
    report = hall.shelf.reload(actor)
    take_note(hall, report)
    return report


def take_note(hall: Hall, report: LoadReport) -> None:
    """Metrics and one log line for an attempt; the last good set stays on failure."""
    metrics = hall.recorder.metrics
    hall.benches.keep_only(hall.shelf.policies)  # the tests of a set make benches, of a refused set too
    if not report.ok:
        metrics.policy_load_failed()
        get_logger().error("policy_load_failed", place=report.place, errors=report.report.count(" error: "))
        return
    for policy in hall.shelf.policies:
        hall.benches.bench(policy)
    metrics.admit(labels(hall.shelf.policies, hall.benches.toolbox.infos, hall.upstream.target.name, hall.routes))
    metrics.policies_in_force([p.ref for p in hall.shelf.policies], hall.clock())
    get_logger().info("policies_loaded", policies=[str(p.ref) for p in hall.shelf.policies])
