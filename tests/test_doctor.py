"""`conformance doctor`: each thing that may be wrong on the user's side is named, with its remedy and without a secret."""

import datetime as dt
import http.server
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest
import trustme

from conformance import contract, diagnoses, doctor
from conformance.diagnoses import STOPS, UNTESTED, Diagnosis, Facts
from conformance.doctor import Report
from conformance.init import FIXTURES
from conformance.target import Client, Fixtures, Paths, Resource, Target, User
from tests import servers

SPEC = contract.load()
TARGET = Target(
    "staging",
    "http://127.0.0.1:8080",
    Client("an-application", "Secret-4711-x"),
    User("api7813371375", "Pass-4711-y"),
    paths=Paths("/oauth/v2/token", "/oauth/v2/logout"),
)


def of(report: Report, where: str) -> Diagnosis:
    """The diagnosis about this place."""
    return next(one for one in report.diagnoses if one.where == where)


def blocking(report: Report) -> list[tuple[str, str]]:
    """What stands in the way."""
    return [(one.level, one.where) for one in report.diagnoses if one.level != "hint"]


def swapped() -> Target:
    return msgspec.structs.replace(TARGET, client=Client("api7813371375", "Pass-4711-y"), user=User("an-application", "Secret-4711-x"))


def client(name: str = "an-application", secret: str = "Secret-4711-x") -> Target:
    return msgspec.structs.replace(TARGET, client=Client(name, secret))


def user(name: str, password: str = "Pass-4711-y") -> Target:
    return msgspec.structs.replace(TARGET, user=User(name, password))


PAIR = b64encode(b"an-application:Secret-4711-x").decode()
TEXTS: list[tuple[Target, str, str, str]] = [
    (swapped(), "stops", "client, user", "the pairs are swapped"),
    (user("Pass-4711-y", "api7813371375"), "stops", "user", "its two values are swapped"),
    (client("Secret-4711-x", "API1000XYZ"), "stops", "client", "its two values are swapped"),
    (client("Secret-4711-x", "Secret-4711-x"), "hint", "client", "same value"),
    (client(secret="Pass-4711-y"), "hint", "client, user", "same secret"),
    (client("api7813371375"), "hint", "client, user", "client.id and user.username are both 'api7813371375'"),
    (client(secret="an-application:Secret-4711-x"), "stops", "client.secret", "the pair id:secret"),
    (client(secret=PAIR), "stops", "client.secret", "or its Base64"),
    (client(secret=f"Basic {PAIR}"), "stops", "client.secret", "scheme of a header"),
    (client("an-application:Secret-4711-x"), "stops", "client.id", "holds a colon"),
    (client(secret="$CLIENT_SECRET"), "stops", "client.secret", "variable without braces"),
    (user("api\u200b7813371375"), "hint", "user.username", "U+200B"),
    (user("api7813371375", "Pass-4711-y\n"), "hint", "user.password", "U+000A"),
    (user("api7813371375", "Pass-4711-y "), "hint", "user.password", "white space at an end"),
    (msgspec.structs.replace(TARGET, base_url="http://127.0.0.1/oauth/v2"), "stops", "base_url", "requests go to /oauth/v2/oauth/v2/token"),
    (msgspec.structs.replace(TARGET, paths=Paths("/t", "/t")), "stops", "paths", "token and logout are both /t"),
    (
        msgspec.structs.replace(TARGET, fixtures=Fixtures(resource=Resource("/oauth/v2/logout"))),
        "stops",
        "fixtures.resource.path",
        "every look at a token would end it",
    ),
]


@pytest.mark.parametrize(("target", "level", "where", "what"), TEXTS, ids=[what for *_, what in TEXTS])
def test_text_is_diagnosed(target: Target, level: str, where: str, what: str) -> None:
    """A mistake that the file shows is told without any request, and without a secret."""
    found = [one for probe in diagnoses.TEXTS for one in probe(Facts(target, SPEC))]
    mine = [one for one in found if one.where == where]
    assert [one.level for one in mine] == [level]
    assert what in mine[0].what
    assert mine[0].next
    assert "4711" not in repr(found).replace("an-application", "")


def test_good_text_has_missing_fixtures_only() -> None:
    """A target file without a mistake yields one hint for each fixture that is missing, with its line."""
    found = diagnoses.diagnosed(Facts(TARGET, SPEC))
    assert [one.where for one in found] == [f"fixtures.{name}" for name in FIXTURES]
    assert all(one.level == "hint" and one.next.startswith("fixtures: {") for one in found)


