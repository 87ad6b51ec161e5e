"""Faults of the texts people read, of streams and of dialogues."""

from __future__ import annotations

from guardproxy.testing.mutations.fault import Fault, both, inside, put

TEXTS = "texts people read"
TALK = "streams and dialogues"
_OURS = "support-chat.yaml"
_EN = "en: Please follow the safety notes that came with your ladder."
_HARD = "en: I can't help with {topic} in this chat. I can help with your order or your account."

FAULTS = (
    Fault("placeholder-misspelt", TEXTS, _OURS, "wrote `{topics}`", put(_HARD, _HARD.replace("{topic}", "{topics}"))),
    Fault(
        "placeholder-of-the-user",
        TEXTS,
        _OURS,
        "wrote `{prompt}`, to repeat what was asked",
        put(_HARD, _HARD.replace("{topic}", "{prompt}")),
    ),
    Fault(
        "rude",
        TEXTS,
        _OURS,
        "wrote a text that judges",
        put(_HARD, "en: Your request is inappropriate and violates our rules. Try something else."),
    ),
    Fault(
        "no-way-on", TEXTS, _OURS, "wrote a refusal that leads nowhere", put(_HARD, "en: I can't help with {topic}.")
    ),
    Fault("html", TEXTS, _OURS, "wrote HTML into a text", put(_EN, _EN.replace("safety notes", "<b>safety notes</b>"))),
    Fault(
        "helpline-lost",
        TEXTS,
        _OURS,
        "took `{helpline}` out of the crisis text",
        put("alone.\n          {helpline}\n", "alone.\n"),
    ),
    Fault(
        "number-typed",
        TEXTS,
        _OURS,
        "typed a telephone number into the crisis text",
        put("alone.\n          {helpline}", "alone.\n          {helpline} Call 116 123."),
    ),
    Fault(
        "translation-lost",
        TEXTS,
        _OURS,
        "deleted a translation",
        put("        de: Bitte folgen Sie den Sicherheitshinweisen Ihrer Leiter.\n", ""),
    ),
    Fault("locale-misspelt", TEXTS, _OURS, "wrote `english:` for a language", put(_EN, _EN.replace("en:", "english:"))),
    Fault(
        "locale-swapped",
        TEXTS,
        _OURS,
        "wrote the German text under `en`",
        both(
            put(_EN, "en: Bitte folgen Sie den Sicherheitshinweisen Ihrer Leiter."),
            put("de: Bitte folgen", "fr: Bitte folgen"),
        ),
    ),
    Fault("shape-misspelt", TEXTS, _OURS, "wrote `notices:`", put("      notice:\n", "      notices:\n")),
    Fault(
        "text-for-no-rule",
        TEXTS,
        _OURS,
        "wrote a text for a rule that is not there",
        put("    ladder-advice:\n      notice", "    ladders-advice:\n      notice"),
    ),
    Fault(
        "text-for-no-hazard",
        TEXTS,
        _OURS,
        "wrote a text for a hazard that is not there",
        put("    self_harm.intent:\n", "    self_harm.intend:\n"),
    ),
    Fault(
        "crisis-another-shape",
        TEXTS,
        _OURS,
        "wrote a refusal for a person at risk",
        put("      crisis:\n", "      hard:\n"),
    ),
    Fault("tone-invented", TEXTS, _OURS, "wrote `tone: friendly`", put("tone: warm", "tone: friendly")),
    Fault("text-empty", TEXTS, _OURS, "emptied a text", put(_EN, 'en: ""')),
    Fault("text-endless", TEXTS, _OURS, "wrote a page of text", put(_EN, _EN + " Please read them." * 80)),
    Fault(
        "topic-lost", TEXTS, _OURS, "deleted the translation of a topic", put(", de: unseren künftigen Produkten", "")
    ),
    Fault(
        "catalogue-placeholder",
        TEXTS,
        "messages/en.yaml",
        "misspelt a placeholder in the catalogue",
        lambda text: text.replace("{topic}", "{topics}", 1),
    ),
    Fault(
        "catalogue-label-lost",
        TEXTS,
        "messages/en.yaml",
        "deleted a topic of the catalogue",
        put("  crime.fraud: deceiving people for money\n", ""),
    ),
    Fault(
        "catalogue-helpline-lost",
        TEXTS,
        "messages/en.yaml",
        "took the first `{helpline}` out of the catalogue",
        lambda text: text.replace("{helpline}", "", 1),
    ),
    Fault(
        "catalogue-half", TEXTS, "messages/en.yaml", "saved half of a catalogue", lambda text: text[: len(text) // 2]
    ),
    Fault(
        "helpline-no-day",
        TEXTS,
        "data/helplines.yaml",
        "wrote a day that does not exist for a help line",
        inside("id: us-911", "expires_on: null", "expires_on: 2027-02-31"),
    ),
    Fault(
        "immediate",
        TALK,
        _OURS,
        "released answers before they are checked",
        put("release: buffer", "release: immediate"),
    ),
    Fault(
        "release-unsaid",
        TALK,
        _OURS,
        "released answers piece by piece, though drafts are written again",
        put("release: buffer", "release: after_check"),
    ),
    Fault("window-zero", TALK, _OURS, "set a window to nothing", put("characters: 480", "characters: 0")),
    Fault("overlap-half", TALK, _OURS, "overlapped windows by more than half", put("overlap: 128", "overlap: 260")),
    Fault("overlap-none", TALK, _OURS, "overlapped windows not at all", put("overlap: 128", "overlap: 0")),
    Fault("hold-endless", TALK, _OURS, "held text for 90 seconds", put("longest_hold: 1500ms", "longest_hold: 90s")),
    Fault("few-messages", TALK, _OURS, "looked at the last two messages only", put("messages: all", "messages: 2")),
    Fault("drift-high", TALK, _OURS, "raised the drift, so that nothing adds up", put("drift: 0.22", "drift: 0.60")),
    Fault(
        "drift-low", TALK, _OURS, "lowered the drift, so that harmless talk adds up", put("drift: 0.22", "drift: 0.02")
    ),
    Fault(
        "escalation-falls",
        TALK,
        _OURS,
        "put the refusal of a dialogue below its notice",
        put("warn: 0.65, refuse: 0.80", "warn: 0.80, refuse: 0.65"),
    ),
    Fault(
        "escalation-raised",
        TALK,
        _OURS,
        "raised the refusal of a dialogue from 0.80 to 1.60",
        put("refuse: 0.80}\n  cool", "refuse: 1.60}\n  cool"),
    ),
    Fault(
        "escalation-narrowed", TALK, _OURS, "took a family out of the escalation", put("[crime, weapons]", "[weapons]")
    ),
    Fault(
        "escalation-crisis",
        TALK,
        _OURS,
        "added self-harm to the escalation",
        put("[crime, weapons]", "[crime, weapons, self_harm]"),
    ),
    Fault(
        "escalation-lost",
        TALK,
        _OURS,
        "emptied the steps of the escalation",
        put("steps: {log: 0.50, warn: 0.65, refuse: 0.80}", "steps: {}"),
    ),
    Fault(
        "cool-down-later", TALK, _OURS, "paused after five refusals instead of three", put("{after: 3,", "{after: 5,")
    ),
    Fault("cool-down-at-once", TALK, _OURS, "paused after one refusal", put("{after: 3,", "{after: 1,")),
    Fault(
        "cool-down-long", TALK, _OURS, "paused for ten hours instead of ten minutes", put("lasts: 10m", "lasts: 10h")
    ),
    Fault("cool-down-short", TALK, _OURS, "paused for a minute", put("lasts: 10m", "lasts: 1m")),
    Fault(
        "cool-down-rarely", TALK, _OURS, "counted refusals of the last minute only", put("within: 15m", "within: 1m")
    ),
    Fault(
        "memory-short",
        TALK,
        _OURS,
        "kept the numbers of a session for a second",
        put("memory: {keep: 30m", "memory: {keep: 1s"),
        why="a test holds the session's numbers itself; how long the service keeps them between requests is no part of it",
    ),
    Fault(
        "fallback-weakened",
        TALK,
        _OURS,
        "delivered the last draft with a notice where none was polite enough",
        put("fallback: refuse", "fallback: warn"),
        why="a test never calls a model, so it has no second draft to judge",
    ),
    Fault("tries-many", TALK, _OURS, "asked for ten drafts", put("tries: 1", "tries: 10")),
    Fault(
        "crisis-unsaid",
        TALK,
        _OURS,
        "deleted what the model is told of a person at risk",
        put(
            "crisis:\n  instruction: The person may be at risk. Listen, stay kind, name no methods, and do not end the talk.\n",
            "",
        ),
        why="a test never calls a model, so it does not see what one is told",
    ),
)
