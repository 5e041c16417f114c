"""The documented error rows, and the shapes in which servers of this kind write them."""

import json
from dataclasses import dataclass, replace
from typing import Any

MESSAGES = {
    1: "Invalid client id",
    2: "Missing or invalid grant_type",
    4: "Invalid authorization code",
    5: "Not authorized to create access token",
    6: "Missing or bad Authorization header",
    7: "Invalid refresh_token",
    8: "Illegal or non authorized scope",
    9: "Invalid Client data",
    12: "Invalid RedirectURI",
    16: "Invalid App Attributes.Please contact Telenor Admin",
    20: "Invalid resource owner credentials",
    21: "Unsufficient permissions to use requested grant_type",
    22: "Basic Authentication failed, bad username or password.",
    23: "User credentials does not match granted client credentials",
}
INVALID_TOKEN = "Invalid access token"
INTERNAL = "Internal Server Error"
WORDS = {
    **dict.fromkeys((1, 6, 22), "invalid_client"),
    **dict.fromkeys((4, 7, 12, 20, 23), "invalid_grant"),
    **dict.fromkeys((5, 21), "unauthorized_client"),
    **dict.fromkeys((9, 16), "invalid_request"),
    2: "unsupported_grant_type",
    8: "invalid_scope",
}
CLIENT_ROWS = (1, 6, 22)
"""The rows about the client's authentication: status 401, with a challenge."""


@dataclass(frozen=True)
class Refusal(Exception):
    """An error on its way to the client: status, code, message, the RFC's word, the scheme of the challenge."""

    status: int
    code: int
    message: str
    word: str
    scheme: str = "Basic"


def internal() -> Refusal:
    """Code 2 as both endpoints mean it when something broke inside."""
    return Refusal(500, 2, INTERNAL, "server_error")


def written(refusal: Refusal, shape: str, code_type: str) -> tuple[str, str]:
    """Media type and body of an error in one of the shapes of `errors.shape`."""
    code: Any = refusal.code
    if code_type == "string":
        code = str(refusal.code)
    elif code_type == "composite":
        code = f"{refusal.status}{refusal.code:02d}"
    message = (
        f"Error code {code} - {refusal.message}" if code_type == "in-text" or (shape == "text" and code_type != "none") else refusal.message
    )
    if shape == "text":
        return "text/plain", message
    coded = code_type not in ("in-text", "none")
    if shape == "xml":
        return "application/xml", f"<error>{f'<code>{code}</code>' if coded else ''}<message>{message}</message></error>"
    return "application/json", json.dumps(_members(replace(refusal, message=message), shape, code if coded else None))


def _members(refusal: Refusal, shape: str, code: Any) -> Any:
    def coded(name: str, value: Any = code) -> dict[str, Any]:
        return {} if code is None else {name: value}

    match shape:
        case "rfc":
            return {"error": refusal.word, "error_description": refusal.message}
        case "members":
            return {**coded("errorCode"), "message": refusal.message}
        case "gateway":
            return {**coded("ErrorCode"), "Error": refusal.message}
        case "nested":
            return {"fault": {"faultstring": refusal.message, "detail": coded("errorcode", f"oauth.v2.{code}")}}
        case "list":
            return {"errors": [{**coded("code"), "text": refusal.message}]}
    return {"error": refusal.word, "error_description": refusal.message, **coded("code")}
