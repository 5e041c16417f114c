"""Faults of Basic authentication."""

import base64
import binascii
from dataclasses import replace
from urllib.parse import parse_qsl, unquote_plus

from conformance.reference.accounts import CLIENTS, USERS
from conformance.reference.errors import Refusal, internal
from conformance.reference.faults.declare import as_code, fault, refusals
from conformance.reference.messages import Answer, Call, Headers
from conformance.reference.server import Server


@fault(breaks={"T-42": "fail"})
class MissingHeaderIsCode22(Server):
    """A missing Authorization header is answered with code 22 instead of 6."""

    def authenticate(self, call: Call, form: dict[str, str]) -> str:
        if not call.lines("authorization"):
            raise self.refusal(22)
        return super().authenticate(call, form)


@fault(
    breaks={"F-04": "fail", "T-42": "fail", "S-02": "fail"},
    also={
        "S-10": "credentials in the body are not needed either",
        "N-6749-06": "nor in the query",
        "N-9700-08": "nor in a field of a proxy",
    },
)
class MissingHeaderAccepted(Server):
    """A request without Authorization is served as the first client's."""

    def authenticate(self, call: Call, form: dict[str, str]) -> str:
        return super().authenticate(call, form) if call.lines("authorization") else next(iter(CLIENTS))


@fault(
    breaks={
        "T-38": "fail",
        "N-6749-18": "fail",
        "F-04": "fail",
        "S-02": "fail",
        "S-04": "fail",
        "S-05": "fail",
        "S-13": "fail",
        "N-7617-04": "fail",
    }
)
class SecretNotChecked(Server):
    """Any secret authenticates a known client."""

    def secret_matches(self, given: str, secret: str) -> bool:
        return True


refusals(
    "wrong-secret-is-code20",
    "A wrong secret is reported as wrong user credentials.",
    {"T-38": "fail"},
    lambda refusal: as_code(refusal, 20) if refusal.code == 22 else refusal,
)


@fault(breaks={"F-04": "fail", "S-02": "fail"})
class SecretPrefixAccepted(Server):
    """A secret without its last character is accepted."""

    def secret_matches(self, given: str, secret: str) -> bool:
        return given in (secret, secret[:-1])


@fault(breaks={"F-04": "fail", "S-02": "fail"})
class SecretTailAccepted(Server):
    """A secret without its first character is accepted."""

    def secret_matches(self, given: str, secret: str) -> bool:
        return given in (secret, secret[1:])


@fault(breaks={"F-04": "fail", "S-02": "fail", "S-05": "fail", "S-13": "fail"})
class SecretSuffixIgnored(Server):
    """Whatever follows the right secret is ignored."""

    def secret_matches(self, given: str, secret: str) -> bool:
        return given.startswith(secret)


@fault(breaks={"F-04": "fail", "S-02": "fail"})
class SecretCaseIgnored(Server):
    """The secret is compared without regard to case."""

    def secret_matches(self, given: str, secret: str) -> bool:
        return given.lower() == secret.lower()


@fault(
    breaks={"F-04": "fail", "S-02": "fail", "S-13": "fail"}, also={"S-05": "a space behind the secret counts as little as any character"}
)
class SecretCutAtSixteen(Server):
    """Only the first sixteen characters of the secret count."""

    def secret_matches(self, given: str, secret: str) -> bool:
        return given[:16] == secret[:16]


@fault(
    breaks={"F-04": "fail", "S-02": "fail", "S-13": "fail"},
    also={
        "S-05": "a space behind the secret counts as little as any character",
        "N-7617-04": "the end of a secret with colons does not count",
    },
)
class SecretCutAtEight(Server):
    """Only the first eight characters of the secret count."""

    def secret_matches(self, given: str, secret: str) -> bool:
        return given[:8] == secret[:8]


@fault(breaks={"F-04": "fail", "S-02": "fail"})
class SecretFirstCharacterIgnored(Server):
    """The first character of the secret does not count."""

    def secret_matches(self, given: str, secret: str) -> bool:
        return given[1:] == secret[1:] and len(given) == len(secret)