def test_surroundings_are_told() -> None:
    """Proxies and authorities of the environment are named as ignored, without the proxy's password; so are open permissions."""
    environ = {"HTTPS_PROXY": "http://me:Hunter-2@proxy.test:3128/", "CURL_CA_BUNDLE": "/etc/ca.pem"}
    secure = msgspec.structs.replace(TARGET, base_url="https://127.0.0.1")
    found = diagnoses.diagnosed(Facts(secure, SPEC, environ, written=("client.secret",), mode=0o100644))
    assert [one.where for one in found][:3] == ["HTTPS_PROXY", "CURL_CA_BUNDLE", "target file"]
    assert found[0].what.startswith("names the proxy proxy.test:3128, which is ignored")
    assert "Hunter" not in repr(found)
    configured = msgspec.structs.replace(secure, proxy="http://127.0.0.1:3128")
    assert not [one for one in diagnoses.surroundings(Facts(configured, SPEC, environ)) if one.where == "HTTPS_PROXY"]


def written(folder: Path, url: str, more: str = "", secret: str = "s3cr3t:With%Colon") -> Path:
    """A target file for this URL, with the credentials of the foreign server."""
    path = folder / "target.yaml"
    text = f'name: t\nbase_url: {url}\nclient: {{id: app-one, secret: "{secret}"}}\nuser: {{username: api42, password: "Pass-w0rd+Plus"}}\n'
    path.write_text(f"{text}paths: {{token: /v9/tok, logout: /v9/out}}\ndeadline_s: 5\n{more}\n")
    path.chmod(0o600)
    return path


def test_every_mistake_of_the_file_is_told_at_once(tmp_path: Path) -> None:
    """All variables that are not set, all mistakes and the rule about hosts are told; nothing is sent."""
    path = written(tmp_path, "https://api.example.com", "expect: {expires_in.type: float}", secret="${ONE}")
    report = doctor.examine(path, SPEC, {})
    assert (report.exit_code, report.without_credentials, report.login) == (2, 0, "not tried")
    assert [(one.where, one.next) for one in report.diagnoses] == [("target.yaml:3", "export ONE=…, or name a variable that is set")]
    report = doctor.examine(path, SPEC, {"ONE": "app-one:pair"})
    assert [one.where for one in report.diagnoses] == ["target.yaml:2", "target.yaml:7", "client.secret"]
    assert "not a loopback host" in report.diagnoses[0].what
    report = doctor.examine(tmp_path / "none.yaml", SPEC, {})
    assert "cannot be read: No such file" in report.diagnoses[0].what


def test_secret_file_that_others_can_read(tmp_path: Path) -> None:
    """The permissions of the secret file are told with the command that mends them."""
    path = written(tmp_path, "http://127.0.0.1:1")
    path.write_text(path.read_text().replace('secret: "s3cr3t:With%Colon"', "secret_file: secret"))
    (tmp_path / "secret").write_text("s3cr3t:With%Colon")
    (tmp_path / "secret").chmod(0o640)
    report = doctor.examine(path, SPEC, {})
    assert (report.exit_code, "chmod 600 secret" in report.diagnoses[0].what) == (2, True)


