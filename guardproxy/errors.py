"""Every failure of ours, drawn first.

GuardproxyError
├── UsageError               exit 2    the command line is wrong
├── ConfigError              exit 78   configuration or model files cannot be used
│   ├── SettingsError                  settings.yaml or GUARDPROXY_*
│   ├── PolicyError                    a policy set with at least one error (carries the report)
│   └── ModelFilesError                a model file is missing, cut or not the one we shipped
├── BadRequest               400 …     the caller's mistake (status, code, param)
│   └── Unauthorized         401       no key, an unknown one, or two
├── Overloaded               429/503   (retry_after seconds)
│   ├── LimitReached         429       a tenant or key has taken what it may (limit, quotas)
│   └── ShuttingDown         503       the grace after SIGTERM is used up, or a request came in it
├── GuardUnavailable         503       a rule that fails closed could not be judged
├── AuditUnavailable         503       the decision log must be written and cannot be
└── UpstreamError            502/504   (code, kind)
    ├── UpstreamUnreachable            nobody listens
    ├── UpstreamTimeout                silence
    ├── UpstreamRefused                an HTTP error of the upstream that keeps its status
    └── UpstreamBadAnswer              it answers, but not with what the protocol says
"""

from __future__ import annotations

from typing import Any


class GuardproxyError(Exception):
    """Root of the tree. Messages never hold user text."""


class UsageError(GuardproxyError):
    """The command line is wrong: exit 2."""


class ConfigError(GuardproxyError):
    """Configuration or model files cannot be used: exit 78, one line, no traceback."""


class SettingsError(ConfigError):
    """settings.yaml or a GUARDPROXY_* variable is wrong."""


class PolicyError(ConfigError):
    """A policy set holds at least one error; `report` is the text for people, `problems` the rows behind it."""

    def __init__(self, message: str, report: str = "", problems: tuple[Any, ...] = ()) -> None:
        super().__init__(message)
        self.report = report
        self.problems = problems


class ModelFilesError(ConfigError):
    """A shipped model file is missing, cut, or not the one in the manifest."""


class BadRequest(GuardproxyError):
    """The caller's mistake; `param` is the JSON path of the place, such as `messages[3].role`."""

    def __init__(self, message: str, *, code: str, param: str | None = None, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.param = param
        self.status = status


class Unauthorized(BadRequest):
    """The caller's key is missing, unknown, revoked, or one of two. The message says nothing of any key."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="invalid_api_key", status=401)


class Overloaded(GuardproxyError):
    """Too much at once; try again in `retry_after` seconds."""

    def __init__(self, message: str, *, retry_after: int = 1, status: int = 429) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.status = status


class LimitReached(Overloaded):
    """A tenant or one of its keys has taken what it may. `limit` is the metric label, `quotas` what headers tell."""

    def __init__(self, message: str, limit: str, retry_after: int, quotas: tuple[Any, ...] = ()) -> None:
        super().__init__(message, retry_after=retry_after)
        self.limit = limit
        self.quotas = quotas


class ShuttingDown(Overloaded):
    """The service stops: a request that came too late, or an answer that outlasted the grace."""

    def __init__(self) -> None:
        super().__init__("the service is shutting down; try again", retry_after=1, status=503)


class GuardUnavailable(GuardproxyError):
    """A rule that fails closed could not be judged. Never looks like a refusal."""

    def __init__(self, message: str, *, retry_after: int = 5) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class AuditUnavailable(GuardproxyError):
    """`audit: required`, and the record cannot be written."""


class UpstreamError(GuardproxyError):
    """The model server failed. `code` goes to the client, `kind` is the metric label."""

    status = 502

    def __init__(self, message: str, *, code: str, kind: str) -> None:
        super().__init__(message)
        self.code = code
        self.kind = kind


class UpstreamUnreachable(UpstreamError):
    """Nobody listens at the upstream's address."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="upstream_unreachable", kind="unreachable")


class UpstreamTimeout(UpstreamError):
    """The upstream stayed silent too long; `kind` is `timeout` or `idle`."""

    status = 504

    def __init__(self, message: str, *, kind: str = "timeout") -> None:
        super().__init__(message, code="upstream_timeout", kind=kind)


class UpstreamBadAnswer(UpstreamError):
    """It answers, but not with what the protocol says; `kind` is `protocol` or `reset`."""

    def __init__(self, message: str, *, kind: str = "protocol") -> None:
        super().__init__(message, code="upstream_protocol_error", kind=kind)


class UpstreamRefused(UpstreamError):
    """An HTTP error of the upstream; `status` is what our client gets."""

    def __init__(self, message: str, *, status: int, code: str, kind: str, retry_after: str | None = None) -> None:
        super().__init__(message, code=code, kind=kind)
        self.status = status
        self.retry_after = retry_after
