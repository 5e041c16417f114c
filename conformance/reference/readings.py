"""What the reference server can do where the documentation leaves a choice: one line per axis, its default first."""

READINGS: dict[str, tuple[str, ...]] = {
    "token.path": ("absent", "alias", "redirect", "other"),
    "expires_in.type": ("integer", "string"),
    "expires_in.value": ("constant", "varies"),
    "code-2": ("status", "message", "endpoint"),
    "client.errors": ("separate", "code-22", "code-1"),
    "basic.undecodable": ("code-6", "code-22", "code-1"),
    "basic.no-colon": ("code-6", "code-22", "code-1"),
    "basic.scheme": ("code-6", "code-22"),
    "basic.encoding": ("raw", "form", "both"),
    "client.in-body": ("refused", "accepted"),
    "errors.shape": ("rfc-and-code", "rfc", "members", "gateway", "nested", "list", "text", "xml"),
    "errors.code-type": ("number", "string", "composite", "in-text", "none"),
    "errors.status": ("by-kind", "all-400", "in-200", "other"),
    "error.foreign-user": ("code-23", "code-20"),
    "error.grant-denied": ("code-21", "code-5"),
    "error.unapproved-client": ("code-5", "code-9"),
    "error.broken-client": ("code-16", "code-9"),
    "error.wrong-redirect": ("code-12", "code-4"),
    "error.no-user": ("code-20", "code-2", "code-9", "other"),
    "issue.policy": ("independent", "same", "revokes", "capped"),
    "grant.other": ("served", "code-2", "code-21"),
    "grant.user": ("not-needed", "needed"),
    "request.media-type": ("form", "multipart", "any"),
    "scope": ("validated", "ignored"),
    "username.case": ("sensitive", "insensitive"),
    "token.format": ("base64url", "word", "other"),
    "token_type": ("capitalised", "lower-case", "absent"),
    "refresh_token": ("usable", "unusable", "absent"),
    "refresh.rotation": ("old-dies", "reusable"),
    "refresh.after-logout": ("dies", "survives"),
    "logout.operation": ("present", "absent"),
    "logout.scope": ("token", "user"),
    "logout.dead-token": ("refused", "accepted"),
    "logout.revoked-token": ("refused", "accepted"),
    "logout.expired-token": ("refused", "accepted"),
    "logout.malformed": ("code-6", "code-2"),
    "logout.doubled-prefix": ("refused", "tolerated"),
    "logout.body": ("text", "html", "json", "mislabelled", "unlabelled"),
    "logout.head": ("refused", "harmless", "revokes"),
    "logout.post": ("refused", "accepted"),
    "logout.browser": ("absent", "redirect"),
    "revocation.lag": ("none", "within-budget"),
}

REVOCATION_LAG_S = 0.5
"""How long a token lives on after logout under `revocation.lag: within-budget`."""

CAP = 4
"""How many tokens a user has at most under `issue.policy: capped`; the oldest is evicted."""
