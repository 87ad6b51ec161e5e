"""E-mail addresses as people write them: RFC 5321 lengths, letters of Latin scripts, no quoted local parts."""

from __future__ import annotations

from collections.abc import Iterator

from guardproxy.detectors.recogniser import Hit, Recogniser, about
from guardproxy.detectors.shape import anchored, chars, compiled, seq, times, words

_LOCAL = times(chars(r"[A-Za-z0-9\p{Latin}._%+'-]"), 1, 64)
_DOMAIN = times(chars(r"[A-Za-z0-9\p{Latin}.-]"), 0)
_HOST = compiled(r"(?:[A-Za-z0-9\p{Latin}-]{1,63}\.){1,8}(?:[A-Za-z\p{Latin}]{2,24}|xn--[a-z0-9-]{2,59})")
_NOT_TOP = frozenset(("png", "jpg", "jpeg", "gif", "svg", "webp", "css", "js"))


class Email(Recogniser):
    """`name@host.top`. File names with a density mark (`logo@2x.png`) are none."""

    info = about("pii.email", "1", "privacy.pii", personal=True)
    needs = r"@|%40"
    shape = anchored(seq(_LOCAL, words("@", "%40")), _DOMAIN)
    tail = _DOMAIN

    def check(self, text: str, start: int, end: int) -> Iterator[Hit]:
        value = text[start:end]
        sign = "@" if "@" in value else "%40"
        local, _, domain = value.partition(sign)
        match = _HOST.match(domain)
        trimmed = local.lstrip("._%+'-")
        if not match or not trimmed or local.endswith(".") or ".." in local:
            return
        labels = domain[: match.end()].split(".")
        if len(labels) > 2 and labels[-1][1:].islower() and labels[-1][0].isupper():
            labels.pop()  # "a@b.com.Then": the next sentence, glued on
        if labels[-1].lower() in _NOT_TOP or any(label.startswith("-") or label.endswith("-") for label in labels):
            return
        until = start + len(local) + len(sign) + len(".".join(labels))
        yield Hit(start + len(local) - len(trimmed), until, "e-mail address")

    def overgrown(self, text: str, start: int, end: int) -> str | None:
        """No host is that long."""
        del text, start, end
        return None
