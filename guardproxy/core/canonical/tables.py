"""Look-alikes, invisible characters and leet signs, as data.

Source of `CONFUSABLES`: Unicode UTS #39 confusables (Unicode licence v3), by way of the package
confusable-homoglyphs 3.3.1 (MIT), cut down to what looks like one ASCII letter or digit and is not found
by NFKD anyway; plus the shapes that the usual fancy-text alphabets draw on (turned letters, faux Cherokee,
Canadian syllabics, currency). Single letters of one native alphabet are read natively as well (`fold.key`).
"""

from __future__ import annotations

CONFUSABLES: dict[str, str] = {
    "2": "ϨᒿꙄꛯꝚ",
    "3": "ƷȜЗӠⳌꝪꞫ𑣊𖼻",
    "4": "Ꮞ𑢯",
    "5": "Ƽ𑢻",
    "6": "бᏮⳒ𑣕",
    "7": "𐓒𑣆",
    "8": "Ȣȣ𐌚",
    "9": "ⳊꝮ𑢬𑣌𑣖",
    "A": "ΑАᗅꓮ𐊠𖽀",
    "B": "ΒВᏴꓐꞴ𐊂𐊡𐌁",
    "C": "ϹСⲤꓚ𐊢𐌂𐐕𐔜𑣲",
    "D": "Ꭰᗞꓓ",
    "E": "ΕЕᎬⴹꓰ𐊆𑢦𑢮",
    "F": "ϜꓝꞘ𐊇𐊥𐔥𑢢𑣂",
    "G": "ԌᏀᏳꓖ",
    "H": "ΗНᎻⲎꓧ𐋏",
    "J": "ͿЈᎫꓙꞲ",
    "K": "ΚКᏦᛕⲔꓗ𐔘",
    "L": "ᏞⳐꓡ𐐛𐔦𑢣𑢲𖼖",
    "M": "ΜϺМᎷᛖⲘꓟ𐊰𐌑",
    "N": "ΝⲚꓠ𐔓",
    "O": "ΟОՕⲞⵔ〇ꓳ𐊒𐊫𐐄𐓂𐔖𑢵",
    "P": "ΡРᏢⲢꓑ𐊕",
    "Q": "ⵕɊ",
    "R": "ƦᎡᏒꓣ𐒴𖼵",
    "S": "ЅՏᏕᏚꓢ𐊖𐐠𖼺",
    "T": "ΤТᎢⲦꓔ𐊗𐊱𐌕𑢼𖼊",
    "U": "Սꓴ𐓎𑢸𖽂",
    "V": "ѴᏙⴸꓦꛟ𐔝𑢠𖼈",
    "W": "ԜᎳᏔꓪ𑣯",
    "X": "ΧХᚷⲬⵝꓫꞳ𐊐𐊴𐌗𐌢𐔧𑣬",
    "Y": "ΥУҮᎩᎽⲨꓬ𐊲𑢤𖽃",
    "Z": "ΖᏃꓜ𐋵𑢩",
    "a": "ɐɑαаᎪᗩᴀⱯꭺ",
    "b": "ƄʙЬᏏᏸᑲᖯᗷ",
    "c": "ƆɔϲсፈᏟᏣᑕᴄⲥꮯ𐐽",
    "d": "ðđԁᏧᑯᗡᗪᴅꓒꭰ",
    "e": "ƎǝɆɘəεеєҽᏋᗴᴇꬲꭼ",
    "f": "ʄƒɟϝғքᖴẝℲⅎꜰꞙꬵ",
    "g": "ƃƍǥɠɡɢցᘜᶃ",
    "h": "ħɥʜђһհᏂᕼⱧ",
    "i": "ıɩɪιіӏᎥᴉꙇꭵ𑣃",
    "j": "ɾʝϳјᒍᴊ",
    "k": "ƙʞκᴋ",
    "l": "łƖǀɭʟΙІӀᒪᛁⱠⲒⵏꓲꞁ𐊊𐌉𐌠𖼨",
    "m": "ɯᗰᴍ",
    "n": "ɲɳɴηոռᏁᑎ",
    "o": "ჿዐഠଠᏫᎾοσоѻօᎧᴏᴑⲟꬽ𐐬𐓪𑣈𑣗",
    "p": "þρрԀᎮᑭᴘⲣ",
    "q": "ԛգզᑫɋ",
    "r": "ɹʀʁгᖆᖇᴚᴦⱤⲅꭇꭈꮁ",
    "s": "ƧƽʂѕᎦᔕꜱꮪ𐑈𑣁",
    "t": "ŧƬɬʇτᴛꓕ",
    "u": "ሀɄʉʋυսᏬᑌᴜꞟꭎꭒ𐓶𑣘Ꮜʊ",
    "v": "Ʌʌνѵᐯᴠꮩ𑜆𑣀",
    "w": "ɰʍωѡԝաᗯᴡꮃ𑜊𑜎𑜏",
    "x": "χхҳӾᕁᕽ",
    "y": "ყɎɏɣʎʏγуүᶌỿꭚ𑣜",
    "z": "ƶʐᘔᴢⱫꮓ𑣄",
}
SYMBOL_LEET: dict[str, str] = {
    "a": "@₳∀⍺",
    "b": "฿♭",
    "d": "∂",
    "c": "¢₵©🝌",
    "e": "€℮₠∑⋿",
    "f": "₣",
    "g": "₲⅁",
    "h": "#",
    "i": "!|¡⍳",
    "k": "₭",
    "l": "£₤∣⏽￨│",
    "m": "₥",
    "n": "₦∩",
    "o": "°¤",
    "p": "₱⍴",
    "r": "®",
    "s": "$§₴",
    "t": "+†₮⊥⊤⟙🝨",
    "u": "∪⋃",
    "v": "√∨⋁",
    "w": "₩",
    "x": "×✗✘⨯⤫⤬╳᙭᙮",
    "y": "¥",
}
"""Signs that stand for letters when they sit inside or at the edge of a word."""

