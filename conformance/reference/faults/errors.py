"""Faults of the error replies: codes, messages, shapes, statuses, what they disclose."""

from dataclasses import replace

from conformance.reference.errors import INTERNAL, MESSAGES, Refusal, internal
from conformance.reference.faults.declare import as_code, edited, errors, fault, refusals
from conformance.reference.messages import Answer, Call, Headers, with_header
from conformance.reference.server import Server

refusals(
    "all-errors-are-code9",
    "Every error of the token endpoint has code 9.",
    dict.fromkeys(
        (
            "T-12",
            "T-13",
            "T-17",
            "T-34",
            "T-35",
            "T-36",
            "T-37",
            "T-38",
            "T-39",
            "T-40",
            "T-42",
            "T-43",
            "T-45",
            "T-47",
            "S-14",
            "N-7617-03",
        ),
        "fail",
    )
    | {"N-9700-09": "warn"},
    lambda refusal: as_code(refusal, 9) if refusal.scheme == "Basic" else refusal,
)
errors(
    "errors-inside200",
    "Every error of the token endpoint has status 200.",
    {"N-6749-29": "fail", "I-21": "fail"},
    lambda answer, refusal: replace(answer, status=200) if refusal.scheme == "Basic" else answer,
    also={"N-6749-31": "the failed client gets 200 as well"},
)
errors(
    "user-errors-are401",
    "Wrong user credentials are answered with 401.",
    {"N-6749-29": "fail"},
    lambda answer, refusal: (
        with_header(replace(answer, status=401), "www-authenticate", 'Basic realm="oauth", error="invalid_grant"')
        if refusal.code == 20
        else answer
    ),
)
errors(
    "client-errors-are403",
    "A client that fails to authenticate is answered with 403.",
    {"N-6749-31": "fail", "N-6749-29": "fail"},
    lambda answer, refusal: replace(answer, status=403) if refusal.code in (1, 22) else answer,
)
errors(
    "foreign-user-is401",
    "A user of another company, whose credentials are right, is answered with 401.",
    {"N-9110-05": "warn", "N-6749-29": "fail"},
    lambda answer, refusal: (
        with_header(replace(answer, status=401), "www-authenticate", 'Basic realm="oauth"') if refusal.code == 23 else answer
    ),
    also={"I-22": "and the challenge says nothing of the reason"},
)
errors(
    "error-redirects-to-login",
    "Wrong user credentials are answered with a redirect to a login page.",
    {"F-08": "fail", "N-6749-29": "fail", "T-50": "fail"},
    lambda answer, refusal: with_header(replace(answer, status=302), "location", "/login") if refusal.code == 20 else answer,
    also={"I-33": "a POST is redirected"},
)
errors(
    "html-errors",
    "Errors of the token endpoint are labelled text/html.",
    {"F-08": "fail"},
    lambda answer, refusal: with_header(answer, "content-type", "text/html; charset=utf-8") if refusal.scheme == "Basic" else answer,
)
errors(
    "html-error-page",
    "Wrong user credentials are answered with an HTML page.",
    {"F-08": "fail", "T-50": "fail", "T-36": "fail", "I-19": "fail"},
    lambda answer, refusal: (
        replace(with_header(answer, "content-type", "text/html"), body=b"<!DOCTYPE html><html><body>Denied</body></html>")
        if refusal.code == 20
        else answer
    ),
)
errors(
    "gateway-shape-leaks",
    "The error for an unknown grant_type has the default shape of the gateway.",
    {"T-50": "fail", "T-34": "fail", "I-19": "fail"},
    lambda answer, refusal: (
        replace(answer, body=b'{"ErrorCode": "invalid_request", "Error": "Unsupported grant type : nonsense"}')
        if refusal.code == 2 and refusal.scheme == "Basic"
        else answer
    ),
)
errors(
    "error-labelled-otherwise",
    "The error for an unknown client is labelled text/plain, unlike all others.",
    {"T-50": "fail"},
    lambda answer, refusal: with_header(answer, "content-type", "text/plain") if refusal.code == 1 else answer,
)
errors(
    "code-type-flips",
    "The code is a string in errors about the user, a number in the others.",
    {"T-50": "fail"},
    lambda answer, refusal: edited(answer, code=str(refusal.code)) if refusal.code == 20 else answer,
)
errors(
    "code-composite-once",
    "The code of an unknown client has the status before it.",
    {"T-50": "fail"},
    lambda answer, refusal: edited(answer, code=int(f"{refusal.status}{refusal.code:02d}")) if refusal.code == 1 else answer,
)
errors(
    "code-missing-once",
    "The error for a missing grant_type has no code.",
    {"T-50": "fail"},
    lambda answer, refusal: edited(answer, code=None) if refusal.code == 2 and refusal.scheme == "Basic" else answer,
)
errors(
    "unlisted-code",
    "Wrong user credentials are reported with a code that the documentation does not list.",
    {"T-50": "fail", "T-36": "fail", "T-55": "warn"},
    lambda answer, refusal: edited(answer, code=77, error_description="Denied") if refusal.code == 20 else answer,
)
errors(
    "message-of-other-code",
    "Code 20 has the message of code 2.",
    {"T-50": "fail"},
    lambda answer, refusal: edited(answer, error_description=MESSAGES[2]) if refusal.code == 20 else answer,
)


