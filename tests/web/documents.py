"""Random valid documents for the tests of forms, drawn along the tree of fields, so that a new field takes part."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from doorbus.contract.document import DocumentError, Door, from_json, to_json
from doorbus_web.forms.kinds import (
    Assigned,
    Choice,
    Day,
    Flag,
    Group,
    Items,
    Kind,
    Lines,
    Number,
    Ranked,
    Secret,
    Table,
    Text,
    Ticks,
    Variants,
)
from doorbus_web.forms.tree import tree

TEXTS: dict[str, list[str]] = {
    "door": ["front", "a-1"],
    "timezone": ["UTC", "Europe/Berlin", "Australia/Lord_Howe"],
    "aor": ["sip:door@pbx.example.com", "sips:d@[2001:db8::1]:5061"],
    "registrar": ["sip:pbx.example.com", "sip:192.0.2.1:5070"],
    "proxy": ["sip:proxy.example.com;lr"],
    "host": ["0.0.0.0", "door.example.com"],
    "public_address": ["203.0.113.7"],
    "stun": ["stun.example.com:3478"],
    "dialers": ["5070-5079", "6000-6010"],
    "rtp": ["10000-10199"],
    "trusted_sources": ["192.0.2.0/24", "2001:db8::/32"],
    "allow": ["127.0.0.0/8", "192.0.2.7"],
    "sources": ["192.0.2.0/24", "198.51.100.9"],
    "record": ["/tmp/a.wav"],
    "play": ["/tmp/ b.wav"],
    "on_code": ["", "*78", "#"],
    "off_code": ["", "*79"],
    "bypass": ["101", "1*", "*", "192.0.2.0/24"],
    "trusted": ["101", "192.0.2.7"],
    "callers": ["*", "101", "2*"],
    "numbers": ["101", "sip:102@192.0.2.7", "*9#", "192.0.2.9:5060", "sip:a@b.example.com"],
    "directory": ["residents"],
    "url": [],
    "server": ["smtp://mail.example.com:587"],
    "from": ["door@example.com"],
    "to": ["porter@example.com", "a+b@example.org"],
    "chip": ["sim", "gpiochip0", "/dev/gpiochip3"],
    "source": ["none", "test", "rtsp://cam.example.com/1", "/dev/video0"],
    "interface": ["eth0", "br-lan"],
    "address": ["239.1.1.1:5004"],
    "codecs": ["L16/16000/1", "PCMA/8000", "G722/8000"],
    "start": ["00:00", "08:30", "22:00"],
    "end": ["24:00", "06:15"],
}
IDS = {
    "accounts": ["pbx", "trunk"],
    "inputs": ["button1", "button2", "exit1"],
    "relays": ["gate", "lamp"],
    "actions": ["a1", "a2", "a3"],
    "schedules": ["office", "night"],
    "templates": ["day", "late"],
}
ALWAYS = ("io", "inputs", "relays", "schedules", "buttons", "call", "multicast", "listeners", "sip", "accounts")
NAMED = {"account": "accounts", "relay": "relays", "schedule": "schedules"}
LINES = st.text(st.sampled_from("aZ9 é<>&\"'ü漢🙂#:-{}[]"), min_size=1, max_size=12)
LONG = st.text(st.sampled_from('ab "<&>\n\t$é'), max_size=20).map(lambda text: text.replace("$", "$$"))


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """The data of a valid document."""
    data = _group(draw, tree(), "", "")
    _fit(draw, data)
    try:
        door: Door = from_json(json.dumps(data).encode())
    except DocumentError:
        assume(False)
    found: dict[str, Any] = json.loads(to_json(door))
    return found


def _group(draw: st.DrawFn, group: Group, parent: str, tag: str) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for field in group.fields:
        if not field.required and field.name not in ALWAYS and draw(st.integers(0, 3)) == 0:
            continue
        if field.nullable and draw(st.integers(0, 3)) == 0:
            data[field.name] = None
        else:
            data[field.name] = _value(draw, field.kind, field.name, parent, tag)
    return data


def _value(draw: st.DrawFn, kind: Kind, name: str, parent: str, tag: str) -> Any:
    match kind:
        case Group():
            return _group(draw, kind, name, tag)
        case Variants():
            chosen, group = draw(st.sampled_from(kind.groups))
            return {kind.tag.name: chosen, **_group(draw, group, name, chosen)}
        case Items():
            pool = st.sampled_from(IDS.get(name, ["a", "b", "c"]))
            ids = draw(st.lists(pool, unique=True, min_size=name in IDS, max_size=1 if name == "unlock_codes" else 3))
            entries = [_value(draw, kind.of, name, name, tag) for _ in ids]
            for each, entry_id in zip(entries, ids, strict=True):
                if name in IDS:
                    each["id"] = entry_id
                if "label" in each:
                    each["label"] = f"{entry_id} <é>"
            return entries
        case Text(long=True):
            return draw(LONG)
        case Text():
            return draw(_texts(name, tag))
        case Number(whole, low, high):
            bounds = {"min_value": int(low or 0), "max_value": int(high or 0)}
            floats = st.floats(low, high, allow_nan=False).map(lambda number: max(low or 0, round(number, 3)))
            return draw(st.integers(**bounds) if whole else st.one_of(st.integers(**bounds), floats))
        case Flag():
            return draw(st.booleans())
        case Choice(values):
            return draw(st.sampled_from(values))
        case Day():
            return draw(st.dates()).isoformat()
        case Secret(also):
            refs = [{"env": "DOORBUS_SECRET_A"}, {"file": "a.pem"}, {"env": "DOORBUS_SECRET_B"}, *also]
            return draw(st.sampled_from(refs))
        case Lines(item):
            return [_value(draw, item, name, parent, tag) for _ in range(draw(st.integers(1, 4)))]
        case Ticks(values) | Ranked(values):
            return draw(st.lists(st.sampled_from(values), unique=True, min_size=1))
        case Table():
            return {str(draw(st.integers(96, 127))): draw(_texts(name, tag)) for _ in range(draw(st.integers(0, 2)))}
        case Assigned():
            return {}


def _texts(name: str, tag: str) -> st.SearchStrategy[str]:
    if name == "url":
        return st.sampled_from(
            ["http://hub.example.com/$door"] if tag == "http" else ["ftps://f.example.com/$time.txt"]
        )
    if TEXTS.get(name):
        return st.sampled_from(TEXTS[name])
    if name == "subject":
        return LINES.map(lambda text: text.replace("$", "$$"))
    return st.one_of(st.just(""), LINES) if name in ("username", "display_name") else LINES


def _fit(draw: st.DrawFn, data: dict[str, Any]) -> None:
    """Makes what names something name what is there, and what must be told apart differ."""
    there: dict[str, list[str]] = {"accounts": [], "relays": [], "schedules": [], "templates": [], "actions": []}
    for part, name in (("sip", "accounts"), ("io", "relays"), ("schedule", "schedules"), ("schedule", "templates")):
        there[name] = [each["id"] for each in data.get(part, {}).get(name, ())]
    there["actions"] = [each["id"] for each in data.get("actions", ())]
    _fit_logins(data)
    line = 0
    for name in ("inputs", "relays"):
        for each in data.get("io", {}).get(name, ()):
            each["line"] = line = line + 1
            if "hold_s" in each or "max_on_s" in each:
                each["hold_s"], each["max_on_s"] = 1, draw(st.sampled_from([1, 2.5, 86400]))
    buttons = [each["id"] for each in data.get("io", {}).get("inputs", ()) if each["kind"] == "push_button"]
    for each, button in zip(data.get("buttons", ()), buttons, strict=False):
        each["input"] = button
        each["actions"] = draw(st.permutations(there["actions"]))
        if each.get("call"):
            each["call"] |= {
                "account": next(iter(there["accounts"]), None),
                "numbers": ["sip:a@b.example.com"][: draw(st.integers(0, 1))],
            }
            each["call"]["template_enabled"] = True
    if "buttons" in data:
        data["buttons"] = data["buttons"][: len(buttons)]
    for place, each in enumerate(data.get("multicast", {}).get("listeners", ())):
        each["address"] = f"239.1.1.1:{5004 + 2 * place}"
    if "multicast" in data:
        data["multicast"]["barge"] = 0
    schedule = data.get("schedule", {})
    for each in schedule.get("schedules", ()):
        if each["kind"] == "normal":
            each["first_date"], each["last_date"] = "2026-01-01", "2026-12-31"
    for each in schedule.get("templates", ()):
        each["schedules"] = draw(st.permutations(there["schedules"]))
    dnd = data.get("calls", {}).get("dnd")
    if dnd is not None:
        dnd["accounts"] = draw(st.sampled_from([None, [], draw(st.permutations(["ip", *there["accounts"]]))]))
    _choose(draw, data, there)
    if there["templates"]:
        calls = [each["input"] for each in data.get("buttons", ()) if each.get("call")]
        schedule["inputs"] = {button: draw(st.permutations(there["templates"])) for button in calls}


def _fit_logins(data: dict[str, Any]) -> None:
    for each in (data.get("camera", {}), *data.get("actions", ())):
        if each.get("password"):
            each["username"] = each.get("username") or "door"
    audio = data.get("audio", {})
    for backend, names in {"file": ("record", "play"), "device": ("playback", "capture")}.items():
        for name in names:
            if audio.get("backend") != backend:
                audio.pop(name, None)
    sip = data.get("sip", {})
    for each in sip.get("accounts", ()):
        each["transport"] = "udp"
    sip.get("listen", {}).pop("udp", None)


def _choose(draw: st.DrawFn, data: Any, there: dict[str, list[str]]) -> None:
    for each in data.values() if isinstance(data, dict) else data if isinstance(data, list) else ():
        _choose(draw, each, there)
    if isinstance(data, dict):
        for name, kind in NAMED.items():
            if isinstance(data.get(name), str):
                data[name] = draw(st.sampled_from(there[kind])) if there[kind] else "gate"
