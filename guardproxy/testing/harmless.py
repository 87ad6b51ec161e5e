"""Harmless texts by kind, with seeded chance: what looks like a disguise and is none."""

from __future__ import annotations

import base64
import json
import string
import uuid
from collections.abc import Callable
from random import Random

_SENTENCES = {
    "Persian": "امروز هوا خوب است و می‌خواهم کتاب‌های تازه را بخوانم. بچه‌ها در حیاط بازی می‌کنند.",
    "Arabic": "اليوم الجو جميل والسماء صافية في القاهرة. ذهبنا إلى السوق واشترينا الخبز والتمر.",
    "Hebrew": "שלום לכולם, מזג האוויר נעים היום ויצאנו לטייל בפארק ליד הנהר.",
    "Hindi": "हमारी बिल्ली दूध पीती है और धूप में सोती है। बच्चे स्कूल से लौट रहे हैं।",
    "Thai": "วันนี้อากาศดีมาก เราไปเดินเล่นที่สวนกันเถอะ แล้วกินข้าวด้วยกัน",
    "Vietnamese": "Hôm nay trời đẹp quá, chúng ta đi dạo quanh hồ rồi uống cà phê sữa đá nhé.",
    "Russian": "Съешь же ещё этих мягких французских булок, да выпей чаю с мёдом у окна.",
    "Greek": "Η γρήγορη αλεπού πηδάει πάνω από το τεμπέλικο σκυλί και τρέχει στο δάσος.",
    "Chinese": "今天天气很好，我们去公园散步吧。孩子们在湖边喂鸭子，老人下棋。",
    "Japanese": "明日は晴れるでしょう。庭に鳥が来て、カタカナとひらがなを練習します。",
    "Korean": "오늘은 날씨가 정말 좋네요. 공원에서 커피를 마시고 책을 읽었습니다.",
    "Turkish": "Pijamalı hasta yağız şoföre çabucak güvendi, ılık çay ısmarladı.",
}
_PLAIN = (
    "The kettle sang while we waited for the rain to stop, and nobody minded. My brother mended the garden gate. "
    "Please send the notes by Friday; the meeting moved to room 214. She planted tomatoes, basil and a small fig tree."
).split()
_EMOJI = "👩‍🚀 👨‍👩‍👧‍👦 🏳️‍🌈 🏴󠁧󠁢󠁳󠁣󠁴󠁿 🇩🇪 🇫🇷 🇯🇵 ❤️ 1️⃣ 🎉 ✨ 🤷🏽‍♀️ 👍🏿 🐦 ☕️".split()
_MORSE = "... --- ... / .... . .-.. .-.. --- / -.-. --.- -.. . / -... ..- --. ... / - . ... -".split(" / ")
_MOVES = "e4 e5 Nf3 Nc6 Bb5 a6 Ba4 Nf6 O-O Be7 Re1 b5 Bb3 d6 c3 O-O h3 Nb8 d4 Nbd7 Qxd8+ Kxd8 exd6# cxb4".split()
_CODE = (
    "for (let i = 0; i < rows.length; i++) { total += rows[i].price * rows[i].count || 0; }",
    'def area(width: float, height: float) -> float:\n    """Square metres."""\n    return width * height',
    "SELECT u.name, COUNT(*) AS n FROM users u JOIN orders o ON o.uid = u.id WHERE o.sum >= 10 GROUP BY u.name;",
    'fn main() { let v: Vec<u8> = b"hello".to_vec(); println!("{:?} {}", v, v.len()); }',
    "if [[ -f ~/.bashrc && $1 != '-x' ]]; then source ~/.bashrc | tee -a log.txt 2>&1; fi",
    '#include <stdio.h>\nint main(void) { printf("%d\\n" "%s\\t", 42, "ok"); return 0x1F & ~3; }',
    '<div class="card"><a href="/a?b=1&amp;c=2">go <b>on</b></a><br/><!-- note --></div>',
    ".card > a:hover::before { content: '\\201C'; color: #626c75; margin: 0 .5em; }",
    "const re = /^[\\w.+-]+@[\\w-]+\\.[\\w.]+$/; const s = `${a}-${b}` + 'x'.repeat(3);",
)
_LATEX = (
    "\\begin{equation} \\int_0^1 x^{2}\\,dx = \\frac{1}{3} \\label{eq:a} \\end{equation}",
    "Let $\\alpha_i \\in \\mathbb{R}^n$ and \\textbf{note} that $\\sum_{i=1}^{n} \\alpha_i^2 \\leq 1$.",
    "\\item \\emph{First} one \\cite{knuth1984}; see \\S\\ref{sec:two} --- and \\LaTeX{} itself.",
)


def _of(choices: tuple[str, ...] | list[str]) -> Callable[[Random], str]:
    return lambda chance: "\n".join(chance.choice(choices) for _ in range(chance.randint(1, 4)))


def _prose(chance: Random) -> str:
    return " ".join(chance.choice(_PLAIN) for _ in range(chance.randint(10, 60)))


