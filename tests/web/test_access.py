"""Getting in: logins, one-time passwords, sessions, roles, forged requests, tokens; over ASGI, without a bus."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest
from fastapi.routing import APIRoute
from tests.web.world import ORIGIN, PASSWORD, Site, csrf_of

from doorbus_web.access.guessing import LOCK_S
from doorbus_web.access.model import Role
from doorbus_web.api.app import PREFIX
from doorbus_web.api.app import ROUTERS as ENDPOINTS
from doorbus_web.api.description import openapi
from doorbus_web.pages.routers import ROUTERS as PAGES
from doorbus_web.site import OWN_PAGES

OPEN = {"/login", "/static"}


def _paths() -> Iterator[tuple[str, str]]:
    """Every method and path of the site, with its parameters filled in."""
    yield from (("GET", "/api"), ("GET", f"{PREFIX}/openapi.json"))
    for prefix, routers in (("", (*OWN_PAGES, *PAGES)), (PREFIX, ENDPOINTS)):
        for route in (route for router in routers for route in router.routes):
            assert isinstance(route, APIRoute)
            path = prefix + route.path.replace("{door}", "front").replace("{call}", "c1")
            for method in sorted(route.methods or ()):
                yield method, re.sub(r"\{[a-z_]+(:path)?\}", "x", path)


async def test_nothing_is_open_but_the_login(web: Site) -> None:
    """Without a credential every page leads to the login and every endpoint answers 401."""
    browser, seen = web.browser(), 0
    for method, path in _paths():
        if path in OPEN:
            continue
        answer = await browser.request(method, path)
        expected = 303 if method in ("GET", "HEAD") and not path.startswith("/api/") else 401
        assert (method, path, answer.status_code) == (method, path, expected)
        assert expected == 401 or answer.headers["Location"] == "/login"
        seen += 1
    assert seen > 20


async def test_the_list_of_routes_is_whole(web: Site) -> None:
    """The list that the other tests walk holds every operation of the API that the site serves."""
    served = openapi(web.app)["paths"]
    listed = {path.replace("front", "{door}").replace("c1", "{call}") for _, path in _paths()}
    assert set(served) <= listed
    assert ("POST", "/api/v1/doors/front/unlock") in set(_paths())


@pytest.mark.parametrize(
    "credential", ["Bearer dbt_wrong", "Bearer", "Basic YWRtaW46YWRtaW4=", "dbt_wrong", "Bearer  "]
)
async def test_a_wrong_token_is_no_credential(web: Site, credential: str) -> None:
    """401 with a challenge, also where a valid session's cookie comes along."""
    browser = await web.signed_in(Role.ADMIN)
    answer = await browser.get("/api/v1/doors", headers={"Authorization": credential})
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="doorbus"')
    assert answer.headers["Content-Type"] == "application/problem+json"


async def test_a_session_is_new_with_each_login(web: Site) -> None:
    """A login gives another session than the browser had, and the one it had is over."""
    browser = await web.signed_in(Role.ADMIN)
    before = browser.cookies["doorbus_session"]
    await browser.post("/login", data={"user": "admin", "password": PASSWORD})
    assert browser.cookies["doorbus_session"] != before
    thief = web.browser(Cookie=f"doorbus_session={before}")
    assert (await thief.get("/account")).headers["Location"] == "/login"


async def test_the_cookie_cannot_be_read_or_sent_across_sites(web: Site) -> None:
    """HttpOnly and SameSite=Strict always; Secure and the `__Host-` name over HTTPS."""
    await web.user("admin", Role.ADMIN)
    login = {"user": "admin", "password": PASSWORD}
    plain = (await web.browser().post("/login", data=login)).headers["Set-Cookie"]
    secure_browser = web.browser(Origin="https://door.test")
    secure = (await secure_browser.post("https://door.test/login", data=login)).headers["Set-Cookie"]
    for cookie in (plain, secure):
        assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
    assert (secure.startswith("__Host-doorbus_session="), "Secure" in secure.split("; ")) == (True, True)
    assert "Secure" not in plain.split("; ")


