"""What every exchange has in common, whatever its surface: the body, the words, one answer, one record."""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from dataclasses import dataclass

from guardproxy.core.conversation import Conversation
from guardproxy.core.judge import Context
from guardproxy.core.rules import Policy
from guardproxy.detectors.bench import Bench
from guardproxy.errors import AuditUnavailable, GuardproxyError
from guardproxy.proxy.client import Client
from guardproxy.proxy.hall import Hall
from guardproxy.proxy.ledger import Ledger
from guardproxy.proxy.routes import Route, Routes
from guardproxy.proxy.settings import ServiceSettings
from guardproxy.proxy.tenants import Caller
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
    caller: Caller

    @property
    def tenant(self) -> str:
        """The name that policies, metrics and records know the caller's tenant by."""
        return self.caller.tenant.name

    @property
    def routes(self) -> Routes:
        """As this caller may see them."""
        return self.caller.tenant.routes

    @property
    def exact(self) -> bool:
        """True for a key that may see scores as they are."""
        return "scores" in self.caller.scopes

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
            with self._client.interruptible():
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
        self._incoming = Incoming(self._incoming.headers, route, self._incoming.caller)
        self.ledger.route = route.name
        policy = self.ledger.policy = self._hall.shelf.select(self._incoming.tenant, route.name)
        return policy

    def _bench(self, policy: Policy) -> Bench:
        """The policy's detectors, which remember texts for this tenant alone."""
        return self._hall.benches.bench(policy).of(self._incoming.tenant)

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
            service=self._service(),
            reader=reader,
            reference=self.ledger.decision_id,
            now=hall.clock(),
            detect=hall.languages.of,
            background=self._incoming.route.settings.background,
        )

    def _service(self) -> ServiceSettings:
        """What texts call this service, and where the tenant is."""
        country, service = self._incoming.caller.tenant.settings.country, self._hall.settings.service
        return service.model_copy(update={"country": country}) if country else service

    def _context(self) -> Context:
        return Context(
            route=self._incoming.route.name,
            tenant=self._incoming.tenant,
            now=self._hall.clock(),
            trusted_system="trusted_system" in self._incoming.caller.scopes,
        )

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

    def begin(self) -> None:
        """Before the headers of a stream leave. AuditUnavailable: they may not."""
        if not self._recorded:
            self._hall.recorder.begin(self.ledger.outcome(self.ledger.upstream))

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
        self._recorded = self._client.settled = True
        ledgers = (self.ledger, *self._beside)
        for ledger in ledgers:
            ledger.status = ledger.status or self._client.status or self.ledger.status
        first, *others = (ledger.outcome(ledger.upstream) for ledger in ledgers)
        await self._hall.recorder.record(first)
        if others:
            await asyncio.gather(*(self._hall.recorder.record(outcome) for outcome in others))