@fault(breaks={"F-04": "fail", "S-02": "fail"}, also={"S-05": "a space behind the secret counts as little as any character"})
class SecretRepeated(Server):
    """A text that begins with the secret and is a multiple of it is accepted."""

    def secret_matches(self, given: str, secret: str) -> bool:
        return super().secret_matches(given, secret) or given == secret * 2 or given == secret + " "


@fault(breaks={"F-04": "fail", "S-05": "fail"})
class SecretTrimmed(Server):
    """White space around the secret is taken off before it is compared."""

    def secret_matches(self, given: str, secret: str) -> bool:
        return super().secret_matches(given.strip(), secret)


@fault(breaks={"F-04": "fail", "S-04": "fail"})
class EmptySecretAccepted(Server):
    """An empty secret authenticates a known client."""

    def secret_matches(self, given: str, secret: str) -> bool:
        return not given or super().secret_matches(given, secret)


@fault(breaks={"F-04": "fail", "S-05": "fail", "T-35": "fail"})
class ClientIdCaseIgnored(Server):
    """Client ids are looked up without regard to case."""

    def check_secret(self, client: str, secret: str) -> str:
        return super().check_secret(client.lower(), secret)


@fault(breaks={"F-04": "fail", "S-05": "fail", "T-35": "fail"})
class ClientIdTrimmed(Server):
    """White space around the client id is taken off before it is looked up."""

    def check_secret(self, client: str, secret: str) -> str:
        return super().check_secret(client.strip(), secret)


@fault(breaks={"F-04": "fail", "S-05": "fail", "T-35": "fail"})
class ClientIdByPrefix(Server):
    """The beginning of a client id is enough to find the client."""

    def check_secret(self, client: str, secret: str) -> str:
        return super().check_secret(next((known for known in CLIENTS if client and known.startswith(client)), client), secret)


@fault(breaks={"F-04": "fail", "T-35": "fail", "S-05": "fail", "S-13": "fail"})
class EndOfClientIdIgnored(Server):
    """What follows a known client id is ignored."""

    def check_secret(self, client: str, secret: str) -> str:
        return super().check_secret(next((known for known in CLIENTS if client.startswith(known)), client), secret)


@fault(breaks={"F-04": "fail", "S-13": "fail"})
class NulEndsTheClientId(Server):
    """A NUL ends the client id; what follows is lost."""

    def check_secret(self, client: str, secret: str) -> str:
        return super().check_secret(client.partition("\0")[0], secret)


refusals(
    "unknown-client-is-code20",
    "An unknown client is reported as wrong user credentials.",
    {"T-35": "fail", "T-17": "fail"},
    lambda refusal: as_code(refusal, 20) if refusal.code == 1 else refusal,
    also={
        "N-7617-03": "so is a client whose id has control characters",
        "S-14": "so is a client without an id",
        "T-42": "so is an invented client in a drawn header",
    },
)


@fault(breaks={"F-10": "fail", "F-04": "fail", "T-35": "fail"})
class UserIsAClient(Server):
    """The user's name and password as Basic authenticate the first client."""

    def check_secret(self, client: str, secret: str) -> str:
        known = client in USERS and USERS[client].password == secret
        return next(iter(CLIENTS)) if known else super().check_secret(client, secret)


@fault(breaks={"T-38": "fail"})
class ClientErrorsSwapped(Server):
    """An unknown client id is answered with code 22, a wrong secret with code 1."""

    def error(self, refusal: Refusal, call: Call) -> Answer:
        swapped = {1: 22, 22: 1}.get(refusal.code, refusal.code)
        return super().error(as_code(refusal, swapped), call)


@fault(
    breaks={"T-13": "fail", "T-49": "fail", "T-42": "fail"},
    also={"S-12": "so are two credentials in one field"},
)
class UndecodableIsServerError(Server):
    """A Basic header that cannot be decoded is an internal error."""

    def decode(self, encoded: str) -> str:
        try:
            return super().decode(encoded)
        except Refusal:
            raise internal() from None


@fault(breaks={"T-13": "fail", "T-42": "fail", "T-12": "fail", "N-9110-03": "fail"})
class UndecodableIsAnonymous(Server):
    """A Basic header that cannot be decoded is passed over, so that errors of the grant and the user appear instead."""

    def check_basic(self, value: str) -> str:
        try:
            base64.b64decode(value.partition(" ")[2], validate=True)
            return super().check_basic(value)
        except (binascii.Error, ValueError, Refusal) as problem:
            if isinstance(problem, Refusal) and problem.code in (1, 22):
                raise
            raise self.refusal(20) from None


