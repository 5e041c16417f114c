"""What may be wrong on the user's side: a table of small probes, each a pure function of the target and of what the network said."""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Final, Literal
from urllib.parse import urlsplit

import msgspec

from conformance import dialect, edits
from conformance.api import describe
from conformance.contract import Contract
from conformance.documented import ErrorRow
from conformance.init import FIXTURES
from conformance.model import Exchange, Reply
from conformance.profile import accepts
from conformance.target import Target

SHORT_NAME = 6
"""A name below this length is shown whole."""

CLOCK_S = 120
"""How far two clocks may be apart before it is worth a word."""

HOUR = 3600
STOPS: Final = "stops"
UNTESTED: Final = "untested"
HINT: Final = "hint"


class Diagnosis(msgspec.Struct, frozen=True):
    """What is wrong, where, and what to do. `stops`: the configuration; `untested`: no run could test; `hint`: a run is possible."""

    level: Literal["stops", "untested", "hint"]
    where: str
    what: str
    next: str


class Facts(msgspec.Struct, frozen=True):
    """What the probes may know: the target, its surroundings, and what the network said so far.

    `written`: the secrets that stand in the target file itself; `mode`: that file's permissions. `no_address`: why the host has
    no address. `speaks`: what the port speaks instead of what base_url says. `bare`: operation → the exchange without
    credentials; `login`: the one login; `wall`: seconds since the epoch when the first reply came.
    """

    target: Target
    contract: Contract
    environ: Mapping[str, str] = {}
    written: tuple[str, ...] = ()
    mode: int = 0
    no_address: str = ""
    speaks: Literal["", "http", "https"] = ""
    bare: Mapping[str, Exchange] = {}
    login: Exchange | None = None
    wall: float = 0


Probe = Callable[[Facts], Iterator[Diagnosis]]
MACHINE_USER = re.compile(r"api\d{4,}|API\d{3,}[A-Z]*")
"""How the page writes a machine user (lines 24 and 73)."""


def shown(name: str) -> str:
    """A name as messages may show it: what has not the form of a machine user could be a secret in the wrong place."""
    return f"'{name}'" if MACHINE_USER.fullmatch(name) or len(name) < SHORT_NAME else f"'{name[:3]}…' ({len(name)} characters)"


def swapped_pairs(facts: Facts) -> Iterator[Diagnosis]:
    """Each of the two pairs in the other's place, or the halves of one: told by their form, for trying it costs a failed login."""
    client, user = facts.target.client, facts.target.user
    if MACHINE_USER.fullmatch(client.id) and not MACHINE_USER.fullmatch(user.username):
        yield Diagnosis(
            STOPS,
            "client, user",
            f"client.id {client.id!r} has the form of a machine user, user.username has not: the pairs are swapped",
            "put the application's id and secret under client, the machine user's name and password under user",
        )
    for where, left, right in (("client", client.id, client.secret), ("user", user.username, user.password)):
        if MACHINE_USER.fullmatch(right) and not MACHINE_USER.fullmatch(left):
            yield Diagnosis(STOPS, where, "the secret has the form of a machine user's name: its two values are swapped", "swap them")
        elif left and left == right:
            yield Diagnosis(HINT, where, "name and secret are the same value", "look whether one was pasted twice")
    if client.secret and client.secret == user.password:
        yield Diagnosis(HINT, "client, user", "client and user have the same secret", "look whether one was pasted twice")
    if client.id == user.username:
        yield Diagnosis(
            HINT, "client, user", f"client.id and user.username are both {shown(client.id)}", "look whether one was pasted twice"
        )


