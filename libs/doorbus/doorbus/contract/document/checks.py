"""What must fit together across the document: every reference leads somewhere, nothing is claimed twice.

Each check is a generator of findings over a whole door; `CHECKS` lists them all. Ports have a file of their own.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

from doorbus.contract.document.buttons import Button, ButtonCall
from doorbus.contract.document.check_ports import check_ports, check_transports
from doorbus.contract.document.door import Door
from doorbus.contract.document.findings import Finding, once
from doorbus.contract.document.io import DoorContact, ExitButton
from doorbus.contract.document.numbers import NumberKind, kind_of
from doorbus.contract.document.problems import Path, Problem, path_text
from doorbus.contract.document.scalars import DIRECT, listed
from doorbus.contract.document.schedule import NormalSchedule


def check(door: Door) -> tuple[Problem, ...]:
    """Returns all that does not fit together; nothing for a document that may be used."""
    return tuple(Problem(path_text(finding.path), finding.message) for finding in find(door))


def find(door: Door) -> Iterator[Finding]:
    """As `check`, with what each finding rests on."""
    for one in CHECKS:
        yield from one(door)


_LISTS: Mapping[str, Path] = {
    "account": ("sip", "accounts"),
    "push button": ("io", "inputs"),
    "relay": ("io", "relays"),
    "action": ("actions",),
    "schedule": ("schedule", "schedules"),
    "template": ("schedule", "templates"),
}


def _known(path: Path, name: str, names: Iterable[str], what: str) -> Iterator[Finding]:
    names = tuple(names)
    if name not in names:
        message = f'there is no {what} "{name}"; must be one of {listed(names)}'
        yield Finding(path, message, refers=name, among=_LISTS[what])


def _duplicates(door: Door) -> Iterator[Finding]:
    """Ids are unique in their list; a list of ids or days names each once."""
    lists: Mapping[Path, Iterable[object]] = {
        ("sip", "accounts"): (account.id for account in door.sip.accounts),
        ("io", "inputs"): (each.id for each in door.io.inputs),
        ("io", "relays"): (relay.id for relay in door.io.relays),
        ("actions",): (action.id for action in door.actions),
        ("schedule", "schedules"): (each.id for each in door.schedule.schedules),
        ("schedule", "templates"): (template.id for template in door.schedule.templates),
    }
    for path, values in lists.items():
        yield from once(path, values, "id")
    yield from once(("multicast", "listeners"), (each.label for each in door.multicast.listeners), "label")
    yield from once(("buttons",), (button.input for button in door.buttons), "input")
    yield from once(("calls", "dnd", "accounts"), door.calls.dnd.accounts or ())
    yield from once(("calls", "hang_up_after_unlock", "methods"), door.calls.hang_up_after_unlock.methods)
    yield from once(("schedule", "holidays"), door.schedule.holidays)
    for place, account in enumerate(door.sip.accounts):
        yield from once(("sip", "accounts", place, "codecs"), account.codecs)
    for place, button in enumerate(door.buttons):
        yield from once(("buttons", place, "actions"), button.actions)
        if button.call is not None:
            yield from once(("buttons", place, "call", "numbers"), button.call.numbers)
    for place, template in enumerate(door.schedule.templates):
        yield from once(("schedule", "templates", place, "schedules"), template.schedules)
    for name, templates in door.schedule.inputs.items():
        yield from once(("schedule", "inputs", name), templates)


def _accounts(door: Door) -> Iterator[Finding]:
    ids = [account.id for account in door.sip.accounts]
    for place, account_id in enumerate(ids):
        if account_id == DIRECT:
            yield Finding(("sip", "accounts", place, "id"), f'must not be "{DIRECT}", which stands for direct IP calls')
    for place, name in enumerate(door.calls.dnd.accounts or ()):
        yield from _known(("calls", "dnd", "accounts", place), name, (*ids, DIRECT), "account")
    for place, button in enumerate(door.buttons):
        if button.call is not None and button.call.account is not None:
            yield from _known(("buttons", place, "call", "account"), button.call.account, ids, "account")


def _relays(door: Door) -> Iterator[Finding]:
    ids = [relay.id for relay in door.io.relays]
    for place, each in enumerate(door.io.inputs):
        if isinstance(each, ExitButton | DoorContact):
            yield from _known(("io", "inputs", place, "relay"), each.relay, ids, "relay")
    for place, code in enumerate(door.calls.unlock_codes):
        yield from _known(("calls", "unlock_codes", place, "relay"), code.relay, ids, "relay")
    for place, action in enumerate(door.actions):
        if action.type == "relay":
            yield from _known(("actions", place, "relay"), action.relay, ids, "relay")
    for place, relay in enumerate(door.io.relays):
        if relay.hold_s > relay.max_on_s:
            path: Path = ("io", "relays", place)
            message = f"must be at most max_on_s, {relay.max_on_s:g}"
            yield Finding((*path, "hold_s"), message, needs=((*path, "max_on_s"),))


def _codes(door: Door) -> Iterator[Finding]:
    """Two entries that name one secret have one code, and the second would never count."""
    codes = [repr(code.code) for code in door.calls.unlock_codes]
    yield from once(("calls", "unlock_codes"), codes, "code", tell=False)


def _lines(door: Door) -> Iterator[Finding]:
    """A line of a chip is one input or one relay; /dev/gpiochip0 and gpiochip0 are one chip."""
    owners: dict[tuple[str, int], str] = {}
    claims = [("inputs", place, each.chip, each.line) for place, each in enumerate(door.io.inputs)]
    claims += [("relays", place, each.chip, each.line) for place, each in enumerate(door.io.relays)]
    for kind, place, chip, line in claims:
        path: Path = ("io", kind, place, "line")
        owner = owners.setdefault((chip.removeprefix("/dev/"), line), path_text(path))
        if owner != path_text(path):
            yield Finding(path, f"line {line} of {chip} is taken by {owner}; each line serves one")


def _auto_answer(door: Door) -> Iterator[Finding]:
    limit = door.calls.dial_in_s
    for kind, rule in (("sip", door.calls.auto_answer.sip), ("ip", door.calls.auto_answer.ip)):
        if rule.delay_s >= limit:
            path = ("calls", "auto_answer", kind, "delay_s")
            yield Finding(path, f"must be less than calls.dial_in_s, {limit:g}", needs=(("calls", "dial_in_s"),))


def _buttons(door: Door) -> Iterator[Finding]:
    push_buttons = [each.id for each in door.io.inputs if each.kind == "push_button"]
    actions = [action.id for action in door.actions]
    for place, button in enumerate(door.buttons):
        yield from _known(("buttons", place, "input"), button.input, push_buttons, "push button")
        for which, name in enumerate(button.actions):
            yield from _known(("buttons", place, "actions", which), name, actions, "action")
        if button.call is not None:
            yield from _button_call(door, ("buttons", place, "call"), button.call)


def _button_call(door: Door, path: Path, call: ButtonCall) -> Iterator[Finding]:
    if not (call.numbers or call.directory or call.template_enabled):
        yield Finding(path, "must have numbers, a directory, or template_enabled: true, or the press calls nobody")
    if call.account is not None:
        return
    if not door.sip.ip_calls.enabled:
        message = f"must be one of {listed(each.id for each in door.sip.accounts)}, as sip.ip_calls is not enabled"
        yield Finding((*path, "account"), message, needs=(("sip", "ip_calls"),))
        return
    yield from _direct_only(door, path, call.numbers, (*path, "numbers"))


def _direct_only(door: Door, call: Path, numbers: Iterable[str], where: Path) -> Iterator[Finding]:
    if any(kind_of(number) is NumberKind.DIGITS for number in numbers):
        accounts = listed(each.id for each in door.sip.accounts)
        message = f"is required, as {path_text(where)} has digits to call: must be one of {accounts}"
        yield Finding((*call, "account"), message, needs=(where,))


def _schedules(door: Door) -> Iterator[Finding]:
    ids = [each.id for each in door.schedule.schedules]
    if door.calls.dnd.schedule is not None:
        yield from _known(("calls", "dnd", "schedule"), door.calls.dnd.schedule, ids, "schedule")
    for place, each in enumerate(door.schedule.schedules):
        if isinstance(each, NormalSchedule) and each.last_date < each.first_date:
            path: Path = ("schedule", "schedules", place, "last_date")
            yield Finding(path, f"must not be before first_date, {each.first_date}")
    for place, template in enumerate(door.schedule.templates):
        for which, name in enumerate(template.schedules):
            yield from _known(("schedule", "templates", place, "schedules", which), name, ids, "schedule")


def _assignments(door: Door) -> Iterator[Finding]:
    """Templates hang on buttons that let them decide."""
    templates = {template.id: (place, template) for place, template in enumerate(door.schedule.templates)}
    places: dict[str, tuple[int, Button]] = {each.input: (place, each) for place, each in enumerate(door.buttons)}
    for name, assigned in door.schedule.inputs.items():
        path: Path = ("schedule", "inputs", name)
        callers = [button.input for _, button in places.values() if button.call is not None]
        place, button = places.get(name, (0, None))
        if button is None or button.call is None:
            message = f'"{name}" is not the input of a button with a call; must be one of {listed(callers)}'
            yield Finding(path, message, refers=name, needs=(("buttons",),))
            continue
        if not button.call.template_enabled:
            where: Path = ("buttons", place, "call", "template_enabled")
            yield Finding(path, f"{path_text(where)} must be true for a template to be assigned", needs=(where,))
        for which, template_id in enumerate(assigned):
            yield from _known((*path, which), template_id, templates, "template")
            if template_id in templates and button.call.account is None:
                at, template = templates[template_id]
                where = ("schedule", "templates", at, "numbers")
                yield from _direct_only(door, ("buttons", place, "call"), template.numbers, where)


def _audio(door: Door) -> Iterator[Finding]:
    fields = {"record": "file", "play": "file", "playback": "device", "capture": "device"}
    for field, backend in fields.items():
        if getattr(door.audio, field) is not None and door.audio.backend != backend:
            yield Finding(("audio", field), f"is for backend: {backend} only", needs=(("audio", "backend"),))


def _multicast(door: Door) -> Iterator[Finding]:
    count = len(door.multicast.listeners)
    if door.multicast.barge > count:
        message = f"must be a whole number, 0 to {count}, the number of listeners"
        yield Finding(("multicast", "barge"), message, needs=(("multicast", "listeners"),))


def _logins(door: Door) -> Iterator[Finding]:
    for place, action in enumerate(door.actions):
        if action.type in ("email", "ftp") and action.password is not None and action.username is None:
            yield Finding(("actions", place, "username"), "is required where there is a password")
    if door.camera.password is not None and door.camera.username is None:
        yield Finding(("camera", "username"), "is required where there is a password")


CHECKS: tuple[Callable[[Door], Iterator[Finding]], ...] = (
    _duplicates,
    _accounts,
    _relays,
    _codes,
    _lines,
    _auto_answer,
    _buttons,
    _schedules,
    _assignments,
    _audio,
    _multicast,
    _logins,
    check_ports,
    check_transports,
)
