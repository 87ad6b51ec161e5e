"""The language model of our words, loaded beside the start: until it is there, a text has no known language."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable

from guardproxy.detectors.language import LanguageGuess, guess


class Languages:
    """Loads in a thread of its own, once the listeners accept: neither the start nor an answer waits for it.

    `say` is told the name of what came of it: `languages_ready` or `languages_missing`.
    """

    def __init__(self, say: Callable[[str], object] = lambda _event: None) -> None:
        self._say = say
        self._guess: LanguageGuess | None = None
        self._thread = threading.Thread(target=self._load, name="languages", daemon=True)

    def start(self) -> None:
        """Begins to load; call it once."""
        self._thread.start()

    def of(self, text: str) -> str | None:
        """A language tag, or None for what is unclear or not known yet."""
        return self._guess.of(text) if self._guess is not None else None

    def ready(self, seconds: float) -> bool:
        """Waits for the model."""
        self._thread.join(seconds)
        return self._guess is not None

    def close(self) -> None:
        """Waits for the thread: one that is in native code when the interpreter ends aborts the whole process."""
        if self._thread.is_alive():
            self._thread.join()

    def _load(self) -> None:
        try:
            self._guess = guess()
        except OSError:  # it is unpacked into a temporary file
            self._say("languages_missing")
            return
        # All that is loaded by now stays for good: a look through its 100,000 objects halts every answer for 60 ms.
        gc.collect()
        gc.freeze()
        self._say("languages_ready")
