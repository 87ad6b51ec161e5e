"""`guardproxy policy …`: a candidate set beside the live one, over the admin port of a running proxy."""

from __future__ import annotations

import getpass
import os
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from guardproxy.errors import UsageError

app = typer.Typer(no_args_is_help=True, help="Try a policy set beside the live one, promote it, roll it back.")

Admin = Annotated[str, typer.Option("--admin", help="the admin listener")]
TokenEnv = Annotated[str, typer.Option("--token-env", help="the variable that holds its token, if it asks for one")]
Actor = Annotated[str, typer.Option("--actor", help="who you are, for the record; your login without it")]
Because = Annotated[str, typer.Option("--because", help="why, for the record")]
HERE = "http://127.0.0.1:8081"
TOKEN = "GUARDPROXY_ADMIN_TOKEN"  # noqa: S105 - the name of a variable
_PATIENCE = 120.0
_MOST_RULES = 20


@app.callback()
def about() -> None:
    """Try a policy set beside the live one, promote it, roll it back."""


@app.command("status")
def status(admin: Admin = HERE, token_env: TokenEnv = TOKEN) -> None:
    """What is in force, what is on trial, and what would change, by rule."""
    _say(_asked("GET", admin, token_env, "", None))


@app.command("candidate")
def candidate(
    path: Annotated[Path, typer.Argument(help="a policy file or folder, as the proxy's machine sees it")],
    admin: Admin = HERE,
    token_env: TokenEnv = TOKEN,
    actor: Actor = "",
    because: Because = "",
) -> None:
    """Put a set on trial. It is judged on live traffic and changes no answer."""
    _say(_asked("POST", admin, token_env, "", {**_order(actor, because), "path": str(path.absolute())}))


@app.command("withdraw")
def withdraw(admin: Admin = HERE, token_env: TokenEnv = TOKEN, actor: Actor = "", because: Because = "") -> None:
    """End the trial."""
    _say(_asked("POST", admin, token_env, "/withdraw", _order(actor, because)))


@app.command("promote")
def promote(
    admin: Admin = HERE,
    token_env: TokenEnv = TOKEN,
    actor: Actor = "",
    because: Because = "",
    digest: Annotated[str, typer.Option("--hash", help="the hash you saw: nothing else is promoted")] = "",
) -> None:
    """Put the candidate in force, in one step. The set it replaces is kept for `rollback`."""
    _say(_asked("POST", admin, token_env, "/promote", {**_order(actor, because), "hash": digest}))


@app.command("rollback")
def rollback(admin: Admin = HERE, token_env: TokenEnv = TOKEN, actor: Actor = "", because: Because = "") -> None:
    """Put the set before the last promotion in force again."""
    _say(_asked("POST", admin, token_env, "/rollback", _order(actor, because)))


def _order(actor: str, because: str) -> dict[str, str]:
    return {"actor": actor or getpass.getuser(), "because": because}


def _asked(method: str, admin: str, token_env: str, path: str, body: dict[str, str] | None) -> dict[str, Any]:
    """The status after it. Exit 1 with the reason when it was not done; UsageError when nobody answers."""
    token = os.environ.get(token_env, "")
    headers = {"authorization": f"Bearer {token}"} if token else {}
    try:
        answer = httpx.request(
            method,
            f"{admin.rstrip('/')}/admin/candidate{path}",
            json=body,
            headers=headers,
            timeout=_PATIENCE,
            trust_env=False,
        )
    except (httpx.HTTPError, httpx.InvalidURL):
        raise UsageError(f"no proxy answers at {admin}: give its admin listener with --admin") from None
    if answer.status_code == 200:
        found: dict[str, Any] = answer.json()
        return found
    if answer.headers.get("content-type", "").startswith("application/json"):
        wrong = answer.json()
        for row in wrong.get("problems", []):
            print(f"{row['file']}:{row['line']}:{row['column']}: {row['code']} {row['severity']}: {row['message']}")
        print(f"not done: {wrong.get('error') or wrong.get('detail')}")
    else:
        print(f"not done: {answer.text.strip()} ({answer.status_code})")
    raise typer.Exit(1)


def _say(found: dict[str, Any]) -> None:
    for line in lines(found):
        print(line)


def lines(found: dict[str, Any]) -> list[str]:
    """The status for people."""
    out = [f"{name + ':':<11}{_set(found[name])}" for name in ("live", "candidate", "rollback") if found[name]]
    out += [f"note: {found['hint']}"] if found["hint"] else []
    if not found["candidate"]:
        return out
    comparison = found["comparison"]
    if not comparison["pairs"]:
        out.append("nothing judged yet")
    for pair in comparison["pairs"]:
        out += _pair(pair)
    if comparison["dropped"]:
        dropped = ", ".join(f"{count} {reason}" for reason, count in sorted(comparison["dropped"].items()))
        out.append(f"not judged: {dropped}")
    return [*out, "not covered:", *(f"  {text}" for text in comparison["not_covered"])]


def _set(one: dict[str, Any]) -> str:
    refs = ", ".join(f"{r['policy']}@{r['revision']} {r['hash']}" for r in one["policies"])
    return f"{one['path']} ({refs})"


def _pair(pair: dict[str, Any]) -> list[str]:
    out = [f"{pair['live']} -> {pair['candidate']}: {pair['exchanges']} exchanges"]
    for stage, found in pair["stages"].items():
        moves = [m for m in found["moves"] if m["live"] != m["candidate"]]
        told = ", ".join(f"{m['count']} {m['live']} -> {m['candidate']}" for m in moves)
        out.append(
            f"  {stage}: {found['decided']} decided, changed {_share(found['changed'])}" + (f": {told}" * bool(told))
        )
    shown = [rule for rule in pair["rules"] if rule["tighter"]["count"] or rule["looser"]["count"]]
    for rule in shown[:_MOST_RULES]:
        ways = [f"{way} {_share(rule[way])}" for way in ("tighter", "looser") if rule[way]["count"]]
        out.append(f"  {rule['stage']} {rule['rule']}: {', '.join(ways)}; for instance {', '.join(rule['examples'])}")
    return out


def _share(share: dict[str, Any]) -> str:
    low, high = share["low"] * 100, share["high"] * 100
    return f"{share['count']} ({share['share'] * 100:.2f} %, 95 % interval {low:.2f} to {high:.2f} %)"