async def test_signing_out_ends_the_session_on_the_server(web: Site) -> None:
    """A cookie that was copied before is worthless after it."""
    browser = await web.signed_in(Role.VIEWER)
    copied = browser.cookies["doorbus_session"]
    assert (await browser.post("/logout")).headers["Location"] == "/login"
    assert (await web.browser(Cookie=f"doorbus_session={copied}").get("/")).headers["Location"] == "/login"


async def test_a_forgotten_tab_ends(web: Site) -> None:
    """What an open live page fetches by itself does not keep its session; a person who uses the pages does."""
    idle_s = web.parts.settings.web_session_idle_s
    for path, location in (("/doors/front/now", "/login"), ("/account", None)):
        browser = await web.signed_in(Role.VIEWER, f"user-{path.count('/')}")
        for _ in range(4):
            web.time.now += idle_s / 3
            answer = await browser.get(path)
        assert answer.headers.get("Location") == location


async def test_wrong_passwords_are_slowed_down(web: Site) -> None:
    """The fifth try at once is not looked at, says when to come again, and then the right one gets in."""
    await web.user("admin", Role.ADMIN)
    browser = web.browser()
    tries = [await browser.post("/login", data={"user": "admin", "password": f"wrong {n}"}) for n in range(4)]
    assert [each.status_code for each in tries] == [401] * 4
    early = await browser.post("/login", data={"user": "admin", "password": PASSWORD})
    assert (early.status_code, early.headers["Retry-After"]) == (429, "1")
    web.time.now += 1.0
    assert (await browser.post("/login", data={"user": "admin", "password": PASSWORD})).status_code == 303


async def test_nobody_learns_which_users_there_are(web: Site) -> None:
    """An unknown user gets the very page that a wrong password gets, and is slowed down alike."""
    await web.user("admin", Role.ADMIN)
    answers = []
    for name in ("admin", "nobody"):
        browser = web.browser()
        tries = [await browser.post("/login", data={"user": name, "password": "x"}) for _ in range(5)]
        answers.append([(each.status_code, each.text.replace(name, "NAME")) for each in tries])
        web.time.now += LOCK_S
    assert answers[0] == answers[1]


async def test_a_one_time_password_opens_only_its_own_change(web: Site) -> None:
    """With it every page leads to the form, the API refuses, and a new password of one's own lifts that."""
    await web.user("admin", Role.ADMIN, must_change=True)
    browser = web.browser()
    await browser.post("/login", data={"user": "admin", "password": PASSWORD})
    assert (await browser.get("/users")).headers["Location"] == "/account/password"
    refused = await browser.get("/api/v1/doors")
    assert (refused.status_code, refused.json()["code"]) == (403, "password_must_be_changed")
    form = {"csrf": csrf_of((await browser.get("/account/password")).text), "current": PASSWORD}
    for fresh, again, word in (
        ("short", "short", "10 to 128"),
        (PASSWORD, PASSWORD, "another one"),
        ("long enough 1", "long enough 2", "not the same"),
    ):
        answer = await browser.post("/account/password", data={**form, "new": fresh, "again": again})
        assert (answer.status_code, word in answer.text) == (422, True)
    new = {"new": "long enough 1", "again": "long enough 1"}
    wrong = await browser.post("/account/password", data={**form, **new, "current": "wrong"})
    assert (wrong.status_code, "is not your password" in wrong.text) == (422, True)
    assert (await browser.post("/account/password", data={**form, **new})).status_code == 303
    assert (await browser.get("/api/v1/doors")).status_code == 200


FORGED: list[dict[str, str]] = [
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
    {"Origin": ORIGIN, "Sec-Fetch-Site": "same-site"},
    {"Origin": "", "Sec-Fetch-Site": ""},
]


@pytest.mark.parametrize("headers", FORGED)
async def test_a_forged_request_does_nothing(web: Site, headers: dict[str, str]) -> None:
    """With the session's cookie and even its token, what does not come from our own pages is refused everywhere."""
    browser = await web.signed_in(Role.ADMIN)
    for name, value in headers.items():
        del browser.headers[name]
        if value:
            browser.headers[name] = value
    for method, path in _paths():
        if method not in ("GET", "HEAD"):
            answer = await browser.request(method, path, data={"user": "admin", "password": PASSWORD, "name": "eve"})
            assert (method, path, answer.status_code) == (method, path, 403)
    assert [user.name for user in web.parts.access.users.all()] == ["admin"]