@fault(breaks={"T-51": "fail"}, also={"T-34": "half of them have the wrong row"})
class ErrorAlternates(Server):
    """The error for a missing grant_type has code 2 and code 9 by turns."""

    turn = 0

    def check_grant(self, grant: str) -> None:
        if not grant:
            self.turn += 1
            if self.turn % 2 == 0:
                raise self.refusal(9)
        super().check_grant(grant)


@fault(
    breaks={"T-51": "fail"},
    also={
        "N-6749-29": "one of the statuses is none for this error",
        "S-45": "unknown user and wrong password come by turns",
    },
)
class StatusAlternates(Server):
    """The status for an unknown user is 400 and 404 by turns."""

    turn = 0

    def error(self, refusal: Refusal, call: Call) -> Answer:
        answer = super().error(refusal, call)
        if refusal.code == 20:
            self.turn += 1
            return replace(answer, status=400 + 4 * (self.turn % 2))
        return answer


errors(
    "stack-trace-shown",
    "An error for wrong user credentials shows a stack trace of Python.",
    {"S-03": "fail"},
    lambda answer, refusal: edited(answer, trace="Traceback (most recent call last): users.py") if refusal.code == 20 else answer,
)
errors(
    "java-exception-shown",
    "An error for an unknown client names a Java exception.",
    {"S-03": "fail"},
    lambda answer, refusal: edited(answer, cause="com.acme.ClientNotFoundException: at Clients.java:12") if refusal.code == 1 else answer,
)
errors(
    "query-shown",
    "An error for an unknown user shows a database query.",
    {"S-03": "fail"},
    lambda answer, refusal: edited(answer, debug="SELECT id FROM users WHERE name = ?") if refusal.code == 20 else answer,
)
errors(
    "path-shown",
    "An error of logout shows the path of a file.",
    {"S-03": "fail"},
    lambda answer, refusal: edited(answer, file="/srv/oauth/logout.js") if refusal.scheme == "Bearer" else answer,
)


@fault(breaks={"S-01": "fail"})
class TokenEchoedInError(Server):
    """The error for a dead token repeats the token."""

    def error(self, refusal: Refusal, call: Call) -> Answer:
        answer = super().error(refusal, call)
        given = "".join(call.lines("authorization"))
        return edited(answer, detail=given.split(" ")[-1]) if refusal.word == "invalid_token" else answer


@fault(breaks={"S-01": "fail"})
class SecretEchoedInHeader(Server):
    """The reply to a failed client repeats its Authorization header in a header of its own."""

    def error(self, refusal: Refusal, call: Call) -> Answer:
        answer = super().error(refusal, call)
        return with_header(answer, "x-request-authorization", "".join(call.lines("authorization"))) if refusal.code == 20 else answer


