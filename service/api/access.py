"""Who may call what. Every route names its scopes here, in its own declaration; health routes alone do not."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from service.api.state import app_of
from service.domain.problems import Problem
from service.domain.words import Scope
from service.store.keys import Viewer

BEARER = HTTPBearer(auto_error=False, scheme_name="Weiyu key", description="Authorization: Bearer wy_<id>_<secret>")
ANY = tuple(Scope)
READERS = (Scope.READ, Scope.PLAN, Scope.RESPOND, Scope.ADMINISTER)


async def _viewer(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)]
) -> Viewer:
    app = app_of(request)
    viewer = await app.keys.viewer(credentials.credentials, app.clock()) if credentials else None
    if viewer is None:
        detail = (
            "请在请求头 Authorization 中提供有效密钥：Bearer wy_<id>_<secret>；密钥由管理员用 weiyu keys create 发放。"
        )
        raise Problem(401, "key_required", detail)
    return viewer


def may(*scopes: Scope) -> Any:
    """A dependency: the viewer, if its key has one of these scopes."""

    async def check(viewer: Annotated[Viewer, Depends(_viewer)]) -> Viewer:
        if viewer.scopes.isdisjoint(scopes):
            needed = "、".join(scopes)
            raise Problem(403, "scope_missing", f"本密钥没有所需权限（需要其一：{needed}）；请向管理员申请相应密钥。")
        return viewer

    check.scopes = scopes  # type: ignore[attr-defined]  # read by the test that proves every route is guarded
    return Depends(check)
