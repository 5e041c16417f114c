"""The documented error rows, and the shapes in which servers of this kind write them."""

import json
from dataclasses import dataclass
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
    if shape == "text":
        return "text/plain", f"Error code {code} - {refusal.message}"
    if shape == "xml":
        return "application/xml", f"<error><code>{code}</code><message>{refusal.message}</message></error>"
    return "application/json", json.dumps(_members(refusal, shape, code))


def _members(refusal: Refusal, shape: str, code: Any) -> Any:
    match shape:
        case "rfc":
            return {"error": refusal.word, "error_description": refusal.message}
        case "members":
            return {"errorCode": code, "message": refusal.message}
        case "gateway":
            return {"ErrorCode": code, "Error": refusal.message}
        case "nested":
            return {"fault": {"faultstring": refusal.message, "detail": {"errorcode": f"oauth.v2.{code}"}}}
        case "list":
            return {"errors": [{"code": code, "text": refusal.message}]}
    return {"error": refusal.word, "error_description": refusal.message, "code": code}