async def test_a_form_without_the_sessions_token_does_nothing(web: Site) -> None:
    """Also from our own origin a form, or a script, needs the token of this very session."""
    browser = await web.signed_in(Role.ADMIN)
    other = await web.signed_in(Role.ADMIN, "other")
    own, foreign = browser.headers.pop("X-CSRF-Token"), other.headers["X-CSRF-Token"]
    form = {"name": "eve", "role": "viewer"}
    for csrf in ({}, {"csrf": ""}, {"csrf": foreign}, {"csrf": own[:-1]}, {"csrf": "ü"}):
        answer = await browser.post("/users", data={**form, **csrf})
        assert (answer.status_code, "eve" in answer.text) == (403, False)
    assert (await browser.put("/api/v1/doors/front/dnd", json={"enabled": True})).status_code == 403
    assert (await browser.post("/users", data={**form, "csrf": own})).status_code == 200
    assert {user.name for user in web.parts.access.users.all()} == {"admin", "other", "eve"}


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
async def test_only_admins_manage(web: Site, role: Role) -> None:
    """Users, tokens and documents are closed to viewers and operators, by page and by API."""
    browser = await web.signed_in(role)
    answers = [
        await browser.get("/users"),
        await browser.post("/users", data={"name": "eve", "role": "admin"}),
        await browser.post(f"/users/{role}/role", data={"role": "admin"}),
        await browser.post(f"/users/{role}/remove"),
        await browser.get("/tokens"),
        await browser.post("/tokens", data={"name": "t", "scopes": "admin"}),
        await browser.put("/api/v1/doors/front/document", content=b"door: front", headers={"If-Match": '"7"'}),
    ]
    assert [answer.status_code for answer in answers] == [403] * len(answers)
    assert (await browser.get("/api/v1/doors/front/document")).status_code == 200


async def test_a_viewer_does_nothing_to_a_door(web: Site) -> None:
    """Every wish of a viewer is 403; an operator's gets as far as the bus, which is gone here (503)."""
    viewer, operator = await web.signed_in(Role.VIEWER), await web.signed_in(Role.OPERATOR)
    wishes: tuple[tuple[str, str, dict[str, object]], ...] = (
        ("POST", "unlock", {"relay": "gate"}),
        ("POST", "calls", {"to": "101"}),
        ("DELETE", "calls", {}),
        ("POST", "press", {"input": "button1"}),
        ("PUT", "dnd", {"enabled": True}),
    )
    for method, what, body in wishes:
        for browser, status in ((viewer, 403), (operator, 503)):
            answer = await browser.request(method, f"/api/v1/doors/front/{what}", json=body)
            assert (what, answer.status_code) == (what, status)


async def test_a_token_opens_its_relay_only(web: Site) -> None:
    """`unlock:gate` gets as far as the bus for the gate; the lamp, other doors, reading and calling are 403 or 404."""
    hub = web.program("unlock:gate", doors=("front",))
    url = "/api/v1/doors/front"
    answers = [
        await hub.post(f"{url}/unlock", json={"relay": "gate"}),
        await hub.post(f"{url}/unlock", json={"relay": "lamp"}),
        await hub.post("/api/v1/doors/back/unlock", json={"relay": "gate"}),
        await hub.get(url),
        await hub.post(f"{url}/calls", json={"to": "101"}),
        await hub.get("/users"),
    ]
    assert [answer.status_code for answer in answers] == [503, 403, 404, 403, 403, 303]
    elsewhere = web.program("unlock:*", doors=("back",), name="elsewhere")
    assert (await elsewhere.post(f"{url}/unlock", json={"relay": "gate"})).status_code == 404