def _sentence(text: str) -> Callable[[Random], str]:
    words = text.split(" ")

    def make(chance: Random) -> str:
        at = chance.randrange(len(words))
        return " ".join(words[at:] + words[:at]) if len(words) > 3 else text * chance.randint(1, 3)

    return make


def _image(chance: Random) -> str:
    data = b"\x89PNG\r\n\x1a\n" + chance.randbytes(chance.randint(60, 900))
    return f"![logo](data:image/png;base64,{base64.b64encode(data).decode()})"


def _hashes(chance: Random) -> str:
    sizes = (16, 20, 32, 64)
    return "\n".join(f"{chance.randbytes(chance.choice(sizes)).hex()}  {_word(chance)}.bin" for _ in range(5))


def _word(chance: Random) -> str:
    return chance.choice(_PLAIN).strip(".,;").lower()


def _uuids(chance: Random) -> str:
    return ", ".join(str(uuid.UUID(bytes=chance.randbytes(16))) for _ in range(4))


def _urls(chance: Random) -> str:
    token = base64.urlsafe_b64encode(chance.randbytes(24)).decode().rstrip("=")
    return f"https://example.org/{_word(chance)}/{chance.randint(1, 9999)}?q={_word(chance)}%20{_word(chance)}&t={token}#{_word(chance)}"


def _log(chance: Random) -> str:
    lines = []
    for _ in range(chance.randint(3, 12)):
        clock = f"2026-01-{chance.randint(1, 28):02} {chance.randint(0, 23):02}:{chance.randint(0, 59):02}:07.{chance.randint(0, 999):03}"
        lines.append(
            f"{clock} INFO [{_word(chance)}-{chance.randint(1, 9)}] GET /{_word(chance)} {chance.randint(200, 504)} {chance.randint(1, 900)}ms"
        )
    return "\n".join(lines)


def _csv(chance: Random) -> str:
    return "\n".join(
        f'{i},"{_word(chance)}",{chance.random():.4f},{chance.randint(1, 26)},"{_word(chance)}"' for i in range(12)
    )


def _json(chance: Random) -> str:
    rows = [
        {"id": i, "name": _word(chance), "v": round(chance.random(), 3), "tags": [_word(chance), _word(chance)]}
        for i in range(6)
    ]
    return json.dumps(rows, indent=chance.choice((None, 2)))


def _minified(chance: Random) -> str:
    names = string.ascii_letters
    return "".join(
        f"function {chance.choice(names)}({chance.choice(names)},{chance.choice(names)}){{return {chance.choice(names)}&&{chance.choice(names)}||!{chance.choice(names)}?"
        f"{chance.choice(names)}[{chance.choice(names)}]:{chance.choice(names)}.{chance.choice(names)}}};"
        for _ in range(8)
    )


def _dna(chance: Random) -> str:
    return ">seq1\n" + "\n".join("".join(chance.choice("ACGT") for _ in range(60)) for _ in range(4))


def _bits(chance: Random) -> str:
    return "Convert: " + " ".join(f"{chance.getrandbits(8):08b}" for _ in range(chance.randint(4, 12)))


def _morse(chance: Random) -> str:
    return "Homework: " + " / ".join(chance.choice(_MORSE) for _ in range(4))


def _chess(chance: Random) -> str:
    return " ".join(f"{i}. {chance.choice(_MOVES)} {chance.choice(_MOVES)}" for i in range(1, 12))


def _emoji(chance: Random) -> str:
    return " ".join(chance.choice((chance.choice(_EMOJI), _word(chance))) for _ in range(20))


def _numbers(chance: Random) -> str:
    return "; ".join(", ".join(str(chance.randint(1, 300)) for _ in range(8)) for _ in range(6))


def _lists(chance: Random) -> str:
    mark = chance.choice(("- ", "* ", "1. ", "> "))
    return "\n".join(f"{mark}{chance.choice((_word(chance), chance.choice(string.ascii_letters)))}" for _ in range(12))


def _dump(chance: Random) -> str:
    noise = chance.randbytes(160)
    return "\n".join(f"{i * 16:08x}: {noise[i * 16 : i * 16 + 16].hex(' ', 2)}" for i in range(10))


def _noise85(chance: Random) -> str:
    return base64.b85encode(chance.randbytes(chance.randint(40, 200))).decode()


KINDS: dict[str, Callable[[Random], str]] = {
    "English prose": _prose,
    **{name: _sentence(text) for name, text in _SENTENCES.items()},
    "emoji and flags": _emoji,
    "program text": _of(_CODE),
    "minified JavaScript": _minified,
    "JSON": _json,
    "CSV": _csv,
    "logs": _log,
    "LaTeX": _of(_LATEX),
    "URLs": _urls,
    "hashes": _hashes,
    "UUIDs": _uuids,
    "hex dumps": _dump,
    "base64 images": _image,
    "base85 noise": _noise85,
    "binary homework": _bits,
    "Morse homework": _morse,
    "chess": _chess,
    "DNA": _dna,
    "numbers": _numbers,
    "lists": _lists,
}
