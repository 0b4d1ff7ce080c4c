"""The routers of the pages: a page joins the site by a line here."""

from __future__ import annotations

from fastapi import APIRouter

from doorbus_web.pages import document, events, home, live, schedule, settings, system

ROUTERS: tuple[APIRouter, ...] = (
    home.router,
    live.router,
    settings.router,
    schedule.router,
    events.router,
    system.router,
    document.router,
)