DIGIT_LEET = {"0": "o", "1": "i", "2": "z", "3": "e", "4": "a", "5": "s", "6": "g", "7": "t", "8": "b", "9": "g"}
"""Digits that stand for letters. 1 is i or l, so the reading merges i and l."""

INVISIBLE: tuple[tuple[int, int], ...] = (
    (0x00, 0x07),
    (0x0E, 0x1F),
    (0x7F, 0x84),
    (0x86, 0x9F),
    (0xAD, 0xAD),
    (0x34F, 0x34F),
    (0x61C, 0x61C),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x206F),
    (0x2800, 0x2800),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFFC),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
)
"""Default-ignorable, filler and control code points (tab, line feed, CR, NEL excepted)."""

MARKS: tuple[tuple[int, int], ...] = (
    (0x300, 0x36F),
    (0x483, 0x489),
    (0x591, 0x5BD),
    (0x5BF, 0x5BF),
    (0x5C1, 0x5C2),
    (0x5C4, 0x5C5),
    (0x5C7, 0x5C7),
    (0x610, 0x61A),
    (0x64B, 0x65F),
    (0x670, 0x670),
    (0x1AB0, 0x1AFF),
    (0x1DC0, 0x1DFF),
    (0x20D0, 0x20FF),
    (0xFE20, 0xFE2F),
)
"""Combining marks that decorate a letter. Vowel signs that *are* letters (Thai, Devanagari …) stay."""

SPACELESS: tuple[tuple[int, int], ...] = (
    (0x0E00, 0x0EFF),
    (0x1000, 0x109F),
    (0x1780, 0x17FF),
    (0x19E0, 0x19FF),
    (0x3005, 0x3007),
    (0x3021, 0x3029),
    (0x3038, 0x303B),
    (0x3041, 0x30FF),
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xA9E0, 0xA9FF),
    (0xAA60, 0xAA7F),
    (0xF900, 0xFAFF),
    (0xFF66, 0xFF9F),
    (0x1B000, 0x1B16F),
    (0x20000, 0x323AF),
)
"""Han, Hiragana, Katakana, Thai, Lao, Khmer, Myanmar: scripts written without spaces."""

TURNED = {"q": "b", "b": "q", "p": "d", "d": "p", "u": "n", "n": "u", "6": "9", "9": "6", "ן": "l", "˥": "l", "ɓ": "g"}
"""What ASCII letters mean in a word that holds turned letters."""

TURNED_SIGNS = frozenset("ǝɐɔɟƃɥᴉɾʞɯɹʇʌʍʎⅎ∀ꓕƎƆⱯᗺᗡꞁʁ˥")

BRAILLE = dict(zip("⠁⠃⠉⠙⠑⠋⠛⠓⠊⠚⠅⠇⠍⠝⠕⠏⠟⠗⠎⠞⠥⠧⠺⠭⠽⠵", "abcdefghijklmnopqrstuvwxyz", strict=True)) | {
    "⠤": "-",
    "⠠": "",
    "⠰": "",
    "⠂": ",",
    "⠲": ".",
    "⠄": "'",
}

SENTENCE_ENDS = ".!?…。！？｡．‼⁇⁈⁉"
HYPHENS = "-‐‑‒–—―−﹣－⁃·‧᠆"

MIXED = dict(zip("яиівглпшщцчэдфжѵйъьёωδςλπψφθξ", "rnibrnnwwuyeaoxvnbbewdclnyooe", strict=True))
"""Cyrillic and Greek letters that pass for Latin ones only in a word that is Latin otherwise."""

STYLED = dict(zip("卂乃匚乇千ム卄丨フㄥ爪几ㄖ卩尺丂ㄒㄩ山乂ㄚ乙", "abcefghijlmnoprstuwxyz", strict=True)) | dict(
    zip("ค๒ς๔єŦﻮђเןкɭ๓ภ๏קợгรՇยשฬאץչ", "abcdefghijklmnopqrstuvwxyz", strict=True)
)
"""Letters of other scripts that fancy alphabets draw Latin ones with; read so in words made of nothing else."""


_WIDE = [
    "|-|",
    "h",
    "[-]",
    "h",
    "]-[",
    "h",
    "}{",
    "h",
    "|_|",
    "u",
    "(_)",
    "u",
    "|\\/|",
    "m",
    "/\\/\\",
    "m",
    "|v|",
    "m",
    "|\\|",
    "n",
    "/\\/",
    "n",
    "\\/\\/",
    "w",
    "|/\\|",
    "w",
    "\\|/",
    "w",
    "\\/",
    "v",
    "/-\\",
    "a",
    "/\\",
    "a",
    "|<",
    "k",
    "|{",
    "k",
    "]<",
    "k",
    "|3",
    "b",
    "|>",
    "p",
    "|2",
    "r",
    "|=",
    "f",
    "|)",
    "d",
    "[)",
    "d",
    "|]",
    "d",
    "()",
    "o",
    "[]",
    "o",
    "[-",
    "e",
    "_|",
    "j",
    "|_",
    "l",
    "><",
    "x",
    "`/",
    "y",
]
WIDE_LEET: dict[str, tuple[tuple[str, str], ...]] = {
    lead: tuple(
        sorted(((s, x) for s, x in zip(_WIDE[::2], _WIDE[1::2], strict=True) if s[0] == lead), key=lambda p: -len(p[0]))
    )
    for lead in {s[0] for s in _WIDE[::2]}
}
"""First sign → drawings of a letter that begin with it, longest first."""