@contextmanager
def serving(handler: type[Any], context: ssl.SSLContext | None = None) -> Iterator[int]:
    """Serve on a free port, over TLS with a context; yields the port."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (handler,), {"live": set()}))
    server.daemon_threads = True
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


def counting() -> type[Any]:
    """The foreign server, which remembers what reached it."""

    class Counting(servers.Foreign):
        seen: ClassVar[list[str]] = []

        def parse_request(self) -> bool:
            parsed = super().parse_request()
            self.seen.append(f"{self.command} {self.path} {self.headers.get('Authorization', '')[:5]}" if parsed else "")
            return parsed

    return Counting


def test_good_server_costs_one_login(tmp_path: Path) -> None:
    """Where nothing is wrong, three requests without credentials and one login are sent, in that order, and the exit code is 0."""
    handler = counting()
    with serving(handler) as port:
        report = doctor.examine(written(tmp_path, f"http://127.0.0.1:{port}", servers.RESOURCE), SPEC, {})
    assert (report.exit_code, report.login, report.without_credentials, blocking(report)) == (0, "accepted", 3, [])
    assert handler.seen == ["POST /v9/tok ", "GET /v9/out ", "GET /v9/me ", "POST /v9/tok Basic"]


def test_wrong_credentials_are_told_apart_after_one_login(tmp_path: Path) -> None:
    """From the error row the doctor tells which pair is wrong; it sends it once, and repeats no value that could be a secret."""
    for change, where, what in (
        (("s3cr3t", "s4cr4t"), "client", r"does not accept the application 'app…' (7 characters) with its secret (code 22"),
        (("Pass-w0rd", "Pass-wOrd"), "user", "the application is accepted, the machine user 'api42' with its password is not (code 20"),
    ):
        handler = counting()
        with serving(handler) as port:
            path = written(tmp_path, f"http://127.0.0.1:{port}")
            path.write_text(path.read_text().replace(*change))
            report = doctor.examine(path, SPEC, {})
        assert (report.exit_code, report.login) == (2, "refused")
        assert what in of(report, where).what
        assert [line.split()[0] for line in handler.seen if line.endswith("Basic")] == ["POST"]
        assert change[1] not in repr(report)


def test_swapped_pairs_are_not_sent(tmp_path: Path) -> None:
    """Pairs that are seen to be swapped cost no login."""
    handler = counting()
    with serving(handler) as port:
        path = written(tmp_path, f"http://127.0.0.1:{port}")
        path.write_text(path.read_text().replace("app-one", "API1000XYZ").replace("api42", "app-one"))
        report = doctor.examine(path, SPEC, {})
    assert (report.exit_code, report.login, handler.seen) == (2, "not tried", [])


ANSWERS = [
    (servers.always(404, "no"), 2, "paths.token", "no token endpoint is there"),
    (servers.HTML, 3, "network", "captive portal"),
    (servers.always(511, "<html>", "text/html"), 3, "network", "captive portal"),
    (servers.always(302, "", "", ("Location", "https://login.test/x?secret=1")), 2, "base_url", "redirects to https://login.test/x,"),
    (servers.always(407, "no"), 2, "proxy", "wants a login"),
    (servers.always(429, "", "", ("Retry-After", "7")), 3, "rate limit", "too many"),
    (servers.always(502, "<html>", "text/html"), 3, "gateway", "no server behind it"),
    (servers.always(403, "<html>", "text/html"), 3, "firewall", "page for people"),
    (servers.BROKEN, 3, "server", "answered 500"),
    (servers.REFUSES, 2, "gateway", "saw no Authorization header"),
    (servers.always(400, "who knows"), 2, "client, user", "no error of the documentation: status 400, body 'who knows'"),
    (servers.EMPTY, 2, "client, user", "status 200, no body"),
]


@pytest.mark.parametrize(("handler", "code", "where", "what"), ANSWERS, ids=[what for *_, what in ANSWERS])
def test_answer_is_diagnosed(tmp_path: Path, handler: type[Any], code: int, where: str, what: str) -> None:
    """What answers in the server's place is named, and the exit code says whether the file or the server is to be mended."""
    with serving(handler) as port:
        report = doctor.examine(written(tmp_path, f"http://127.0.0.1:{port}"), SPEC, {})
    assert (report.exit_code, blocking(report)) == (code, [(STOPS if code == 2 else UNTESTED, where)])
    assert what in of(report, where).what
    assert report.login == ("refused" if what == "saw no Authorization header" or where == "client, user" else "not tried")


@pytest.mark.parametrize(("hours", "what"), [(-2, "2.0 h behind"), (5.5, "5.5 h ahead of"), (0.1, "6 min ahead of"), (0, "")])
def test_clock_is_compared(tmp_path: Path, hours: float, what: str) -> None:
    """A Date that is far from this machine's clock is a hint; a run is possible all the same."""
    now = dt.datetime.now(dt.UTC).timestamp()
    with serving(servers.Foreign) as port:
        report = doctor.examine(written(tmp_path, f"http://127.0.0.1:{port}"), SPEC, {}, lambda: now - 3600 * hours)
    assert report.exit_code == 0
    assert [what in one.what for one in report.diagnoses if one.where == "clock"] == ([True] if what else [])


