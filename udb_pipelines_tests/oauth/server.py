"""A real OAuth server: Authlib's, which checks what it is sent, over HTTP on the loopback interface."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import grants
from authlib.oauth2.rfc6749.util import scope_to_list
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc8628 import DeviceAuthorizationEndpoint, DeviceCodeGrant
from flask import Flask, Response, jsonify, request

CLIENT = "udb"
SECRET = "planted+client/secret"
METHODS = ["client_secret_basic", "client_secret_post", "none"]


@dataclass
class Provider:
    """What the server knows, and what a test may change about it."""

    address: str = ""
    confidential: bool = False
    takes: str = "client_secret_basic"
    """How it wants the secret of a confidential client."""
    publishes: list[str] | None = None
    """What it says that it takes; nothing by default."""
    lifetime: int = 3600
    allow: bool = True
    """What the person answers."""
    device_answers: list[str] = field(default_factory=list)
    """For the next questions of the device flow: ``wait``, ``slower``, ``no`` or ``late``; then it is granted."""
    refresh_is_valid: bool = True
    codes: dict[str, Any] = field(default_factory=dict)
    devices: dict[str, Any] = field(default_factory=dict)
    tokens: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Granted ones, by refresh token."""
    refreshes: int = 0
    down: bool = False


class _Client:
    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def get_client_id(self) -> str:
        return CLIENT

    def get_default_redirect_uri(self) -> str:
        return ""

    def get_allowed_scope(self, scope: str) -> str:
        return " ".join(each for each in scope_to_list(scope) or [] if each in ("read", "write"))

    def check_redirect_uri(self, uri: str) -> bool:
        return uri.startswith("http://127.0.0.1:")

    def check_client_secret(self, secret: str) -> bool:
        return secret == SECRET

    def check_endpoint_auth_method(self, method: str, _endpoint: str) -> bool:
        return method == (self._provider.takes if self._provider.confidential else "none")

    def check_response_type(self, kind: str) -> bool:
        return kind == "code"

    def check_grant_type(self, _kind: str) -> bool:
        return True


class _Code(SimpleNamespace):
    def get_redirect_uri(self) -> str:
        return str(self.redirect_uri)

    def get_scope(self) -> str:
        return str(self.scope)


class _Device(SimpleNamespace):
    def get_client_id(self) -> str:
        return CLIENT

    def get_scope(self) -> str:
        return str(self.scope or "")

    def get_user_code(self) -> str:
        return str(self.user_code)

    def is_expired(self) -> bool:
        return bool(self.provider.device_answers) and self.provider.device_answers[0] == "late"


class _Refresh(SimpleNamespace):
    def check_client(self, _client: object) -> bool:
        return True

    def get_scope(self) -> str:
        return str(self.scope)


def make_app(provider: Provider) -> Flask:
    app = Flask("oauth")
    app.config["OAUTH2_REFRESH_TOKEN_GENERATOR"] = True
    for grant in ("authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"):
        app.config.setdefault("OAUTH2_TOKEN_EXPIRES_IN", {})[grant] = provider.lifetime

    def save(token: dict[str, Any], _request: object) -> None:
        token["expires_in"] = provider.lifetime
        provider.tokens[token["refresh_token"]] = token

    server = AuthorizationServer(app, query_client=lambda name: _Client(provider) if name == CLIENT else None,
                                 save_token=save)  # fmt: skip
    server.register_grant(_code_grant(provider), [CodeChallenge(required=True)])
    server.register_grant(_refresh_grant(provider))
    server.register_grant(_device_grant(provider))
    server.register_endpoint(_device_endpoint(provider))
    _add_routes(app, server, provider)
    return app


def _code_grant(provider: Provider) -> type:
    class CodeGrant(grants.AuthorizationCodeGrant):
        TOKEN_ENDPOINT_AUTH_METHODS = METHODS

        def save_authorization_code(self, code: str, asked: Any) -> None:
            data = asked.payload.data
            provider.codes[code] = _Code(
                redirect_uri=asked.payload.redirect_uri, scope=asked.payload.scope or "",
                code_challenge=data.get("code_challenge"), code_challenge_method=data.get("code_challenge_method"),
            )  # fmt: skip

        def query_authorization_code(self, code: str, _client: object) -> Any:
            return provider.codes.get(code)

        def delete_authorization_code(self, code: Any) -> None:
            provider.codes = {name: known for name, known in provider.codes.items() if known is not code}

        def authenticate_user(self, _code: object) -> str:
            return "ann"

    return CodeGrant


def _refresh_grant(provider: Provider) -> type:
    class RefreshGrant(grants.RefreshTokenGrant):
        TOKEN_ENDPOINT_AUTH_METHODS = METHODS
        INCLUDE_NEW_REFRESH_TOKEN = True

        def authenticate_refresh_token(self, token: str) -> Any:
            known = provider.tokens.get(token)
            return _Refresh(scope=known.get("scope", ""), token=token) if known and provider.refresh_is_valid else None

        def authenticate_user(self, _token: object) -> str:
            return "ann"

        def revoke_old_credential(self, old: Any) -> None:
            provider.refreshes += 1
            del provider.tokens[old.token]

    return RefreshGrant


def _device_grant(provider: Provider) -> type:
    class DeviceGrant(DeviceCodeGrant):
        TOKEN_ENDPOINT_AUTH_METHODS = METHODS

        def query_device_credential(self, code: str) -> Any:
            return provider.devices.get(code)

        def query_user_grant(self, _code: str) -> tuple[str, bool] | None:
            if not provider.device_answers:
                return "ann", True
            return ("ann", False) if provider.device_answers[0] == "no" else None

        def should_slow_down(self, _credential: object) -> bool:
            return provider.device_answers.pop(0) == "slower"

    return DeviceGrant


def _device_endpoint(provider: Provider) -> type:
    class DeviceEndpoint(DeviceAuthorizationEndpoint):
        CLIENT_AUTH_METHODS = METHODS

        def get_verification_uri(self) -> str:
            return f"{provider.address}/activate"

        def save_device_credential(self, _client: str, scope: str, data: dict[str, Any]) -> None:
            provider.devices[data["device_code"]] = _Device(scope=scope, user_code=data["user_code"], provider=provider)

    return DeviceEndpoint


def _add_routes(app: Flask, server: AuthorizationServer, provider: Provider) -> None:
    @app.get("/.well-known/openid-configuration")
    def published() -> Response:
        return jsonify(
            token_endpoint=f"{provider.address}/token",
            authorization_endpoint=f"{provider.address}/authorize",
            device_authorization_endpoint=f"{provider.address}/device",
            **({"token_endpoint_auth_methods_supported": provider.publishes} if provider.publishes else {}),
        )

    @app.get("/authorize")
    def authorize() -> Any:
        user = "ann" if provider.allow else None
        grant = server.get_consent_grant(end_user=user)
        return server.create_authorization_response(grant_user=user, grant=grant)

    @app.post("/token")
    def token() -> Any:
        if provider.down:
            return Response("busy", 503)
        time.sleep(0.05)  # long enough for others to want the same meanwhile
        return server.create_token_response()

    @app.post("/device")
    def device() -> Any:
        return server.create_endpoint_response("device_authorization")

    @app.get("/data.csv")
    def data() -> Response:
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        good = any(secrets.compare_digest(bearer, known["access_token"]) for known in provider.tokens.values())
        return Response("id,name\n1,ann\n2,bob\n", 200 if good else 401, mimetype="text/csv")
