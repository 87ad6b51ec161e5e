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


def test_a_model_that_cannot_be_unpacked_is_told_and_missed(monkeypatch):
    def full():
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("guardproxy.proxy.languages.guess", full)
    said = []
    languages = Languages(said.append)
    languages.start()
    assert not languages.ready(60)
    assert said == ["languages_missing"]
    assert languages.of(TEXT) is None


def test_closing_waits_for_the_thread():
    languages = Languages()
    languages.close()  # not begun: nothing to wait for
    languages.start()
    languages.close()
    assert languages.of(TEXT) == "de"