def test_wrong_paths_are_hints(tmp_path: Path) -> None:
    """A logout that is not there and a resource that lets everybody in are hints, for a run is possible."""
    with serving(servers.WithoutLogout) as port:
        path = written(tmp_path, f"http://127.0.0.1:{port}", "fixtures: {resource: {path: /v9/me, alive: [403], dead: [401]}}")
        report = doctor.examine(path, SPEC, {})
    assert report.exit_code == 0
    assert "answered 404" in of(report, "paths.logout").what
    assert "answered 403 without a token" in of(report, "fixtures.resource.path").what


def test_closed_port(tmp_path: Path) -> None:
    """Where nobody listens, the run could not test; one connection was tried and nothing more."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    report = doctor.examine(written(tmp_path, f"http://127.0.0.1:{port}"), SPEC, {})
    assert (report.exit_code, blocking(report)) == (3, [(UNTESTED, "base_url")])
    assert "Connection refused" in report.diagnoses[0].what
    assert report.diagnoses[0].next.startswith("start the server")


def test_name_without_address() -> None:
    """A name that no server knows is the file's mistake; what the resolver says is repeated."""
    said = doctor.why_no_address("no-such-host.invalid")
    assert said
    assert doctor.why_no_address("localhost") == ""
    (found,) = diagnoses.address(Facts(msgspec.structs.replace(TARGET, base_url="http://no-such-host.invalid"), SPEC, no_address=said))
    assert (found.level, found.where) == (STOPS, "base_url")
    assert "'no-such-host.invalid' has no address" in found.what


AUTHORITY = trustme.CA()
LONG_AGO = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)


def tls_server(certificate: Any) -> ssl.SSLContext:
    """The server's side with this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def self_signed(folder: Path) -> ssl.SSLContext:
    """The server's side with a certificate that nobody but itself signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pem = folder / "own.pem"
    pem.write_bytes(AUTHORITY.private_key_pem.bytes() + AUTHORITY.cert_pem.bytes())
    context.load_cert_chain(pem)
    return context


CERTIFICATES = [
    ("good", True, 0, "", ""),
    ("good", False, 2, "tls.ca_file", "unable to get local issuer certificate"),
    ("self-signed", False, 2, "tls.ca_file", "self-signed certificate"),
    ("expired", True, 3, "certificate", "certificate has expired"),
    ("early", True, 3, "clock", "certificate is not yet valid"),
    ("another name", True, 2, "base_url", "not valid for '127.0.0.1'"),
]


@pytest.mark.parametrize(("kind", "trusted", "code", "where", "what"), CERTIFICATES)
def test_certificate_is_diagnosed(tmp_path: Path, kind: str, trusted: bool, code: int, where: str, what: str) -> None:
    """Each way in which a certificate may be refused has its name and its remedy; no credentials are sent meanwhile."""
    far = LONG_AGO + dt.timedelta(days=365 * 60)
    issue: dict[str, Any] = {
        "good": lambda: tls_server(AUTHORITY.issue_cert("127.0.0.1")),
        "self-signed": lambda: self_signed(tmp_path),
        "expired": lambda: tls_server(AUTHORITY.issue_cert("127.0.0.1", not_before=LONG_AGO, not_after=LONG_AGO + dt.timedelta(days=1))),
        "early": lambda: tls_server(AUTHORITY.issue_cert("127.0.0.1", not_before=far, not_after=far + dt.timedelta(days=1))),
        "another name": lambda: tls_server(AUTHORITY.issue_cert("api.test")),
    }
    authority = tmp_path / "ca.pem"
    AUTHORITY.cert_pem.write_to_path(str(authority))
    handler = counting()
    with serving(handler, issue[kind]()) as port:
        more = f"tls: {{ca_file: {authority}}}" if trusted else ""
        report = doctor.examine(written(tmp_path, f"https://127.0.0.1:{port}", more), SPEC, {})
    assert (report.exit_code, report.login) == (code, "accepted" if code == 0 else "not tried")
    assert blocking(report) == ([(STOPS if code == 2 else UNTESTED, where)] if code else [])
    assert code == 0 or what in of(report, where).what
    assert code == 0 or handler.seen == []