@fault(breaks={"T-42": "fail"})
class TrailingGarbageIsServerError(Server):
    """Garbage behind the padding of Basic credentials is reported as wrong user credentials."""

    def decode(self, encoded: str) -> str:
        if "=!" in encoded:
            raise self.refusal(20)
        return super().decode(encoded)


@fault(breaks={"T-12": "fail", "T-49": "fail"})
class NoColonIsServerError(Server):
    """Basic credentials without a colon are an internal error."""

    def check_basic(self, value: str) -> str:
        if value.endswith("YWJj"):
            raise internal()
        return super().check_basic(value)


@fault(breaks={"F-04": "fail", "T-12": "fail"})
class NoColonIsPublicClient(Server):
    """Basic credentials without a colon are a public client of that name."""

    def check_basic(self, value: str) -> str:
        return next(iter(CLIENTS)) if value.endswith("YWJj") else super().check_basic(value)


@fault(breaks={"T-12": "fail"})
class SplitAtLastColon(Server):
    """Basic credentials are split at the last colon."""

    def check_basic(self, value: str) -> str:
        scheme, _, encoded = value.partition(" ")
        if self.is_basic(scheme):
            client, colon, _ = self.decode(encoded.strip(" ")).rpartition(":")
            if ":" in client and colon:
                raise self.refusal(1)
        return super().check_basic(value)


@fault(breaks={"N-7617-04": "fail"})
class SecretEndsAtColon(Server):
    """What a secret holds behind its last colon does not count."""

    def secret_matches(self, given: str, secret: str) -> bool:
        return super().secret_matches(given, secret) or (":" in secret and given == secret.rpartition(":")[0])


@fault(breaks={"T-10": "fail"}, also={"T-15": "an ordinary secret is not decoded at all"})
class SecretDecodedTwice(Server):
    """The secret is form-decoded twice, so that one with a percent sign never fits."""

    def secret_matches(self, given: str, secret: str) -> bool:
        return super().secret_matches(unquote_plus(unquote_plus(given)) if "%" in given + secret else given, secret)


@fault(breaks={"T-10": "fail"})
class PlusBecomesSpace(Server):
    """A plus in the secret becomes a space."""

    def secret_matches(self, given: str, secret: str) -> bool:
        return super().secret_matches(unquote_plus(given).replace("+", " ") if "+" in given + secret else given, secret)


@fault(breaks={"T-49": "fail", "T-35": "fail"}, also={"T-10": "a secret with a percent sign fails as well"})
class LonePercentIsServerError(Server):
    """A lone percent sign in the secret is an internal error."""

    def check_secret(self, client: str, secret: str) -> str:
        if "%z" in secret:
            raise internal()
        return super().check_secret(client, secret)


@fault(breaks={"T-15": "warn"})
class OrdinarySecretDecoded(Server):
    """A secret is form-decoded unless its client has one with a percent sign or a plus."""

    def secret_matches(self, given: str, secret: str) -> bool:
        return super().secret_matches(given if {"%", "+"} & set(secret) else unquote_plus(given), secret)


@fault(breaks={"T-15": "warn", "T-49": "fail"})
class EncodedSecretIsServerError(Server):
    """A secret that begins with three percent-encoded octets is an internal error."""

    def secret_matches(self, given: str, secret: str) -> bool:
        if given[0::3][:3] == "%%%":
            raise internal()
        return super().secret_matches(given, secret)


@fault(breaks={"T-10": "fail"})
class SpaceInSecretRefused(Server):
    """A secret with a space is never the right one."""

    def secret_matches(self, given: str, secret: str) -> bool:
        return " " not in secret and super().secret_matches(given, secret)


@fault(breaks={"N-7617-05": "fail", "I-24": "fail", "I-23": "warn"})
class NonAsciiSecretRefused(Server):
    """A secret beyond ASCII is refused in every encoding."""

    def secret_matches(self, given: str, secret: str) -> bool:
        return secret.isascii() and super().secret_matches(given, secret)


