"""Text that a model reads and a person does not see.

| way | counts | does not count |
|---|---|---|
| tag characters U+E0000 … U+E007F | any | flags of regions: black flag, 3 to 5 tag letters, cancel tag |
| variation selectors | 3 or more in a row; U+E0100 … after anything but an ideograph | one or two after an emoji or an ideograph |
| zero-width characters and fillers | 5 or more in a row, 6 or more with single characters between | joiners of emoji, Persian and Indic scripts; soft hyphens, Hebrew and direction marks |

Hazard on input: `attack.injection`, for hidden text is a message to the model. On output: `security.secrets`, for
there it is a way to carry out what the reader is not to see. `attack.injection` exists on input only.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from guardproxy.core.conversation import Stage
from guardproxy.detectors.recogniser import Hit, Recogniser, about
from guardproxy.detectors.shape import chars, compiled, either, maybe, seq, times

_FLAG = chars(r"\x{1F3F4}")
_TAG = chars(r"[\x{E0000}-\x{E007F}]")
_REGION = compiled(r"\x{1F3F4}[\x{E0061}-\x{E007A}]{2}[\x{E0030}-\x{E0039}\x{E0061}-\x{E007A}]{1,3}\x{E007F}")
_SELECTORS = r"\x{FE00}-\x{FE0F}\x{E0100}-\x{E01EF}"
_UNSEEN = r"\x{200B}-\x{200D}\x{2060}-\x{2064}\x{206A}-\x{206F}\x{FEFF}\x{180E}\x{115F}\x{1160}\x{3164}\x{FFA0}"
_ONE_UNSEEN = compiled(f"[{_UNSEEN}]")
_IN_A_ROW, _BETWEEN = 5, 6


class HiddenText(Recogniser):
    """Reports the stretch of hidden characters."""

    info = about("disguise.hidden_text", "1", "attack.injection", "security.secrets")
    needs = rf"[{_SELECTORS}{_UNSEEN}\x{{E0000}}-\x{{E007F}}]"
    shape = either(
        seq(maybe(_FLAG), times(_TAG, 1)),
        times(chars(f"[{_SELECTORS}]"), 1),
        seq(chars(f"[{_UNSEEN}]"), times(seq(maybe(chars(rf"[^{_UNSEEN}\n]")), chars(f"[{_UNSEEN}]")), _IN_A_ROW - 1)),
    )
    tail = times(chars(rf"[{_SELECTORS}{_UNSEEN}\x{{E0000}}-\x{{E007F}}]"), 0)

    def hazard(self, stage: Stage) -> str:
        return "attack.injection" if stage is Stage.INPUT else "security.secrets"

    def check(self, text: str, start: int, end: int) -> Iterator[Hit]:
        stretch = text[start:end]
        if _counts(stretch, text[start - 1 : start] if start else ""):
            yield Hit(start, end, "hidden text")

    def overgrown(self, text: str, start: int, end: int) -> str | None:
        del text, start, end
        return "hidden text"


def _counts(stretch: str, before: str) -> bool:
    last = ord(stretch[-1])
    if 0xE0000 <= last <= 0xE007F:
        return not _REGION.fullmatch(stretch)
    if 0xFE00 <= last <= 0xFE0F or 0xE0100 <= last <= 0xE01EF:
        return len(stretch) >= 3 or (last >= 0xE0100 and not _ideograph(before))
    unseen = sum(1 for _ in _ONE_UNSEEN.finditer(stretch))
    return unseen >= (_IN_A_ROW if unseen == len(stretch) else _BETWEEN)


def _ideograph(char: str) -> bool:
    return bool(char) and unicodedata.category(char) == "Lo"


def all_detectors() -> tuple[Recogniser, ...]:
    """The one detector of this file."""
    return (HiddenText(),)
