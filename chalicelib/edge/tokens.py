"""Bearer tokens: OIDC access tokens, verified in the process against the issuer's published keys."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from chalicelib.kernel import principals, settings
from chalicelib.kernel.errors import Unauthenticated, Unavailable

if TYPE_CHECKING:
    import jwt

logger = logging.getLogger(__name__)

_KEY_LIFESPAN_SECONDS = 3600
_REFRESH_COOLDOWN_SECONDS = 10  # forged key ids must not become a flood of requests to the issuer
_MAX_TOKEN_LENGTH = 8192

_key_clients: dict[str, jwt.PyJWKClient] = {}


def principal_of(authorization: str | None) -> principals.Principal:
    """The caller behind an ``Authorization`` header. Raises ``Unauthenticated`` with the reason that may be told."""
    scheme, _, token = (authorization or "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("Send an access token: `Authorization: Bearer …`.")
    if len(token) > _MAX_TOKEN_LENGTH or not token.isascii():
        raise Unauthenticated("The access token is not valid.")
    claims = _verified(token)
    groups = claims.get("cognito:groups", [])
    return principals.principal(str(claims["sub"]), groups if isinstance(groups, list) else [])


def _verified(token: str) -> dict[str, Any]:
    import jwt

    configured = settings.get()
    try:
        key = _key_client(configured.oidc_jwks_url).get_signing_key_from_jwt(token)
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=["RS256"],
            issuer=configured.oidc_issuer,
            # When it was issued, by the issuer's clock, bounds nothing: one that is ahead must not lock people out.
            options={"require": ["exp", "iss", "sub", "token_use"], "verify_aud": False, "verify_iat": False},
        )
    except jwt.PyJWKClientConnectionError as error:
        logger.warning("issuer keys unreachable")
        raise Unavailable("issuer_unavailable", "Tokens can't be verified right now: try again.") from error
    except jwt.ExpiredSignatureError as error:
        raise Unauthenticated("The access token has expired: get a new one.") from error
    except jwt.PyJWTError as error:
        raise Unauthenticated("The access token is not valid.") from error
    # Cognito's access tokens carry no `aud`: the app that they were issued to stands in `client_id`.
    if claims["token_use"] != "access" or claims.get("client_id") not in configured.oidc_client_ids:  # noqa: S105
        raise Unauthenticated("The token is not an access token for this service.")
    return claims


def _key_client(url: str) -> jwt.PyJWKClient:
    if url not in _key_clients:
        import jwt

        _key_clients[url] = jwt.PyJWKClient(
            url, lifespan=_KEY_LIFESPAN_SECONDS, cooldown_duration=_REFRESH_COOLDOWN_SECONDS, timeout=5
        )
    return _key_clients[url]