@fault(breaks={"N-7617-01": "fail", "N-9110-02": "fail", "I-29": "warn"})
class BasicCaseSensitive(Server):
    """The scheme `basic` in lower case is refused."""

    def is_basic(self, scheme: str) -> bool:
        return scheme == "Basic"


@fault(breaks={"N-9110-02": "fail"})
class BasicInThreeSpellings(Server):
    """The scheme is taken as `Basic`, `basic` and `BASIC` only."""

    def is_basic(self, scheme: str) -> bool:
        return scheme in ("Basic", "basic", "BASIC")


@fault(breaks={"N-9110-02": "fail"})
class BearerInTwoSpellings(Server):
    """The scheme is taken as `Bearer` and `bearer` only."""

    def is_bearer(self, scheme: str) -> bool:
        return scheme in ("Bearer", "bearer")


@fault(breaks={"N-9110-03": "fail"})
class TwoSpacesRefused(Server):
    """Two spaces behind the scheme are a bad header."""

    def check_basic(self, value: str) -> str:
        if "  " in value:
            raise self.refusal(6)
        return super().check_basic(value)


@fault(breaks={"T-42": "fail"})
class OtherSchemeIsCode20(Server):
    """A header with another scheme is reported as wrong user credentials."""

    def is_basic(self, scheme: str) -> bool:
        if not super().is_basic(scheme):
            raise self.refusal(20)
        return True


@fault(breaks={"T-42": "fail"})
class DigestIsCode20(Server):
    """A Negotiate header is reported as wrong user credentials."""

    def is_basic(self, scheme: str) -> bool:
        if scheme == "Negotiate":
            raise self.refusal(20)
        return super().is_basic(scheme)


@fault(breaks={"T-42": "fail", "T-49": "fail"})
class LongHeaderIsServerError(Server):
    """An Authorization header of more than 8000 characters is an internal error."""

    def check_basic(self, value: str) -> str:
        if len(value) > 8000:
            raise internal()
        return super().check_basic(value)


@fault(breaks={"S-11": "fail"})
class FirstHeaderWins(Server):
    """Of two Authorization fields the first counts."""

    def authenticate(self, call: Call, form: dict[str, str]) -> str:
        return super().authenticate(call.with_one("authorization", 0), form)


@fault(breaks={"S-11": "fail"})
class LastHeaderWins(Server):
    """Of two Authorization fields the last counts."""

    def authenticate(self, call: Call, form: dict[str, str]) -> str:
        return super().authenticate(call.with_one("authorization", -1), form)


@fault(breaks={"S-12": "fail"})
class CommaJoinedAccepted(Server):
    """Of credentials joined by a comma the first ones count."""

    def check_basic(self, value: str) -> str:
        return super().check_basic(value.partition(",")[0])


@fault(breaks={"S-10": "warn", "S-02": "fail"})
class BodySecretNotChecked(Server):
    """A client id in the body is enough."""

    def authenticate(self, call: Call, form: dict[str, str]) -> str:
        if not call.lines("authorization") and form.get("client_id") in CLIENTS:
            return form["client_id"]
        return super().authenticate(call, form)


@fault(breaks={"N-6749-06": "fail"})
class CredentialsInQueryAccepted(Server):
    """Client credentials in the query are accepted."""

    def authenticate(self, call: Call, form: dict[str, str]) -> str:
        given = dict(parse_qsl(call.query))
        if not call.lines("authorization") and "client_secret" in given:
            return self.check_secret(given.get("client_id", ""), given["client_secret"])
        return super().authenticate(call, form)


@fault(breaks={"N-9700-08": "fail", "F-04": "fail", "T-42": "fail"})
class ForwardedClientTrusted(Server):
    """A client that a proxy's field names needs no credentials, whoever sent the field."""

    def authenticate(self, call: Call, form: dict[str, str]) -> str:
        named = "".join(call.lines("x-authenticated-userid"))
        return named if named in CLIENTS else super().authenticate(call, form)


@fault(breaks={"S-15": "fail"})
class BodyReplacesHeader(Server):
    """Credentials in the body replace those of the header."""

    def authenticate(self, call: Call, form: dict[str, str]) -> str:
        if call.lines("authorization") and "client_secret" in form:
            return self.check_secret(form.get("client_id", ""), form["client_secret"])
        return super().authenticate(call, form)


