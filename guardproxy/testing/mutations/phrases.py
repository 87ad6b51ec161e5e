"""Faults of words, lists and patterns."""

from __future__ import annotations

from guardproxy.testing.mutations.fault import Excluded, Fault, inside, longer, put

WORDS = "words and patterns"
_OURS = "support-chat.yaml"
_LIST = "lists/internal-names.txt"

FAULTS = (
    Fault("list-entry-lost", WORDS, _LIST, "deleted a phrase of a list", put("velvet lighthouse\n", "")),
    Fault("list-entry-misspelt", WORDS, _LIST, "misspelt a phrase of a list", put("copper heron", "coper heron")),
    Fault("list-entry-commented", WORDS, _LIST, "commented a phrase out", put("velvet", "# velvet")),
    Fault("list-emptied", WORDS, _LIST, "emptied the list", lambda _text: "# to be filled\n"),
    Fault("list-one-letter", WORDS, _LIST, "left a single letter in the list", put("velvet lighthouse", "v")),
    Fault(
        "list-everyday-word",
        WORDS,
        _LIST,
        "added an everyday word to the list",
        put("velvet lighthouse\n", "velvet lighthouse\nheron\n"),
    ),
    Fault("list-joined-lines", WORDS, _LIST, "joined two lines", put("copper heron\n", "copper heron ")),
    Fault(
        "list-with-commas",
        WORDS,
        _LIST,
        "put commas behind the phrases",
        put("velvet lighthouse\n", "velvet lighthouse, silver swan\n"),
    ),
    Fault(
        "list-misnamed",
        WORDS,
        _OURS,
        "named a list that is not there",
        put("{list: internal-names}", "{list: internal-nmaes}"),
    ),
    Fault(
        "list-a-path",
        WORDS,
        _OURS,
        "named a list by its path",
        put("{list: internal-names}", "{list: lists/internal-names.txt}"),
    ),
    Fault("word-misspelt", WORDS, _OURS, "misspelt a phrase", put("[captain turnip,", "[captain turnpi,")),
    Fault(
        "word-lost",
        WORDS,
        _OURS,
        "deleted the phrase of another language",
        put("[garden ladder, Gartenleiter]", "[garden ladder]"),
    ),
    Fault("words-emptied", WORDS, _OURS, "deleted all phrases", put("[garden ladder, Gartenleiter]", "[]")),
    Fault(
        "word-too-broad",
        WORDS,
        _OURS,
        "shortened a phrase to an everyday word",
        put("[garden ladder, Gartenleiter]", "[ladder, Gartenleiter]"),
    ),
    Fault(
        "words-as-text",
        WORDS,
        _OURS,
        "wrote phrases as one text",
        put("[garden ladder, Gartenleiter]", "garden ladder, Gartenleiter"),
    ),
    Fault(
        "words-quoted-together",
        WORDS,
        _OURS,
        "quoted two phrases as one",
        put("[garden ladder, Gartenleiter]", '["garden ladder, Gartenleiter"]'),
    ),
    Fault(
        "word-a-number", WORDS, _OURS, "wrote a number for a phrase", put("[garden ladder,", "[4711, garden ladder,")
    ),
    Fault(
        "word-invisible",
        WORDS,
        _OURS,
        "left a phrase of invisible characters",
        put("[garden ladder,", '["\u200b\u200b", garden ladder,'),
    ),
    Fault(
        "pattern-everything",
        WORDS,
        _OURS,
        "put `.*` before a pattern and left nothing else",
        put(r"'\bHX-[0-9]{4}-[A-Z]{4}\b'", "'.*'"),
    ),
    Fault("pattern-look-behind", WORDS, _OURS, "used a look-behind", put(r"'\bHX", "'(?<![A-Z])HX")),
    Fault("pattern-open-class", WORDS, _OURS, "lost the bracket of a class", put("[A-Z]{4}", "[A-Z{4}")),
    Fault("pattern-shorter", WORDS, _OURS, "allowed a digit fewer", put("[0-9]{4}-", "[0-9]{3,4}-")),
    Fault("pattern-longer", WORDS, _OURS, "asked for a digit more", put("[0-9]{4}-", "[0-9]{5}-")),
    Fault("pattern-any-case", WORDS, _OURS, "ignored case", put(r"'\bHX", r"'(?i)\bHX")),
    Fault("pattern-unbounded", WORDS, _OURS, "took the upper length away", put("[A-Z]{4}", "[A-Z]{4,}")),
    Fault("pattern-without-border", WORDS, _OURS, "took the word border at the front away", put(r"'\bHX", "'HX")),
    Fault(
        "replacement-lost",
        WORDS,
        _OURS,
        "deleted the replacement",
        inside("id: ticket-numbers", '    replace_with: "[ticket]"\n', ""),
    ),
    Fault(
        "replacement-empty",
        WORDS,
        _OURS,
        "replaced with nothing, unseen",
        inside("id: ticket-numbers", '"[ticket]"', '""'),
    ),
    Fault(
        "replacement-of-the-neighbour",
        WORDS,
        _OURS,
        "left the replacement of the rule it was copied from",
        inside("id: ticket-numbers", '"[ticket]"', '"[name]"'),
    ),
    Fault(
        "counts-as-misspelt",
        WORDS,
        _OURS,
        "counted under a hazard that is not there",
        put("custom.internal_name", "customs.internal_name"),
    ),
)

EXCLUDED = (
    Excluded(
        Fault(
            "case-of-a-word", WORDS, _LIST, "wrote a phrase in capitals", put("velvet lighthouse", "Velvet Lighthouse")
        ),
        "case never matters (the hash of the policy differs)",
    ),
    Excluded(
        Fault(
            "order-of-a-list",
            WORDS,
            _LIST,
            "sorted the list",
            put("copper heron\nvelvet lighthouse\n", "velvet lighthouse\ncopper heron\n"),
        ),
        "a list has no order (the hash of the policy differs)",
    ),
    Excluded(
        Fault(
            "rule-explained",
            WORDS,
            _OURS,
            "reworded why a rule is there",
            longer("id: ladder-advice", "every_turn: false"),
        ),
        "the value is the default (the hash of the policy differs)",
    ),
)