errors(
    "error-is-number",
    "In the error for an unknown client the member error is a number.",
    {"I-19": "fail", "I-20": "fail"},
    lambda answer, refusal: edited(answer, error=refusal.code) if refusal.code == 1 else answer,
)
errors(
    "error-without-word",
    "The error for an unknown client has no member error.",
    {"I-19": "fail"},
    lambda answer, refusal: edited(answer, error=None) if refusal.code == 1 else answer,
)
errors(
    "unknown-client-in200",
    "The error for an unknown client has status 200.",
    {"I-21": "fail", "N-6749-29": "fail", "N-6749-31": "fail"},
    lambda answer, refusal: replace(answer, status=200) if refusal.code == 1 else answer,
)
errors(
    "challenge-without-reason",
    "The challenge for an unknown client does not say why.",
    {"I-22": "warn"},
    lambda answer, refusal: with_header(answer, "www-authenticate", 'Basic realm="oauth"') if refusal.code == 1 else answer,
)

# Code 2


@fault(
    breaks={"L-14": "fail", "T-49": "fail", "T-34": "fail", "T-18": "fail", "N-6749-01": "fail", "S-09": "fail", "T-20": "fail"},
    also=dict.fromkeys(("N-6749-41", "T-53"), "drawn requests lack a grant that the server knows"),
)
class GrantErrorsAreInternal(Server):
    """A bad grant_type is answered with 500."""

    def check_grant(self, grant: str) -> None:
        if grant != "password":
            try:
                super().check_grant(grant)
            except Refusal as refusal:
                raise replace(refusal, status=500) from None


refusals(
    "grant-error-says-internal",
    "A bad grant_type is called an internal server error, with status 400.",
    {"T-34": "fail"},
    lambda refusal: replace(refusal, message=INTERNAL) if refusal.code == 2 and refusal.scheme == "Basic" else refusal,
)
refusals(
    "invalid-token-says-internal",
    "An invalid token is called an internal server error, with status 401.",
    {"L-12": "fail"},
    lambda refusal: replace(refusal, message=INTERNAL) if refusal.code == 2 and refusal.scheme == "Bearer" else refusal,
)


@fault(
    breaks={"T-49": "fail"}, also={"T-36": "its answer names no row", "T-50": "it is in no shape", "I-19": "clients find no member error"}
)
class InternalErrorIsText(Server):
    """What breaks inside for an unknown user is answered with 500 and a text."""

    def check_user(self, form: dict[str, str]) -> str:
        if form.get("username", "").startswith("harness-"):
            raise internal()
        return super().check_user(form)

    def error(self, refusal: Refusal, call: Call) -> Answer:
        if refusal.status == 500:
            return Answer(500, (("content-type", "text/plain"),), b"oops")
        return super().error(refusal, call)


@fault(breaks={"L-14": "fail", "L-18": "warn"})
class LogoutInternalErrorIsText(Server):
    """What breaks inside at the logout of an expired token is answered with 500 and a text."""

    def error(self, refusal: Refusal, call: Call) -> Answer:
        token = self.tokens.get("".join(call.lines("authorization")).partition(" ")[2])
        if call.path.endswith("logout") and token is not None and token.dead_at is None and refusal.word == "invalid_token":
            return Answer(500, (("content-type", "text/plain"),), b"oops")
        return super().error(refusal, call)


refusals(
    "errors-in-norwegian",
    "The texts of errors hold letters beyond ASCII.",
    {"N-6749-32": "fail"},
    lambda refusal: replace(refusal, message=f"{refusal.message} (ugyldig på norsk)"),
)
refusals(
    "grant-error-says-invalid-token",
    "A bad grant_type has the message of an invalid access token.",
    {"T-34": "fail"},
    lambda refusal: replace(refusal, message="Invalid access token") if (refusal.code, refusal.scheme) == (2, "Basic") else refusal,
)


errors(
    "problem-details-lie",
    "Errors are problem details that name the status 500.",
    {"N-9457-01": "warn"},
    lambda answer, refusal: edited(with_header(answer, "content-type", "application/problem+json"), status=500),
)


@fault(breaks={"N-9110-21": "fail"})
class DateMissing(Server):
    """No reply has a Date."""

    def date(self) -> Headers:
        return ()


@fault(breaks={"S-35": "fail"})
class AnyOriginAllowed(Server):
    """Errors may be read by any web origin."""

    def error(self, refusal: Refusal, call: Call) -> Answer:
        return with_header(super().error(refusal, call), "access-control-allow-origin", "*")
