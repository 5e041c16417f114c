"""A conformance harness for an OAuth API of two endpoints: POST /oauth/v2/token and GET /oauth/v2/logout."""

__version__ = "0.1.0"