def whole_pair(facts: Facts) -> Iterator[Diagnosis]:
    """More than the value was pasted: `id:secret`, its Base64, a header's scheme, or a variable without braces."""
    client = facts.target.client
    if ":" in client.id:
        yield Diagnosis(
            STOPS, "client.id", "holds a colon, which no Basic header can carry (RFC 7617)", "give the id alone, without the secret"
        )
    decoded = edits.decode_base64(client.secret.strip()) if client.secret else None
    if client.id and (client.secret.startswith(f"{client.id}:") or (decoded or b"").startswith(f"{client.id}:".encode())):
        yield Diagnosis(STOPS, "client.secret", "holds the id as well: it is the pair id:secret, or its Base64", "give the secret alone")
    if re.match(r"(?i)(basic|bearer) ", client.secret):
        yield Diagnosis(STOPS, "client.secret", "begins with the scheme of a header", "give the secret alone")
    for name, value in facts.target.slots().items():
        if re.fullmatch(r"\$[A-Za-z_]\w*", value):
            yield Diagnosis(STOPS, name, "looks like a variable without braces, which is sent as it stands", 'write "${NAME}"')


def white_space(facts: Facts) -> Iterator[Diagnosis]:
    """White space at an end of a secret, and characters that nobody sees anywhere."""
    for name, value in facts.target.slots().items():
        odd = next((char for char in value if unicodedata.category(char) in ("Cf", "Cc", "Zs", "Zl", "Zp") and char != " "), "")
        if odd:
            yield Diagnosis(HINT, name, f"holds a character that cannot be seen, U+{ord(odd):04X}", "paste the value again, as plain text")
        elif value != value.strip():
            yield Diagnosis(HINT, name, "has white space at an end", "take it away unless it belongs to the value")


def paths(facts: Facts) -> Iterator[Diagnosis]:
    """Paths that stand twice, or for one another."""
    target = facts.target
    base = urlsplit(target.base_url).path.rstrip("/")
    if base and (target.paths.token.startswith(f"{base}/") or base.endswith(target.paths.token)):
        yield Diagnosis(
            STOPS,
            "base_url",
            f"ends with {base}, and paths.token begins so: the requests go to {base}{target.paths.token}",
            f"base_url: {target.base_url.rstrip('/').removesuffix(base)}",
        )
    if target.paths.token == target.paths.logout:
        yield Diagnosis(STOPS, "paths", f"token and logout are both {target.paths.token}", "say where each of them is")
    if target.fixtures.resource and target.fixtures.resource.path == target.paths.logout:
        what = f"is the logout, {target.paths.logout}: every look at a token would end it"
        yield Diagnosis(STOPS, "fixtures.resource.path", what, "name a resource that only reads")


def surroundings(facts: Facts) -> Iterator[Diagnosis]:
    """Proxies and authorities of the environment, which the harness ignores."""
    proxies = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
    for name in (*proxies, *(name.lower() for name in proxies)):
        if facts.environ.get(name) and facts.target.proxy is None:
            where = facts.environ[name].rpartition("@")[2].rpartition("//")[2].partition("/")[0]  # it may hold a password
            remedy = f"if the server is behind it, add proxy: http://{where}; else nothing is to do"
            yield Diagnosis(HINT, name, f"names the proxy {where}, which is ignored: connections are direct", remedy)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE") if facts.target.base_url.startswith("https:") else ():
        if facts.environ.get(name) and not facts.target.tls.ca_file:
            yield Diagnosis(HINT, name, "is ignored", f"if the server needs it, add tls: {{ca_file: {facts.environ[name]}}}")


def permissions(facts: Facts) -> Iterator[Diagnosis]:
    """Secrets in a file that others can read. (The mode of the secret file is a condition of loading it.)"""
    if facts.written and facts.mode & 0o077:
        what = f"mode {facts.mode & 0o777:o} lets others read {', '.join(facts.written)}, written in the file itself"
        yield Diagnosis(HINT, "target file", what, "chmod 600 the file, or write ${VARIABLE} in their place")


def missing_fixtures(facts: Facts) -> Iterator[Diagnosis]:
    """Each fixture that is missing, with the line to add."""
    present = set(facts.target.present())
    for name, (line, what) in FIXTURES.items():
        if name not in present:
            yield Diagnosis(HINT, f"fixtures.{name}", f"is missing ({what})", f"fixtures: {{{name}: {line}}}")