def test_server_that_wants_a_certificate(tmp_path: Path) -> None:
    """A server that wants the client's certificate is told by its alert, and tls.client_cert is named."""
    context = tls_server(AUTHORITY.issue_cert("127.0.0.1"))
    AUTHORITY.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    authority = tmp_path / "ca.pem"
    AUTHORITY.cert_pem.write_to_path(str(authority))
    with serving(servers.Foreign, context) as port:
        report = doctor.examine(written(tmp_path, f"https://127.0.0.1:{port}", f"tls: {{ca_file: {authority}}}"), SPEC, {})
    assert (report.exit_code, blocking(report)) == (2, [(STOPS, "tls.client_cert")])


def test_scheme_of_the_port(tmp_path: Path) -> None:
    """Plain HTTP on a port that speaks TLS, and the reverse, are told with the base_url to write."""
    with serving(servers.Foreign, tls_server(AUTHORITY.issue_cert("127.0.0.1"))) as port:
        report = doctor.examine(written(tmp_path, f"http://127.0.0.1:{port}"), SPEC, {})
        assert (report.exit_code, of(report, "base_url").next) == (2, f"base_url: https://127.0.0.1:{port}")
    with serving(servers.Foreign) as port:
        report = doctor.examine(written(tmp_path, f"https://127.0.0.1:{port}"), SPEC, {})
        assert (report.exit_code, of(report, "base_url").next) == (2, f"base_url: http://127.0.0.1:{port}")


def test_authority_that_cannot_be_read(tmp_path: Path) -> None:
    """A file of tls: that is not there is the file's mistake."""
    report = doctor.examine(written(tmp_path, "https://127.0.0.1:1", "tls: {ca_file: nowhere.pem}"), SPEC, {})
    assert (report.exit_code, blocking(report)) == (2, [(STOPS, "tls")])
    assert "nowhere.pem" in report.diagnoses[0].what


def test_budget_that_forbids_the_login(tmp_path: Path) -> None:
    """A budget of no requests is kept, and named."""
    with serving(servers.Foreign) as port:
        report = doctor.examine(written(tmp_path, f"http://127.0.0.1:{port}", "risk: {requests: 0}"), SPEC, {})
    assert (report.exit_code, blocking(report)) == (2, [(STOPS, "risk")])
    assert "the budget of requests is used up" in of(report, "risk").what


def test_hostile_answer_is_shown_harmlessly(tmp_path: Path) -> None:
    """What a server says is cut, holds no secret and no command for a terminal, wherever it stands."""
    secret = servers.SECRETS["SECRET"]
    for handler in (
        servers.always(400, "\x1b[2J" + "x" * 290 + secret + "y" * 9000, "text/plain"),
        servers.always(302, "", "", ("Location", "https://\x9b2J.test/" + "x" * 200 + secret)),
    ):
        with serving(handler) as port:
            report = doctor.examine(written(tmp_path, f"http://127.0.0.1:{port}"), SPEC, {})
        told = doctor.rendered(report, tmp_path)
        assert secret[:4] not in told
        assert not [char for char in told if not char.isprintable() and char != "\n"]
        assert max(map(len, told.splitlines())) < 400


def test_command_prints_lines_or_json(tmp_path: Path) -> None:
    """The command's lines are aligned, worst first, and end with the next step; --json holds the same; the exit codes agree."""
    command = [sys.executable, "-W", "error", "-c", "from conformance.cli import main; main()", "doctor", "--target"]
    environ = os.environ | {"HTTPS_PROXY": "http://proxy.test:3128"}
    with serving(servers.always(404, "no")) as port:
        path = written(tmp_path, f"http://127.0.0.1:{port}")
        told = subprocess.run([*command, str(path)], capture_output=True, text=True, env=environ, check=False)
        data = subprocess.run([*command, str(path), "--json"], capture_output=True, text=True, env=environ, check=False)
    assert (told.returncode, data.returncode, told.stderr) == (2, 2, "")
    lines = told.stdout.splitlines()
    assert lines[0] == "t: 2 requests without credentials, login not tried"
    assert lines[1].startswith("stops     paths.token ")
    assert lines[-1] == "1 thing stands in the way of a run"
    assert len({line.index("→") for line in lines if "→" in line}) == 1
    report = json.loads(data.stdout)
    assert report["exit_code"] == 2
    assert [one["where"] for one in report["diagnoses"]][:3] == ["paths.token", "HTTPS_PROXY", "fixtures.resource"]
    with serving(servers.Foreign) as port:
        done = subprocess.run([*command, str(written(tmp_path, f"http://127.0.0.1:{port}"))], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "Nothing stands in the way: conformance run --target" in done.stdout
