"""Faults of where a policy applies, and of the exceptions to its rules."""

from __future__ import annotations

from guardproxy.testing.mutations.fault import Excluded, Fault, both, inside, longer, put, top

WHERE = "where it applies"
HOLES = "exceptions"
_TEST = "\ntests:\n"
_HOLE = "exceptions:\n  - rule: {rule}\n    when: {when}\n    because: Two upheld appeals in May.\n    expires: {end}\n"


def _hole(rule: str, when: str, end: str = "2027-03-31") -> str:
    return _HOLE.format(rule=rule, when=when, end=end)


FAULTS = (
    Fault(
        "applies-lost",
        WHERE,
        "default.yaml",
        "deleted `applies_to` of the only policy that applies",
        put('applies_to: {routes: ["*"], tenants: ["*"]}\n', ""),
    ),
    Fault("applies-empty", WHERE, "default.yaml", "emptied the list of routes", put('routes: ["*"]', "routes: []")),
    Fault(
        "applies-narrowed",
        WHERE,
        "default.yaml",
        "let the only policy apply to one route",
        put('routes: ["*"]', "routes: [support]"),
        why="the routes stand in the settings; a request on another one is turned away with GP308, never passed",
    ),
    Fault(
        "route-misspelt",
        WHERE,
        "support-chat.yaml",
        "wrote a route that does not exist",
        put("routes: [support]", "routes: [suport]"),
        why="the routes stand in the settings, not in the policies",
    ),
    Fault(
        "applies-twice",
        WHERE,
        "strict.yaml",
        "let a second policy apply to everything",
        top('applies_to: {routes: ["*"]}'),
    ),
    Fault(
        "star-without-quotes", WHERE, "default.yaml", "wrote `*` without quotes", put('routes: ["*"]', "routes: [*]")
    ),
    Fault(
        "unscannable-allowed",
        WHERE,
        "default.yaml",
        "let pictures and files through unchecked",
        top("on_unscannable: allow"),
    ),
    Fault(
        "unscannable-noticed",
        WHERE,
        "default.yaml",
        "let pictures and files through with a notice",
        top("on_unscannable: warn"),
    ),
    Fault(
        "languages-refused",
        WHERE,
        "default.yaml",
        "refused every language the classifiers do not cover",
        top("uncovered_language: refuse"),
    ),
    Fault(
        "languages-not-noticed",
        WHERE,
        "strict.yaml",
        "took the notice for other languages out",
        put("uncovered_language: warn\n", ""),
    ),
    Fault(
        "escalate-to-nobody",
        WHERE,
        "default.yaml",
        "escalated other languages to a detector nobody has installed",
        top("uncovered_language: escalate"),
    ),
    Fault(
        "limit-raised",
        WHERE,
        "default.yaml",
        "allowed requests of more text than the language knows",
        top("max_input_chars: 20000000"),
    ),
    Fault(
        "limit-lowered",
        WHERE,
        "default.yaml",
        "allowed requests of 1,000 characters only",
        top("max_input_chars: 1000"),
        why="a test cannot say how a request is answered that is turned away before it is judged",
    ),
    Fault(
        "levels-crossed",
        WHERE,
        "support-chat.yaml",
        "watched less than is enforced",
        put("{enforce: 1, shadow: 2}", "{enforce: 2, shadow: 1}"),
    ),
    Fault(
        "level-raised",
        WHERE,
        "support-chat.yaml",
        "enforced a trial by raising the level",
        put("{enforce: 1, shadow: 2}", "{enforce: 2, shadow: 2}"),
    ),
    Fault(
        "levels-lost",
        WHERE,
        "support-chat.yaml",
        "deleted the levels, so that a trial is no longer watched",
        put("levels: {enforce: 1, shadow: 2}\n", ""),
    ),
    Fault(
        "trial-enforced",
        WHERE,
        "support-chat.yaml",
        "deleted `mode: shadow` of a trial",
        inside("id: submarine-trial", "    mode: shadow\n", ""),
    ),
    Fault(
        "revision-jumped",
        WHERE,
        "base.yaml",
        "typed 1000 for the revision",
        put("revision: 1\n", "revision: 1000\n"),
        why="any whole number is a revision; a change of content under an old one is told on reload (GP715)",
    ),
    Fault(
        "exception-expired",
        HOLES,
        "support-chat.yaml",
        "left an exception in past its end",
        put("expires: 2027-03-31", "expires: 2026-10-31"),
    ),
    Fault(
        "exception-expires-soon",
        HOLES,
        "support-chat.yaml",
        "gave an exception a fortnight",
        put("expires: 2027-03-31", "expires: 2026-12-12"),
    ),
    Fault(
        "exception-for-ever",
        HOLES,
        "support-chat.yaml",
        "gave an exception ten years",
        put("expires: 2027-03-31", "expires: 2036-03-31"),
    ),
    Fault(
        "exception-without-end",
        HOLES,
        "support-chat.yaml",
        "gave an exception no end",
        put("    expires: 2027-03-31\n", ""),
    ),
    Fault(
        "exception-no-day",
        HOLES,
        "support-chat.yaml",
        "wrote the 31st of February",
        put("expires: 2027-03-31", "expires: 2027-02-31"),
    ),
    Fault(
        "exception-other-date",
        HOLES,
        "support-chat.yaml",
        "wrote the day as at home",
        put("expires: 2027-03-31", "expires: 31.03.2027"),
    ),
    Fault(
        "exception-without-reason",
        HOLES,
        "support-chat.yaml",
        "gave an exception no reason",
        put("    because: The shop's address is public; three upheld appeals in May.\n", ""),
    ),
    Fault(
        "exception-too-broad",
        HOLES,
        "support-chat.yaml",
        "excepted the code name itself",
        put("words: [Copper Heron Street]", "words: [Copper Heron]"),
    ),
    Fault(
        "exception-for-a-route",
        HOLES,
        "support-chat.yaml",
        "excepted the whole route",
        put("when: {words: [Copper Heron Street]}", "when: {routes: [support, test]}"),
    ),
    Fault(
        "exception-for-the-real-route",
        HOLES,
        "support-chat.yaml",
        "excepted the whole route, of which no test speaks",
        put("when: {words: [Copper Heron Street]}", "when: {routes: [support], words: [Copper Heron Street, copper]}"),
    ),
    Fault(
        "exception-always",
        HOLES,
        "support-chat.yaml",
        "emptied the condition",
        put("when: {words: [Copper Heron Street]}", "when: {}"),
    ),
    Fault(
        "exception-lost",
        HOLES,
        "support-chat.yaml",
        "deleted the phrase a false alarm needs",
        put("words: [Copper Heron Street]", "words: [Copper Heron Lane]"),
    ),
    Fault(
        "exception-misspelt",
        HOLES,
        "support-chat.yaml",
        "excepted a rule that is not there",
        put("exceptions:\n  - rule: internal-names", "exceptions:\n  - rule: internal-name"),
    ),
    Fault(
        "exception-of-locked",
        HOLES,
        "default.yaml",
        "excepted a tenant from a locked rule",
        put(_TEST, "\n" + _hole("sexual-minors", "{tenants: [studio]}") + _TEST),
    ),
    Fault(
        "words-without-places",
        HOLES,
        "default.yaml",
        "narrowed a hazard by words, which has no place in the text",
        put(_TEST, "\n" + _hole("hate-threat", "{words: [song title]}") + _TEST),
    ),
    Fault(
        "exception-everywhere",
        HOLES,
        "default.yaml",
        "excepted every route of a rule",
        put(_TEST, "\n" + _hole("violence-crime", '{routes: ["*"]}') + _TEST),
    ),
    Fault(
        "exception-for-one-tenant",
        HOLES,
        "default.yaml",
        "excepted one tenant from a rule that is not locked",
        put(_TEST, "\n" + _hole("violence-crime", "{tenants: [studio]}") + _TEST),
        why="with a reason and an end this is what exceptions are for; the hash and `guardproxy diff` show it",
    ),
)

EXCLUDED = (
    Excluded(
        Fault("levels-of-nothing", WHERE, "default.yaml", "enforced level 3", top("levels: {enforce: 3}")),
        "no shipped rule has a level (the hash of the policy differs)",
    ),
    Excluded(
        Fault(
            "words-excepted-twice",
            HOLES,
            "support-chat.yaml",
            "excepted a phrase twice",
            both(put("[Copper Heron Street]", "[Copper Heron Street, copper heron street]")),
        ),
        "case does not matter, so the phrase is the same (the hash of the policy differs)",
    ),
    Excluded(
        Fault(
            "known-false-positive",
            HOLES,
            "support-chat.yaml",
            "noted a known false alarm",
            longer("id: internal-names", "known_false_positives: [Heron Street shop]"),
        ),
        "a note for people and for `eval`",
    ),
)