def address(facts: Facts) -> Iterator[Diagnosis]:
    """A host without an address."""
    if facts.no_address:
        key = "proxy" if facts.target.proxy else "base_url"
        host = urlsplit(facts.target.proxy or facts.target.base_url).hostname
        yield Diagnosis(
            STOPS, key, f"the name {host!r} has no address: {facts.no_address}", "correct the host, or ask who runs the name server"
        )


FAILURES: tuple[tuple[str, str, Literal["stops", "untested"], str, str], ...] = (
    ("tls", "self.signed certificate in|unable to get local issuer", STOPS, "tls.ca_file",
     "add tls: {ca_file: FILE} with the authority that signed it; one of your own network means that a proxy opens the connection"),
    ("tls", "self.signed certificate", STOPS, "tls.ca_file", "if the server is yours, add tls: {ca_file: FILE} with this certificate"),
    ("tls", "mismatch", STOPS, "base_url", "use a host that the certificate names"),
    ("tls", "not yet valid", UNTESTED, "clock", "set this machine's clock, or wait until the certificate is valid"),
    ("tls", "expired", UNTESTED, "certificate", "tell who runs the server; look at this machine's clock, too"),
    ("", "certificate.required|alert.handshake|alert.bad.certificate|alert.unknown.ca", STOPS, "tls.client_cert",
     "the server wants a certificate of yours: add tls: {client_cert: FILE} with certificate and key"),
    ("tls", "", UNTESTED, "tls", "ask who runs the server which versions of TLS it speaks"),
    ("risk", "", STOPS, "risk", "raise risk.requests: the doctor sends four at most"),
    ("refused", "the proxy answered CONNECT", UNTESTED, "proxy", "ask who runs the proxy whether it lets you through to this host"),
    ("refused", "", UNTESTED, "base_url", "start the server, or correct host and port"),
    ("timeout", "", UNTESTED, "base_url", "look for a firewall in between; correct host and port, or raise deadline_s"),
    ("too-large", "", UNTESTED, "base_url", "look what answers there: it is no token endpoint"),
    ("protocol", "", UNTESTED, "base_url", "look what listens there: it speaks no HTTP/1.1"),
    ("", "", UNTESTED, "base_url", "look at the server's log; a firewall or a gateway may have cut the connection"),
)  # fmt: skip
"""Kind of failure, a pattern of its text, level, where, what to do; the first that fits counts."""


def connection(facts: Facts) -> Iterator[Diagnosis]:
    """No answer to the first request: closed ports, certificates, and the wrong scheme for the port."""
    failure = next((e.failure for e in (*facts.bare.values(), facts.login) if e is not None and e.failure), None)
    if failure is None or facts.no_address:
        return
    if facts.speaks:
        scheme = urlsplit(facts.target.base_url).scheme
        correct = facts.target.base_url.replace(scheme, facts.speaks, 1)
        yield Diagnosis(STOPS, "base_url", f"says {scheme}, and the port speaks {facts.speaks} ({failure})", f"base_url: {correct}")
        return
    kind, _, detail = failure.partition(": ")
    for fits, pattern, level, where, remedy in FAILURES:
        if fits in ("", kind) and re.search(pattern.replace(".", "[ ._-]"), detail.lower()):
            yield Diagnosis(level, where, f"no answer from {facts.target.base_url}: {failure}", remedy)
            return


def html(reply: Reply) -> bool:
    """Whether a reply is a page for people."""
    return "html" in (reply.header("Content-Type") or "").lower() or reply.body.lstrip()[:5].lower() in ("<html", "<!doc")