async def test_a_token_is_shown_once_and_can_be_revoked(web: Site) -> None:
    """The page shows the secret when it is made, never again; after `Revoke` it opens nothing."""
    browser = await web.signed_in(Role.ADMIN)
    made = await browser.post("/tokens", data={"name": "hub", "scopes": ["read"], "relays": "gate", "days": "30"})
    secret = made.text.split('id="secret">', 1)[1].split("<", 1)[0]
    hub = web.browser(Authorization=f"Bearer {secret}")
    assert (await hub.get("/api/v1/me")).json()["scopes"] == ["read", "unlock:gate"]
    assert secret not in (await browser.get("/tokens")).text
    token = web.parts.access.tokens.all()[0]
    assert (await browser.post(f"/tokens/{token.id}/revoke")).status_code == 303
    assert (await hub.get("/api/v1/me")).status_code == 401


async def test_a_token_is_not_taken_from_elsewhere(web: Site) -> None:
    """In the URL, in a cookie or for a page a token is nothing."""
    hub = web.program("read")
    secret = hub.headers["Authorization"].removeprefix("Bearer ")
    assert (await hub.get("/")).headers["Location"] == "/login"
    for client in (web.browser(Cookie=f"doorbus_session={secret}"), web.browser()):
        assert (await client.get("/api/v1/doors", params={"token": secret})).status_code == 401


async def test_every_answer_has_the_security_headers(web: Site) -> None:
    """Pages, endpoints, refusals and files: CSP without inline script, nosniff, no frames, no cache for data."""
    browser = await web.signed_in(Role.ADMIN)
    for path in ("/", "/login", "/api/v1/doors", "/api/v1/nothing", "/nothing", "/static/doorbus.css"):
        headers = (await browser.get(path)).headers
        policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
        assert (policy["default-src"], policy["script-src"]) == ("'none'", "'self'")
        assert (policy["frame-ancestors"], policy["base-uri"], policy["form-action"]) == ("'none'", "'none'", "'self'")
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cache-Control"] == ("no-cache" if path.startswith("/static") else "no-store")
        assert "Server" not in headers


async def test_a_large_body_is_refused_unread(web: Site) -> None:
    """More than 512 KB: 413, as a problem."""
    hub = web.program("configure")
    answer = await hub.put("/api/v1/doors/front/document", content=b"x" * 600_000, headers={"If-Match": '"7"'})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


async def test_wrong_tokens_are_slowed_down_apart_from_logins(web: Site) -> None:
    """Whoever shows wrong tokens over and over gets 429, and people of that address still sign in."""
    guesser = web.browser(Authorization="Bearer dbt_wrong")
    statuses = [(await guesser.get("/api/v1/me")).status_code for _ in range(10)]
    assert (statuses[0], statuses[-1]) == (401, 429)
    assert (await (await web.signed_in(Role.ADMIN)).get("/")).status_code == 200


async def _ok(answer: httpx.Response) -> str:
    assert answer.status_code == 200
    return answer.text


async def test_users_are_managed(web: Site) -> None:
    """An admin adds a user, whose one-time password is shown once; changes the role; resets; removes."""
    browser = await web.signed_in(Role.ADMIN)
    page = await _ok(await browser.post("/users", data={"name": "Bert", "role": "viewer"}))
    password = page.split('id="secret">', 1)[1].split("<", 1)[0]
    bert = web.browser()
    signed_in = await bert.post("/login", data={"user": "bert", "password": password})
    assert signed_in.status_code == 303
    assert password not in await _ok(await browser.get("/users"))
    assert (await browser.post("/users/bert/role", data={"role": "operator"})).status_code == 303
    assert web.parts.access.users.all()[1].role is Role.OPERATOR
    await _ok(await browser.post("/users/bert/reset"))
    assert (await bert.get("/")).headers["Location"] == "/login"
    assert (await browser.post("/users/bert/remove")).status_code == 303
    assert (await browser.post("/users/admin/remove")).status_code == 422
    for name, role, word in (("no name", "viewer", "name: "), ("carl", "king", "role: must be one of")):
        refused = await browser.post("/users", data={"name": name, "role": role})
        assert (refused.status_code, word in refused.text) == (422, True)
