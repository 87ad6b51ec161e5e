"""What every exchange has in common, whatever its surface: the body, the words, one answer, one record."""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

from guardproxy.core.conversation import Conversation
from guardproxy.core.judge import Context
from guardproxy.core.rules import Policy
from guardproxy.detectors.bench import Bench
from guardproxy.errors import AuditUnavailable, GuardproxyError
from guardproxy.proxy.client import Client
from guardproxy.proxy.hall import Hall
from guardproxy.proxy.ledger import Ledger
from guardproxy.proxy.routes import Route
from guardproxy.proxy.trial import Evidence
from guardproxy.proxy.wording import Reader, Wording
from guardproxy.wire.body import Limits
from guardproxy.wire.errors import ErrorAnswer, error_answer
from guardproxy.wire.headers import Headers

JSON: Headers = (("content-type", "application/json"),)


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request's head, as the listener understood it. `route`: the default one until the model is known."""

    headers: Headers
    route: Route
    tenant: str

    def header(self, name: str) -> str:
        """The first header of that name (lower case), or ""."""
        return next((v for n, v in self.headers if n == name), "")


class Exchange(ABC):
    """One request and its answer. A surface says in `_run` what happens in between."""

    def __init__(self, hall: Hall, incoming: Incoming, client: Client, ledger: Ledger) -> None:
        self._hall = hall
        self._incoming = incoming
        self._client = client
        self.ledger = ledger
        self._beside: list[Ledger] = []
        self._recorded = False
        self._weight = 0
        self.evidence: Evidence | None = None

    async def run(self) -> None:
        """The whole exchange. Our errors are answered here; anything else is the request edge's."""
        try:
            answer = await self._attempt()
            if answer is not None:
                await self._answer_error(answer)
        finally:
            self._hall.bodies.give_back(self._weight)
            await self.record_fault()
            self._hall.trial.offer(self.evidence)  # the answer has left, nothing can change it any more

    async def _attempt(self) -> ErrorAnswer | None:
        """The answer to an error of ours, if there was one.

        The error itself ends here: its traceback holds the body and the tree, and an answer may have to wait.
        """
        try:
            await self._run()
        except GuardproxyError as error:
            self.ledger.failed(error)
            if self._client.started:
                raise
            return self.error(error)
        except BaseException:
            self.ledger.error = "client_abort" if self._client.gone else "error"
            raise
        return None

    @property
    def client(self) -> Client:
        """The caller, for those who stream."""
        return self._client

    def error(self, error: GuardproxyError) -> ErrorAnswer:
        """An error as this surface shows it."""
        return error_answer(error)

    @abstractmethod
    async def _run(self) -> None:
        """From the body to the answer."""

    async def _body(self) -> bytes:
        """The body; from now on a caller who leaves ends the exchange."""
        limits = self._hall.settings.limits
        raw = await self._client.body(limits.body_bytes, limits.body_timeout_s, self._weigh)
        task = asyncio.current_task()
        if task is None:
            raise AssertionError("an exchange runs in a task; this is a bug")
        self._client.watch(task)
        return raw

    def _weigh(self, size: int) -> None:
        self._hall.bodies.take(size)
        self._weight += size

    def _enter(self, route: Route) -> Policy:
        """From now on this is the exchange's route; gives the policy in force there."""
        self._incoming = replace(self._incoming, route=route)
        self.ledger.route = route.name
        policy = self.ledger.policy = self._hall.shelf.select(self._incoming.tenant, route.name)
        return policy

    def _limits(self) -> Limits:
        limits = self._hall.settings.limits
        return Limits(max_bytes=limits.body_bytes, max_choices=limits.choices)

    def _words(self, policy: Policy, conversation: Conversation) -> Wording:
        header, hall = self._incoming.header, self._hall
        reader = Reader(
            locale_header=header("x-guardproxy-locale"),
            accept_language=header("accept-language"),
            country_header=header("x-guardproxy-country"),
            last_text=conversation.last_user_text(),
        )
        return Wording(
            catalogue=hall.catalogue(),
            policy=policy,
            service=hall.settings.service,
            reader=reader,
            reference=self.ledger.decision_id,
            now=hall.clock(),
            detect=hall.languages.of,
            background=self._incoming.route.settings.background,
        )

    def _context(self) -> Context:
        return Context(route=self._incoming.route.name, tenant=self._incoming.tenant, now=self._hall.clock())

    def _note_language(self, ledger: Ledger, text: str, bench: Bench) -> None:
        ledger.language = self._hall.languages.of(text)
        ledger.language_covered = bench.covers(ledger.language)

    async def _whole(self, status: int, headers: Headers, body: bytes) -> None:
        self.ledger.status = status
        await self.record()
        await self._client.whole(status, (*headers, *self.ledger.headers()), body)

    async def _answer_error(self, answer: ErrorAnswer) -> None:
        self.ledger.status = answer.status
        if not self._recorded:
            try:
                await self.record()
            except AuditUnavailable as error:
                answer = self.error(error)
        await self._client.whole(answer.status, (*answer.headers, *self.ledger.headers()), answer.body)

    async def record_fault(self) -> None:
        """The record of an exchange that ends as a fault anyway: a log that cannot be written changes nothing."""
        with contextlib.suppress(AuditUnavailable):
            await self.record()

    async def record(self) -> None:
        """The one door for outcomes; in `required` mode it returns when the record is on disk.

        A batch has a record for each of its decisions: the first stands for the exchange, the others beside it.
        """
        if self._recorded:
            return
        self._recorded = True
        ledgers = (self.ledger, *self._beside)
        for ledger in ledgers:
            ledger.status = ledger.status or self._client.status or self.ledger.status
        first, *others = (ledger.outcome(ledger.upstream) for ledger in ledgers)
        await self._hall.recorder.record(first)
        await asyncio.gather(*(self._hall.recorder.record(outcome) for outcome in others))
