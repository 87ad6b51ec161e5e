"""Marks that a renderer eats, and programs that print the phrase."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random

from guardproxy.testing.disguises.shapes import Disguise, Twist, whole

_EMPTY = (
    "<b></b>",
    "<!-- -->",
    "<!---->",
    "<!-- x -->",
    "<wbr>",
    "<wbr/>",
    '<span class="x"></span>',
    "<i/>",
    "<br hidden>",
    "</p>",
    "<font size=1></font>",
    "<x-y z='1'></x-y>",
    "<?php ?>",
    "&#8203;",
    "&ZeroWidthSpace;",
    "&shy;",
    "&zwnj;",
    "&#x200B;",
    "&NoBreak;",
    "[](#)",
    "**",
    "****",
    "__",
    "~~",
    "``",
    "\\",
    "{}",
    "[b][/b]",
    "[i]",
    "[^1]",
    "\\-",
    "$$",
)
_AROUND = (
    ("*", "*"),
    ("**", "**"),
    ("***", "***"),
    ("`", "`"),
    ("~~", "~~"),
    ("||", "||"),
    ("==", "=="),
    ("<b>", "</b>"),
    ("<span style='color:red'>", "</span>"),
    ("<sup>", "</sup>"),
    ("[", "](#)"),
    ("[", "](https://example.org/a_(b)?c=d)"),
    ("[", "][1]"),
    ("![", "](x.png)"),
    ("[b]", "[/b]"),
    ("[color=red]", "[/color]"),
    ("\\textbf{", "}"),
    ("\\emph{", "}"),
    ("{", "}"),
    ("$", "$"),
    ("\\mathrm{", "}"),
    ("<ruby>", "</ruby>"),
    ("<![CDATA[", "]]>"),
    ("''", "''"),
    ("'''", "'''"),
)
_JOINS: dict[str, Callable[[str, str], str]] = {
    "a plus": lambda a, b: f'"{a}" + "{b}"',
    "a plus, single quotes": lambda a, b: f"'{a}'+'{b}'",
    "a dot": lambda a, b: f'"{a}" . "{b}"',
    "an ampersand": lambda a, b: f'"{a}" & "{b}"',
    "bars": lambda a, b: f"'{a}' || '{b}'",
    "two dots": lambda a, b: f'"{a}" .. "{b}"',
    "nothing": lambda a, b: f'"{a}" "{b}"',
    "a line end": lambda a, b: f'"{a}"\n    "{b}"',
    "a backslash": lambda a, b: f'"{a}" \\\n  "{b}"',
    "a plus over lines": lambda a, b: f'"{a}" +\n    "{b}"',
    "a call": lambda a, b: f'concat("{a}", "{b}")',
    "a list": lambda a, b: f'"".join(["{a}", "{b}"])',
    "a template": lambda a, b: f"${{'{a}'}}${{'{b}'}}",
    "a format string": lambda a, b: f'f"{{"{a}"}}{{"{b}"}}"',
}
_LISTS: dict[str, Callable[[str], str]] = {
    "a list of characters": lambda p: str(list(p)),
    "a JSON list": lambda p: json.dumps(list(p), ensure_ascii=False),
    "a set of braces": lambda p: "{" + ",".join(f"'{c}'" for c in p) + "}",
    "a table row": lambda p: "| " + " | ".join(p) + " |",
    "table rows": lambda p: "\n".join(f"| {i} | {c} |" for i, c in enumerate(p.replace(" ", ""), 1)),
    "a list of points": lambda p: "\n".join(f"- {c}" for c in p.replace(" ", "")),
    "a list of stars": lambda p: "\n".join(f"* {c}" for c in p.replace(" ", "")),
    "a numbered list": lambda p: "\n".join(f"{i}. {c}" for i, c in enumerate(p.replace(" ", ""), 1)),
    "headings": lambda p: "\n".join(f"# {c}" for c in p.replace(" ", "")),
    "quoted lines": lambda p: "\n".join(f"> {c}" for c in p.replace(" ", "")),
    "code": lambda p: " ".join(f"`{c}`" for c in p.replace(" ", "")),
    "cells": lambda p: "<tr>" + "".join(f"<td>{c}</td>" for c in p) + "</tr>",
    "tags of their own": lambda p: "".join(f"<b>{c}</b>" for c in p),
    "a CSV row": lambda p: ",".join(f'"{c}"' for c in p),
    "concatenated characters": lambda p: " + ".join(f"'{c}'" for c in p),
    "a code fence": lambda p: f"```text\n{p}\n```",
    "fenced letters": lambda p: "\n".join(f"```\n{c}\n```" for c in p.replace(" ", "")),
    "JSON inside JSON": lambda p: json.dumps(json.dumps({"text": p})),
}


def _inside(mark: str) -> Twist:
    """The mark at one to all places inside the words."""

    def twist(chance: Random, phrase: str) -> str:
        share = chance.choice((0.2, 0.5, 1.0))
        places = [i for i in range(1, len(phrase)) if phrase[i - 1].isalnum() and phrase[i].isalnum()]
        picked = {chance.choice(places), *(i for i in places if chance.random() < share)}
        return "".join(mark + c if i in picked else c for i, c in enumerate(phrase))

    return twist


def _around(left: str, right: str) -> Twist:
    """A piece of a word between the marks."""

    def twist(chance: Random, phrase: str) -> str:
        word = max(phrase.split(), key=len)
        at = phrase.index(word)
        a = chance.randint(0, len(word) - 2)
        b = chance.randint(a + 1, len(word) - (a == 0))
        return f"{phrase[: at + a]}{left}{word[a:b]}{right}{phrase[at + b :]}"

    return twist


def _joined(join: Callable[[str, str], str]) -> Twist:
    def twist(chance: Random, phrase: str) -> str:
        cut = chance.randint(1, len(phrase) - 1)
        return join(phrase[:cut], phrase[cut:])

    return twist


DISGUISES: tuple[Disguise, ...] = (
    *(Disguise("markup inside words", mark, _inside(mark)) for mark in _EMPTY),
    *(Disguise("markup around pieces", f"{a}…{b}", _around(a, b)) for a, b in _AROUND),
    *(Disguise("strings joined", name, _joined(join)) for name, join in _JOINS.items()),
    *(Disguise("letters listed", name, whole(change)) for name, change in _LISTS.items()),
)
