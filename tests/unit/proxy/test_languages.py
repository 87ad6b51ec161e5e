"""Until the language model is there, no text has a language."""

from guardproxy.proxy.languages import Languages

TEXT = "Das ist ein ganz gewöhnlicher deutscher Satz über das Wetter von morgen."


def test_nothing_is_known_before_the_start_and_german_is_after():
    languages = Languages()
    assert languages.of(TEXT) is None
    languages.start()
    assert languages.ready(60)
    assert languages.of(TEXT) == "de"
    assert languages.of("") is None