def token_path(facts: Facts) -> Iterator[Diagnosis]:
    """What answers a login without credentials, if it is not the API: nothing there, a page, a redirect, a gateway."""
    exchange = facts.bare.get("token")
    if exchange is None or exchange.reply is None:
        return
    reply, url = exchange.reply, facts.target.base_url.rstrip("/") + facts.target.paths.token
    answered = f"{url} answered {reply.status}"
    if reply.status == 407:
        yield Diagnosis(
            STOPS, "proxy", f"{answered}: the proxy wants a login", "use a proxy without one; the harness sends it no credentials"
        )
    elif reply.status == 511 or (html(reply) and reply.status // 100 == 2):
        what = f"{answered} with a page for people: a captive portal or a proxy answers in the server's place"
        yield Diagnosis(UNTESTED, "network", what, "log in at the network, or correct base_url and proxy")
    elif reply.status // 100 == 3:
        place = (reply.header("Location") or "nowhere").partition("?")[0]
        yield Diagnosis(
            STOPS,
            "base_url",
            f"{answered}: it redirects to {place}, and redirects are not followed",
            "name that place in base_url and paths",
        )
    elif reply.status in (404, 405, 410, 501):
        other = facts.contract.operations["token"].other_path
        remedy = f"paths: {{token: /…}}; the documentation's text also names {other}"
        yield Diagnosis(STOPS, "paths.token", f"{answered}: no token endpoint is there", remedy)
    elif reply.status == 429:
        wait = reply.header("Retry-After")
        yield Diagnosis(
            UNTESTED,
            "rate limit",
            f"{answered}: too many requests",
            f"wait{f' {wait} (Retry-After)' if wait else ''}, then raise risk.min_interval_ms",
        )
    elif reply.status in (502, 503, 504):
        yield Diagnosis(UNTESTED, "gateway", f"{answered}: a gateway has no server behind it", "wait, or tell who runs the server")
    elif reply.status == 403 and html(reply):
        yield Diagnosis(UNTESTED, "firewall", f"{answered} with a page for people", "ask whether this machine's address must be allowed")
    elif reply.status // 100 == 5:
        yield Diagnosis(UNTESTED, "server", f"{answered} to a login without credentials", "look at the server's log")
    elif reply.status // 100 == 2:
        yield Diagnosis(HINT, "base_url", f"{answered} to a login without credentials", "look whether this is the API that you mean")


def other_paths(facts: Facts) -> Iterator[Diagnosis]:
    """Nothing where logout or the resource should be, or a resource that lets everybody in."""
    target = facts.target
    for name, path in (("logout", target.paths.logout), ("resource", target.fixtures.resource.path if target.fixtures.resource else "")):
        reply = facts.bare[name].reply if name in facts.bare else None
        where = "paths.logout" if name == "logout" else "fixtures.resource.path"
        if reply is not None and reply.status in (404, 405, 410, 501):
            yield Diagnosis(HINT, where, f"{path} answered {reply.status}: nothing is there", "correct it, unless the server has none")
        elif name == "resource" and reply is not None and target.fixtures.resource and reply.status in target.fixtures.resource.alive:
            what = f"{path} answered {reply.status} without a token, so it tells nothing of a token's life"
            yield Diagnosis(HINT, where, what, "name a resource that needs a token, or correct fixtures.resource.alive")


def clock(facts: Facts) -> Iterator[Diagnosis]:
    """The server's Date against this machine's clock."""
    reply = next((e.reply for e in facts.bare.values() if e.reply is not None), None)
    try:
        date = parsedate_to_datetime((reply.header("Date") if reply else None) or "")
        skew = date.timestamp() - facts.wall
    except (ValueError, OverflowError):
        return
    if abs(skew) > CLOCK_S:
        far = f"{abs(skew) / HOUR:.1f} h" if abs(skew) >= HOUR else f"{abs(skew) / 60:.0f} min"
        whole = abs(abs(skew) / HOUR - max(1, round(abs(skew) / HOUR))) * HOUR < CLOCK_S
        remedy = "set the clock that is wrong" + (
            "; by whole hours: is a time zone taken for UTC?" if whole else "; does this machine's follow NTP?"
        )
        yield Diagnosis(HINT, "clock", f"the server's Date is {far} {'ahead of' if skew > 0 else 'behind'} this machine's clock", remedy)


REFUSALS: tuple[tuple[str, str, str, str], ...] = (
    ("no-authorization", "gateway", "the server saw no Authorization header that it can use, though one was sent",
     "look whether a gateway takes it away; is base_url the API itself?"),
    ("no-grant-type", "gateway", "the server did not read the form of the login",
     "look whether a gateway changes the body; correct paths.token"),
    ("wrong-secret", "client", "the server does not accept the application {client} with its secret",
     "compare client.id and client.secret with the application's page; {user} is the other pair"),
    ("unknown-client", "client", "the server does not know the application {client}", "compare client.id; {user} is the other pair"),
    ("wrong-password", "user", "the application is accepted, the machine user {user} with its password is not",
     "compare user.username and user.password; do not try by hand: failed logins may lock the account"),
    ("foreign-user", "user", "the machine user {user} is not granted to the application {client}",
     "grant it, or name its own application"),
    ("grant-denied", "client", "the application {client} may not use the password grant", "have the grant allowed"),
    ("unapproved-client", "client", "the application {client} is not approved", "have it approved"),
    ("broken-client", "client", "the application {client} is not set up rightly at the server", "tell who runs the server"),
    ("scope", "user", "the server wants another scope", "ask which scopes {user} and {client} have"),
    ("internal", "server", "the server broke", "look at the server's log"),
)  # fmt: skip
"""Condition of an error row → where, what is wrong, what to do; the first one that the row names counts."""


def login(facts: Facts) -> Iterator[Diagnosis]:
    """Why the one login yielded no token, as the error row tells."""
    exchange = facts.login
    if exchange is None or exchange.reply is None or accepts(exchange):
        return
    row = row_of(facts, exchange.reply)
    names = {"client": shown(facts.target.client.id), "user": shown(facts.target.user.username)}
    for condition, where, what, remedy in REFUSALS if row else ():
        if row is not None and condition in row.when:
            yield Diagnosis(
                UNTESTED if condition == "internal" else STOPS,
                where,
                f"{what.format(**names)} (code {row.code}, {row.message})",
                remedy.format(**names),
            )
            return
    untested = exchange.reply.status // 100 == 5 or exchange.reply.status == 429
    yield Diagnosis(
        UNTESTED if untested else STOPS,
        "server" if untested else "client, user",
        f"the login yielded no token, and the reply is no error of the documentation: {describe(exchange)}",
        "look at the server's log" if untested else "compare both pairs; ask who runs the server what the reply means",
    )


def row_of(facts: Facts, reply: Reply) -> ErrorRow | None:
    """The documented row that a refused login names, read in the dialect of this server's errors."""
    rows = facts.contract.operations["token"].rows
    bare = facts.bare["token"].reply if "token" in facts.bare else None
    plain = frozenset(row.code for row in rows if {"no-authorization", "no-username"} & set(row.when))
    samples = [(reply, frozenset(row.code for row in rows)), *([(bare, plain)] if bare is not None else [])]
    return dialect.row_of(reply, dialect.infer(samples, rows), rows)


TEXTS: tuple[Probe, ...] = (swapped_pairs, whole_pair, white_space, paths, surroundings, permissions, missing_fixtures)
NETWORK: tuple[Probe, ...] = (address, connection, token_path, other_paths, clock)
PROBES: tuple[Probe, ...] = (*TEXTS, *NETWORK, login)


def diagnosed(facts: Facts) -> list[Diagnosis]:
    """Every diagnosis that the facts allow, worst first."""
    found = [diagnosis for probe in PROBES for diagnosis in probe(facts)]
    return sorted(found, key=lambda diagnosis: (STOPS, UNTESTED, HINT).index(diagnosis.level))