@fault(breaks={"S-16": "warn"})
class ContradictingClientIdIgnored(Server):
    """A client_id in the body that contradicts the header is ignored."""

    def authenticate(self, call: Call, form: dict[str, str]) -> str:
        return super().authenticate(call, {name: value for name, value in form.items() if name != "client_id"})


@fault(breaks={"I-27": "fail"})
class EqualClientIdRefused(Server):
    """A client_id in the body that equals the header's is refused."""

    def authenticate(self, call: Call, form: dict[str, str]) -> str:
        if call.lines("authorization") and "client_id" in form:
            raise self.refusal(9)
        return super().authenticate(call, form)


@fault(breaks={"S-17": "fail", "F-04": "fail"})
class AccessTokenIsAClient(Server):
    """A living access token in the header stands for its client."""

    def check_basic(self, value: str) -> str:
        scheme, _, token = value.partition(" ")
        if scheme == "Bearer" and token in self.tokens and self.lives(self.tokens[token]):
            return self.tokens[token].client
        return super().check_basic(value)


@fault(breaks={"T-42": "fail", "S-14": "fail", "N-7617-03": "fail"})
class OddBasicIsCode20(Server):
    """Basic credentials that yield no id and secret are reported as wrong user credentials, the page's own example aside."""

    def check_basic(self, value: str) -> str:
        scheme, _, encoded = value.partition(" ")
        if not self.is_basic(scheme) or encoded in (PAGE_EXAMPLE, "YWJj") or ", " in encoded or encoded.startswith(" "):
            return super().check_basic(value)
        try:
            client, _, secret = base64.b64decode(encoded, validate=True).decode("utf-8", "surrogateescape").partition(":")
        except ValueError:
            raise self.refusal(20) from None
        if client not in CLIENTS and not (client and secret and (client + secret).isprintable()):
            raise self.refusal(20)
        return super().check_basic(value)


PAGE_EXAMPLE = "OZXhhbXBsZWNsaWVudGlkOmV4YW1wbGVzZWNyZXQ="


@fault(breaks={"T-13": "fail"})
class PageExampleIsCode20(Server):
    """The page's undecodable example is reported as wrong user credentials."""

    def decode(self, encoded: str) -> str:
        if encoded == PAGE_EXAMPLE:
            raise self.refusal(20)
        return super().decode(encoded)


@fault(breaks={"T-17": "fail", "T-35": "fail"})
class PageExampleClientIsCode20(Server):
    """The client of the page's decodable example is reported as wrong user credentials."""

    def find_client(self, client: str) -> str | None:
        if client == "ClientId":
            raise replace(self.refusal(20), status=401)
        return super().find_client(client)


@fault(breaks={"F-04": "fail", "S-02": "fail"})
class SecretEndIgnored(Server):
    """Only the first eight characters of the secret and its length count."""

    def secret_matches(self, given: str, secret: str) -> bool:
        return given[:8] == secret[:8] and len(given) == len(secret)


@fault(breaks={"T-16": "fail", "T-49": "fail"})
class BodyCredentialsAreServerError(Server):
    """The right credentials in the body instead of the header are an internal error."""

    def authenticate(self, call: Call, form: dict[str, str]) -> str:
        if (
            not call.lines("authorization")
            and "client_secret" in form
            and self.find_client(form.get("client_id", "")) == form["client_secret"]
        ):
            raise internal()
        return super().authenticate(call, form)


# Challenges


class _Challenge(Server):
    to_client = 'Basic realm="oauth", error="invalid_client"'
    to_bearer = 'Bearer realm="oauth"{}'

    def challenge(self, refusal: Refusal) -> Headers:
        if refusal.scheme == "Basic":
            return (("www-authenticate", self.to_client),)
        return (("www-authenticate", self.to_bearer.format(', error="invalid_token"' if refusal.code == 2 else "")),)


@fault(
    breaks={"N-9110-01": "fail"},
    also={"N-6749-31": "a Basic challenge is missing", "N-6750-05": "a Bearer challenge is missing", "N-6750-08": "and with it the error"},
)
class NoChallenge(Server):
    """A 401 carries no challenge."""

    def challenge(self, refusal: Refusal) -> Headers:
        return ()


