"""The page behind a one-time link: reading it signs nothing, so that link previews do not; its button does.

The link itself is the permission, so these two routes ask for no key. They work without script and say nothing that the
push has not said.
"""

from __future__ import annotations

from html import escape

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from service.api.state import App, app_of
from service.domain.problems import Problem
from service.workflows.sign_by_link import Offer, offer_of, sign_by_link
from service.workflows.sign_links import SIGN_PATH

router = APIRouter(tags=["sign links 签收链接"])
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
}
_STYLE = """
body { font: 1.1rem/1.6 "Noto Sans CJK SC", "Microsoft YaHei", sans-serif; max-width: 34rem; margin: 2rem auto;
  padding: 0 1rem; color: #111; background: #fff; }
h1 { font-size: 1.3rem; } dl { display: grid; grid-template-columns: 6rem 1fr; gap: .3rem .8rem; }
dt { color: #444; } dd { margin: 0; overflow-wrap: anywhere; }
button { font: inherit; padding: .6rem 2rem; border: 0; border-radius: .3rem; background: #0a4f9e;
  color: #fff; cursor: pointer; } button:focus-visible { outline: 3px solid #f80; outline-offset: 2px; }
"""


@router.get(f"{SIGN_PATH}{{token}}", response_class=HTMLResponse)
async def get_sign_page(token: str, request: Request) -> HTMLResponse:
    """What the link would sign, with a button. Opening it changes nothing."""
    app = app_of(request)
    try:
        offer = await offer_of(app.work(), token)
    except Problem as problem:
        return _refused(problem)
    return _page("签收预警", _offered(app, offer))


@router.post(f"{SIGN_PATH}{{token}}", response_class=HTMLResponse)
async def post_sign_page(token: str, request: Request) -> HTMLResponse:
    """Sign the warning for the link's department, once."""
    app = app_of(request)
    try:
        offer = await sign_by_link(app.work(), token)
    except Problem as problem:
        return _refused(problem)
    return _page("已签收", _signed(app, offer))


def _offered(app: App, offer: Offer) -> str:
    if offer.signed_at is not None:
        return _signed(app, offer)
    asked = f"<p>以<strong>{escape(offer.department)}</strong>的名义签收。签收只表示已收到，不等于答复或办结。</p>"
    button = '<form method="post"><button type="submit">确认签收</button></form>'
    return f"<h1>签收预警</h1>{_facts(app, offer)}{asked}{button}"


def _signed(app: App, offer: Offer) -> str:
    at = offer.signed_at.astimezone(app.engines.zone).strftime("%Y-%m-%d %H:%M") if offer.signed_at else "?"
    done = f"<p>{escape(offer.department)}已于 {at} 签收，本链接不能再次使用。</p>"
    return f"<h1>已签收</h1>{_facts(app, offer)}{done}"


def _facts(app: App, offer: Offer) -> str:
    due = offer.sign_due_at.astimezone(app.engines.zone).strftime("%Y-%m-%d %H:%M") if offer.sign_due_at else "未设时限"
    facts = {"级别": offer.warning.level.zh, "事项": offer.warning.headline, "签收时限": due}
    return "<dl>" + "".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in facts.items()) + "</dl>"


def _refused(problem: Problem) -> HTMLResponse:
    return _page("不能签收", f"<h1>不能签收</h1><p>{escape(problem.detail)}</p>", problem.status)


def _page(title: str, inside: str, status: int = 200) -> HTMLResponse:
    head = '<meta charset="utf-8"/><meta name="viewport" content="width=device-width"/>'
    page = (
        f'<!DOCTYPE html>\n<html lang="zh-CN"><head>{head}<title>{title}</title><style>{_STYLE}</style></head>'
        f"<body><main>{inside}</main></body></html>\n"
    )
    return HTMLResponse(page, status, _HEADERS)
