"""Replies that tell a client to wait: 429 and Retry-After."""

import re
from email.utils import parsedate_to_datetime

from conformance import expect
from conformance.api import Api
from conformance.checks.errors import of_the_api
from conformance.errors import Violation
from conformance.model import Exchange, Reply, Severity
from conformance.registry import Differs, rule
from conformance.scripts import LOGIN, line

SUBJECT = "token"
TOO_MANY = 429
_BUSY = Reply(TOO_MANY, (("Content-Type", "text/plain"), ("Retry-After", "60")), "Too many requests; try again in a minute.")


@rule(
    "retry-after-format",
    clause="N-9110-20",
    severity=Severity.MEDIUM,
    when=lambda exchange, api: of_the_api(exchange, api) and expect.answered(exchange).header("Retry-After") is not None,
    right=[line(LOGIN, _BUSY)],
    wrong=[Differs(0, "header:Retry-After", value) for value in ("1500ms", "1.5", "-1", "soon", "2026-11-24T12:00:00Z")],
)
def retry_after_format(exchange: Exchange, api: Api) -> None:
    """Retry-After is a date as HTTP writes it, or a number of seconds."""
    value = (expect.answered(exchange).header("Retry-After") or "").strip()
    if not re.fullmatch(r"[0-9]+", value) and not is_http_date(value):
        raise Violation("a date or whole seconds", f"header Retry-After is {value!r}")


def is_http_date(value: str) -> bool:
    """Whether the value is an IMF-fixdate (RFC 9110 section 5.6.7), the one form of a date that may still be sent."""
    if not re.fullmatch(r"[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT", value):
        return False
    try:
        return parsedate_to_datetime(value).strftime("%a") == value[:3]
    except ValueError:
        return False


@rule(
    "too-many-says-so",
    clause="N-6585-01",
    severity=Severity.LOW,
    when=lambda exchange, api: (
        of_the_api(exchange, api) and expect.answered(exchange).status == TOO_MANY and exchange.request.method != "HEAD"
    ),
    right=[line(LOGIN, _BUSY)],
    wrong=[Differs(0, "body", ""), Differs(0, "body", " \r\n")],
)
def too_many_says_so(exchange: Exchange, api: Api) -> None:
    """A 429 has a body that says what there was too much of."""
    if not expect.answered(exchange).body.strip():
        raise Violation("a text about the limit", "body is empty")