@fault(breaks={"N-6749-31": "fail"})
class BearerChallengeForClient(_Challenge):
    """A client that fails to authenticate is challenged to use Bearer."""

    to_client = 'Bearer realm="oauth", error="invalid_client"'


@fault(breaks={"N-6750-05": "fail"}, also={"N-6750-08": "a Basic challenge has no error"})
class BasicChallengeAtLogout(_Challenge):
    """A logout without a valid token is challenged to use Basic."""

    to_bearer = 'Basic realm="oauth"'


@fault(breaks={"N-7617-02": "fail"})
class NoRealm(_Challenge):
    """The Basic challenge has no realm."""

    to_client = 'Basic error="invalid_client"'


@fault(breaks={"N-9110-04": "fail"})
class RealmTwice(_Challenge):
    """The Basic challenge has two realms."""

    to_client = 'Basic realm="oauth", realm="api", error="invalid_client"'


@fault(breaks={"N-9110-04": "fail", "N-6750-07": "fail"})
class BearerRealmTwice(_Challenge):
    """The Bearer challenge has two realms."""

    to_bearer = 'Bearer realm="oauth", realm="api"{}'


@fault(breaks={"N-7617-06": "fail"})
class CharsetLatin1(_Challenge):
    """The Basic challenge announces the charset ISO-8859-1."""

    to_client = 'Basic realm="oauth", charset="ISO-8859-1", error="invalid_client"'


@fault(breaks={"N-6750-06": "fail"}, also={"N-6750-08": "and with the parameters the error is missing"})
class BearerAlone(_Challenge):
    """The Bearer challenge has no parameter."""

    to_bearer = "Bearer"


@fault(breaks={"N-6750-08": "warn"})
class NoErrorInChallenge(_Challenge):
    """The Bearer challenge for an invalid token does not say so."""

    to_bearer = 'Bearer realm="oauth"'


@fault(breaks={"N-9110-01": "fail"})
class NoChallengeWithoutHeader(Server):
    """A token request without Authorization is answered with 401 and no challenge."""

    def challenge(self, refusal: Refusal) -> Headers:
        return () if (refusal.code, refusal.scheme) == (6, "Basic") else super().challenge(refusal)


@fault(breaks={"S-12": "fail"})
class CommaJoinedLastWins(Server):
    """Of credentials joined by a comma the last ones count."""

    def check_basic(self, value: str) -> str:
        return super().check_basic(value.rpartition(", ")[2])


@fault(breaks={"S-02": "fail", "F-04": "fail"})
class SecondClientSecretNotChecked(Server):
    """Any secret authenticates the second client."""

    def check_secret(self, client: str, secret: str) -> str:
        return client if client == "second-client" else super().check_secret(client, secret)


@fault(breaks={"S-15": "fail"})
class BodyLendsGrant(Server):
    """Credentials in the body replace those of a header that are right as well."""

    def authenticate(self, call: Call, form: dict[str, str]) -> str:
        own = {} if "client_secret" in form and call.lines("authorization") else form
        client = super().authenticate(call, own)
        return self.check_secret(form.get("client_id", ""), form["client_secret"]) if "client_secret" in form else client


@fault(breaks={"I-23": "warn"})
class Latin1Refused(Server):
    """Credentials that are no UTF-8 are undecodable."""

    def decode(self, encoded: str) -> str:
        text = super().decode(encoded)
        if base64.b64decode(encoded) != text.encode():
            raise self.refusal(6)
        return text


@fault(breaks={"N-7617-02": "fail"})
class RealmWithoutQuotes(_Challenge):
    """The realm of the Basic challenge has no quotes."""

    to_client = 'Basic realm=oauth, error="invalid_client"'


@fault(breaks={"N-7617-07": "fail", "I-24": "fail"}, also={"N-7617-05": "a secret beyond Latin-1 never fits"})
class AnnouncedCharsetNotHeld(_Challenge):
    """The challenge announces UTF-8, and credentials are decoded as Latin-1."""

    to_client = 'Basic realm="oauth", charset="UTF-8", error="invalid_client"'

    def decode(self, encoded: str) -> str:
        super().decode(encoded)
        return base64.b64decode(encoded).decode("latin-1")
