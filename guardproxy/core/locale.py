"""Which language our own words are written in. It chooses words only; it never skips or changes a check."""

from __future__ import annotations

from collections.abc import Collection, Iterator

_LONGEST_HEADER = 1_000
_MOST_RANGES = 32

# Spoken tags that lead to a tag texts are written under: regions to scripts, and macro-languages.
_SCRIPT_OF_REGION = {"zh-CN": "zh-Hans", "zh-SG": "zh-Hans", "zh-TW": "zh-Hant", "zh-HK": "zh-Hant", "zh-MO": "zh-Hant"}
_NEIGHBOURS = {"zh": "zh-Hans", "nb": "no", "nn": "no", "no": "nb"}


def canonical(tag: str) -> str | None:
    """`pt_br` → `pt-BR`; None for what is no BCP-47 tag (language, script, region, variants; no extensions)."""
    if not 2 <= len(tag) <= 35 or not tag.isascii():
        return None
    language, *rest = tag.replace("_", "-").split("-")
    if not (language.isalpha() and 2 <= len(language) <= 3):
        return None
    parts = [language.lower()]
    if rest and len(rest[0]) == 4 and rest[0].isalpha():
        parts.append(rest.pop(0).title())
    if rest and ((len(rest[0]) == 2 and rest[0].isalpha()) or (len(rest[0]) == 3 and rest[0].isdigit())):
        parts.append(rest.pop(0).upper())
    for variant in rest:
        if not (variant.isalnum() and (5 <= len(variant) <= 8 or (len(variant) == 4 and variant[0].isdigit()))):
            return None
        parts.append(variant.lower())
    return "-".join(parts)


def relatives(locale: str) -> tuple[str, ...]:
    """The tag itself, then its broader forms, nearest first: `zh-TW` → zh-TW, zh-Hant, zh, zh-Hans."""
    tag = canonical(locale)
    if tag is None:
        return ()
    found = [tag]
    parts = tag.split("-")
    region = f"{parts[0]}-{parts[-1]}"
    if region in _SCRIPT_OF_REGION and len(parts) == 2:
        found.append(_SCRIPT_OF_REGION[region])
    found += ["-".join(parts[:n]) for n in range(len(parts) - 1, 0, -1)]
    if parts[0] in _NEIGHBOURS:
        found.append(_NEIGHBOURS[parts[0]])
    return tuple(dict.fromkeys(found))


def chain(locale: str, default: str) -> tuple[str, ...]:
    """The order in which texts are looked for: exact, broader, the policy's default, English."""
    return tuple(dict.fromkeys([*relatives(locale), *relatives(default), "en"]))


def choose_locale(
    header: str | None, accept_language: str | None, detected: str | None, default: str, shipped: Collection[str]
) -> str:
    """The locale of our words: `x-guardproxy-locale`, `Accept-Language`, the last turn's language, the default.

    `shipped` holds every tag there are texts for, the policy's own included. Invalid and unknown tags are
    passed over. The result is a tag of `shipped`, or "en".
    """
    wishes = [header or "", *_accepted(accept_language or ""), detected or "", default, "en"]
    for wish in wishes:
        for tag in relatives(wish):
            if tag in shipped:
                return tag
    return "en"


def _accepted(header: str) -> list[str]:
    """The ranges of an `Accept-Language` header, best quality first; `*` and quality 0 are left out."""
    ranked = sorted(_ranges(header[:_LONGEST_HEADER]), key=lambda wish: -wish[1])
    return [tag for tag, quality in ranked if quality > 0 and tag != "*"]


def _ranges(header: str) -> Iterator[tuple[str, float]]:
    for item in header.split(",")[:_MOST_RANGES]:
        tag, *parameters = item.split(";")
        if tag.strip():
            yield tag.strip(), _quality(parameters)


def _quality(parameters: list[str]) -> float:
    """1.0 without a `q`; 0.0 (not wanted) where it cannot be read."""
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            digits = value.strip()
            readable = digits.isascii() and digits.replace(".", "", 1).isdigit()
            return min(float(digits), 1.0) if readable else 0.0
    return 1.0
