"""Every mistake in a document is refused whole, with its path and what is allowed there."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from doorbus.contract.document import DocumentError
from doorbus.contract.document.load import load_document

EXAMPLE = (Path(__file__).parents[2] / "examples" / "door.yaml").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Mistake:
    """The example with `old` replaced by `new` is refused at `path`, and the message names what is allowed."""

    old: str
    new: str
    path: str
    says: str
    also: tuple[str, ...] = ()
    """Further paths that are wrong by the same change."""


# fmt: off
MISTAKES = [
    # the root and plain fields
    Mistake("door: front\n", "", "door", "is required"),
    Mistake("door: front\n", "door: Front Door\n", "door", "1 to 32 of a-z, 0-9 and -"),
    Mistake("door: front\n", "door: null\n", "door", "1 to 32 of a-z, 0-9 and -"),
    Mistake("door: front\n", "door: front.back\n", "door", "1 to 32 of a-z, 0-9 and -"),
    Mistake("timezone: Europe/Berlin", "timezone: Europe/Berlln", "timezone", "IANA time zone"),
    Mistake("timezone: Europe/Berlin", "timezone: ../../etc/passwd", "timezone", "IANA time zone"),
    Mistake("timezone: Europe/Berlin", "timzone: Europe/Berlin", "timzone", 'did you mean "timezone"'),
    Mistake("  max_call_s: 300", "  max_cal_s: 300", "calls.max_cal_s", "must be one of max_call_s, warn_s"),
    Mistake("  max_call_s: 300", "  max_call_s: -1", "calls.max_call_s", "a number, 0 to 86400"),
    Mistake("  max_call_s: 300", '  max_call_s: "300"', "calls.max_call_s", "write it without quotes"),
    Mistake("  max_call_s: 300", "  max_call_s: true", "calls.max_call_s", "a number, 0 to 86400"),
    Mistake("  max_call_s: 300", "  max_call_s: [300]", "calls.max_call_s", "a number, 0 to 86400"),
    Mistake("  max_call_s: 300", "  max_call_s: null", "calls.max_call_s", "a number, 0 to 86400"),
    Mistake("dial_in_s: 60", "dial_in_s: 171", "calls.dial_in_s", "a number, 1 to 170"),
    Mistake("dial_out_s: 60", "dial_out_s: 0", "calls.dial_out_s", "a number, 1 to 170"),
    Mistake("[486, 600, 603, 607]", "[486, 200]", "calls.refused_codes[1]", "400 to 699"),
    Mistake("[486, 600, 603, 607]", "486", "calls.refused_codes", "must be a list"),
    # sip
    Mistake("udp: 5060", "udp: 65536", "sip.listen.udp", "1 to 65535"),
    Mistake("udp: 5060, tcp: 5060, tls: null", "udp: null, tcp: null", "sip.listen", "at least one of udp, tcp, tls"),
    Mistake("tls: null", "tls: {port: 5060, cert: {file: c}, key: {file: k}}", "sip.listen.tls.port",
            "already used by sip.listen.tcp"),
    Mistake("tls: null", "tls: {cert: {file: c}}", "sip.listen.tls.key", "is required: a mapping with env, file"),
    Mistake("tls: null", "tls: {cert: /etc/cert.pem, key: {file: k}}", "sip.listen.tls.cert", "exactly one of {env:"),
    Mistake("5070-5079", "5079-5070", "sip.ports.dialers", "the lower one first"),
    Mistake("5070-5079", "5070-5071", "sip.ports.dialers", "at least 8 ports"),
    Mistake("5070-5079", "5055-5064", "sip.listen.udp", "UDP port 5060 is already used by sip.ports.dialers",
            also=("sip.listen.tcp",)),
    Mistake("10000-10199", "10000-10009", "sip.ports.rtp", "at least 72 ports"),
    Mistake("10000-10199", "5000-5199", "sip.ports.rtp", "already used by sip.ports.dialers"),
    Mistake("public_address: null", "public_address: 300.1.1.1", "sip.nat.public_address", "a host name or an IP"),
    Mistake("ca: system", "ca: mine", "sip.tls.ca", "system, or a reference"),
    Mistake("verify: true", 'verify: "true"', "sip.tls.verify", "must be true or false; write it without quotes"),
    Mistake('"sip:door@pbx.example.com"', "pbx.example.com", "sip.accounts[0].aor", "sip:door@pbx.example.com"),
    Mistake('"sip:pbx.example.com"', '"sip:user:secret@pbx.example.com"', "sip.accounts[0].registrar",
            "without password and headers"),
    Mistake('"sip:pbx.example.com"', '"sip:pbx.example.com:99999"', "sip.accounts[0].registrar", "host or port"),
    Mistake("transport: udp", "transport: sctp", "sip.accounts[0].transport", "must be one of udp, tcp, tls"),
    Mistake("udp: 5060", "udp: null", "sip.accounts[0].transport", "must be one of tcp, tls"),
    Mistake("srtp: disabled", "srtp: false", "sip.accounts[0].srtp", "must be one of disabled, optional, mandatory"),
    Mistake("expires_s: 300", "expires_s: 5", "sip.accounts[0].expires_s", "a whole number, 60 to 86400"),
    Mistake("[G722, PCMA, PCMU]", "[OPUS]", "sip.accounts[0].codecs[0]", "must be one of G722, PCMA, PCMU"),
    Mistake("[G722, PCMA, PCMU]", "[]", "sip.accounts[0].codecs", "at least 1"),
    Mistake("{id: pbx,", "{id: ip,", "sip.accounts[0].id", "stands for direct IP calls"),
    Mistake("{id: pbx,", "{", "sip.accounts[0].id", "is required"),
    Mistake("password: {env: DOORBUS_SECRET_PBX}", "password: {env: HOME}", "sip.accounts[0].password.env",
            "DOORBUS_SECRET_"),
    Mistake("password: {env: DOORBUS_SECRET_PBX}", "password: {file: ../pw}", "sip.accounts[0].password.file",
            "without folders"),
    Mistake("password: {env: DOORBUS_SECRET_PBX}", "password: {env: DOORBUS_SECRET_PBX, file: pbx}",
            "sip.accounts[0].password", "exactly one of"),
    Mistake("password: {env: DOORBUS_SECRET_PBX}", "password: {}", "sip.accounts[0].password", "exactly one of"),
    Mistake('allow: ["127.0.0.0/8"]', 'allow: ["127.0.0.1/8"]', "sip.ip_calls.allow[0]", "192.0.2.0/24"),
    # audio
    Mistake("backend: none", "backend: alsa", "audio.backend", "must be one of none, file, device"),
    Mistake("backend: none", "backend: none, record: /tmp/a.wav", "audio.record", "backend: file only"),
    Mistake("ring: 80", "ring: 101", "audio.volume.ring", "a whole number, 0 to 100"),
    Mistake("ring: 80", "ring: 80.5", "audio.volume.ring", "a whole number, 0 to 100"),
    # calls
    Mistake("return_code: 486", "return_code: 500", "calls.dnd.return_code", "must be one of 404, 480, 486, 603"),
    Mistake("return_code: 486", 'return_code: "486"', "calls.dnd.return_code", "write it without quotes"),
    Mistake("accounts: [pbx, ip]", "accounts: [pbx, voip]", "calls.dnd.accounts[1]", "must be one of pbx, ip"),
    Mistake("accounts: [pbx, ip]", "accounts: [pbx, pbx]", "calls.dnd.accounts[1]", "each one once"),
    Mistake('on_code: "*78"', 'on_code: "78a"', "calls.dnd.on_code", "0-9, * and #"),
    Mistake("bypass: []", 'bypass: ["a b"]', "calls.dnd.bypass[0]", 'a user ("101", "1*"), an address'),
    Mistake("schedule: null", "schedule: night", "calls.dnd.schedule", "must be one of office"),
    Mistake("sip: {enabled: false, delay_s: 0", "sip: {enabled: false, delay_s: 61", "calls.auto_answer.sip.delay_s",
            "a number, 0 to 60"),
    Mistake("    ip: {enabled: false, delay_s: 0", "    ip: {enabled: true, delay_s: 60",
            "calls.auto_answer.ip.delay_s", "must be less than calls.dial_in_s, 60"),
    Mistake("mode: audio}\n    ip", "mode: both}\n    ip", "calls.auto_answer.sip.mode", "must be one of audio, video"),
    Mistake("methods: [dtmf]", "methods: [dtfm]", "calls.hang_up_after_unlock.methods[0]",
            "must be one of dtmf, http, input, bus"),
    Mistake("{methods: [dtmf], timeout_s: 5}", "{timeout_s: 61}", "calls.hang_up_after_unlock.timeout_s", "0 to 60"),
    Mistake("code: {env: DOORBUS_SECRET_GATE}", 'code: "1234"', "calls.unlock_codes[0].code",
            "a secret does not stand in the document"),
    Mistake("code: {env: DOORBUS_SECRET_GATE}, relay: gate,", "code: {env: DOORBUS_SECRET_GATE}, relay: front,",
            "calls.unlock_codes[0].relay", "must be one of gate, lamp"),
    Mistake('callers: ["*"]}]', 'callers: ["*"]}, {code: {env: DOORBUS_SECRET_GATE}, relay: lamp}]',
            "calls.unlock_codes[1].code", "already at calls.unlock_codes[0].code"),
    # io
    Mistake("kind: push_button", "kind: button", "io.inputs[0].kind", "push_button, exit_button, door_contact"),
    Mistake("kind: push_button, ", "", "io.inputs[0].kind", "push_button, exit_button, door_contact"),
    Mistake("line: 1, relay: gate}", "line: 1}", "io.inputs[1].relay", "is required"),
    Mistake("line: 1, relay: gate}", "line: 1, relay: back}", "io.inputs[1].relay", "must be one of gate, lamp"),
    Mistake("line: 0, active: low", "line: 0, relay: gate", "io.inputs[0].relay", "is not a field here"),
    Mistake("{id: exit1, kind: exit_button, chip: sim, line: 1", "{id: exit1, kind: exit_button, chip: sim, line: 0",
            "io.inputs[1].line", "taken by io.inputs[0].line"),
    Mistake("line: 8", "line: 2", "io.relays[0].line", "taken by io.inputs[2].line"),
    Mistake("chip: sim, line: 8", "chip: ../mem, line: 8", "io.relays[0].chip", "sim, or a GPIO chip"),
    Mistake("{id: lamp, chip", "{id: gate, chip", "io.relays[1].id", "already at io.relays[0].id"),
    Mistake("hold_s: 3, max_on_s: 60", "hold_s: 61, max_on_s: 60", "io.relays[0].hold_s", "at most max_on_s, 60"),
    Mistake("debounce_ms: 20", "debounce_ms: 20.5", "io.inputs[0].debounce_ms", "a whole number, 0 to 1000"),
    Mistake("bias: pull_up", "bias: up", "io.inputs[0].bias", "must be one of pull_up, pull_down, disabled, as_is"),
    # buttons and actions
    Mistake("- input: button1", "- input: exit1", "buttons[0].input", "must be one of button1"),
    Mistake("call: {type: group, account: pbx", "call: {type: group, account: abc", "buttons[0].call.account",
            "must be one of pbx"),
    Mistake("call: {type: group, account: pbx", "call: {type: group", "buttons[0].call.account",
            "buttons[0].call.numbers has digits to call: must be one of pbx"),
    Mistake("type: group", "type: all", "buttons[0].call.type", "must be one of group, sequence"),
    Mistake("when_refused: call_next", "when_refused: stop", "buttons[0].call.when_refused",
            "must be one of call_next, do_not_call_next"),
    Mistake('["101", "sip:102@192.0.2.7"]', '["101", "call me"]', "buttons[0].call.numbers[1]", "a SIP URI"),
    Mistake('["101", "sip:102@192.0.2.7"]', '["101", "10.0.0.300"]', "buttons[0].call.numbers[1]", "an IP address"),
    Mistake('["101", "sip:102@192.0.2.7"]', '["101", "sip:1@host?Route=x"]', "buttons[0].call.numbers[1]", "headers"),
    Mistake('["101", "sip:102@192.0.2.7"]', str([str(n) for n in range(101, 118)]), "buttons[0].call.numbers[16]",
            'is entry 17 ("117"); buttons[0].call.numbers must have at most 16'),
    Mistake("actions: [notify, mail, upload, light]", "actions: [notify, male]", "buttons[0].actions[1]",
            "must be one of notify, mail, upload, light"),
    Mistake("type: ftp", "type: sftp", "actions[2].type", "must be one of http, email, ftp, relay"),
    Mistake("method: GET", "method: PUT", "actions[0].method", "must be one of GET, POST"),
    Mistake("input=$input", "input=$button", "actions[0].url", "placeholders $door, $input, $time"),
    Mistake("http://hub.example.com/", "http://u:p@hub.example.com/", "actions[0].url", "fields of their own"),
    Mistake("http://hub.example.com/", "http://$door/", "actions[0].url", "the host has no placeholder"),
    Mistake("Ring at $door", "Ring\\nBcc: all@example.com", "actions[1].subject", "one line of text"),
    Mistake("Ring at $door", "costs 5$", "actions[1].subject", "write $$ for a dollar sign"),
    Mistake("to: [porter@example.com]", "to: []", "actions[1].to", "at least 1"),
    Mistake("to: [porter@example.com]", "to: [porter]", "actions[1].to[0]", "a mail address"),
    Mistake("from: door@example.com, ", "", "actions[1].from", "is required"),
    Mistake("relay: lamp, reset: call_ended", "relay: lamp, reset: never", "actions[3].reset",
            "must be one of call_ended, call_connected"),
    Mistake("relay: lamp, reset", "relay: light, reset", "actions[3].relay", "must be one of gate, lamp"),
    # camera and multicast
    Mistake("camera: {source: none}", "camera: {source: webcam}", "camera.source",
            "none, test, rtsp://… or /dev/videoN"),
    Mistake("camera: {source: none}", 'camera: {source: "rtsp://a:b@10.0.0.9/"}', "camera.source", "of their own"),
    Mistake("barge: 1", "barge: 3", "multicast.barge", "0 to 2, the number of listeners"),
    Mistake("239.1.1.1:5004", "192.0.2.1:5004", "multicast.listeners[0].address", "224.0.0.0 to 239.255.255.255"),
    Mistake("239.1.1.1:5006", "239.1.1.2:5004", "multicast.listeners[1].address",
            "already used by multicast.listeners[0].address"),
    Mistake("239.1.1.1:5006", "239.1.1.1", "multicast.listeners[1].address", "address:port"),
    Mistake("{96: L16/16000/1}", "{8: L16/16000/1}", "multicast.listeners[1].codecs.8", "96 to 127"),
    Mistake("{96: L16/16000/1}", "{96: MP3/44100}", "multicast.listeners[1].codecs.96", "L16, PCMU, PCMA, G722"),
    Mistake("label: announcements", "label: fire", "multicast.listeners[1].label", "each one once"),
    Mistake("volume: 100", "volume: 100%", "multicast.listeners[0].volume", "a whole number, 0 to 100"),
    # schedule
    Mistake("[2026-12-25]", "[2026-02-30]", "schedule.holidays[0]", "a date, YYYY-MM-DD"),
    Mistake("[2026-12-25]", "[2026-12-25T00:00:00]", "schedule.holidays[0]", "a date, YYYY-MM-DD"),
    Mistake("[2026-12-25]", "[1798156800]", "schedule.holidays[0]", "a date, YYYY-MM-DD"),
    Mistake("kind: weekly", "kind: monthly", "schedule.schedules[0].kind", "must be one of daily, weekly, normal"),
    Mistake("[mon, tue, wed, thu, fri]", "[mon, tues]", "schedule.schedules[0].days[1]",
            "must be one of mon, tue, wed, thu, fri, sat, sun"),
    Mistake("[mon, tue, wed, thu, fri]", "[]", "schedule.schedules[0].days", "at least 1"),
    Mistake('start: "08:00"', 'start: "24:30"', "schedule.schedules[0].start", '"00:00" to "23:59"'),
    Mistake("holidays: exclude", "holidays: skip", "schedule.schedules[0].holidays", "must be one of include, exclude"),
    Mistake("schedules: [office]}", "schedules: [night]}", "schedule.templates[0].schedules[0]",
            'there is no schedule "night"; must be one of office'),
    Mistake('numbers: ["201", "202"]', "numbers: []", "schedule.templates[0].numbers", "at least 1"),
    Mistake("button1: [day]", "button1: [day, evening]", "schedule.inputs.button1[1]", "must be one of day"),
    Mistake("button1: [day]", "button2: [day]", "schedule.inputs.button2", "must be one of button1"),
    Mistake("template_enabled: true", "template_enabled: false", "schedule.inputs.button1", "must be true"),
    Mistake("kind: weekly, days: [mon, tue, wed, thu, fri]",
            "kind: normal, first_date: 2026-07-01, last_date: 2026-06-01", "schedule.schedules[0].last_date",
            "not be before first_date, 2026-07-01"),
    Mistake("  templates: [{id: day", "  templates: [" + "".join(
        f'{{id: t{n}, name: T, numbers: ["1"], schedules: [office]}}, ' for n in range(10)) + "{id: day",
            "schedule.templates[10]", 'is entry 11 ("day"); schedule.templates must have at most 10'),
    # YAML's own traps
    Mistake('["101", "sip:102@192.0.2.7"]', "[101]", "buttons[0].call.numbers[0]",
            'unquoted it is a number to YAML: write "101" in quotes'),
    Mistake('["101", "sip:102@192.0.2.7"]', "[0101]", "buttons[0].call.numbers[0]", 'write "0101" in quotes'),
    Mistake('["101", "sip:102@192.0.2.7"]', "[1_000]", "buttons[0].call.numbers[0]", 'write "1_000" in quotes'),
    Mistake('["101", "sip:102@192.0.2.7"]', "[*78]", "buttons[0].call.numbers[0]", 'write "*78" in quotes'),
    Mistake('["101", "sip:102@192.0.2.7"]', "[&a 1]", "buttons[0].call.numbers[0]", "anchors are not allowed"),
    Mistake('["101", "sip:102@192.0.2.7"]', '["101", true]', "buttons[0].call.numbers[1]", 'write "true" in quotes'),
    Mistake('on_code: "*78"', "on_code: *78", "calls.dnd.on_code", 'write "*78" in quotes'),
    Mistake('off_code: "*79", code_hold_s: 5, bypass: [], schedule: null}',
            "\n    off_code: #1\n    }", "calls.dnd.off_code", 'write "#1" in quotes'),
    Mistake('callers: ["*"]', "callers: [*]", "", 'write "*"'),
    Mistake("enabled: false, accounts", "enabled: off, accounts", "calls.dnd.enabled", "write true or false"),
    Mistake("priority_active: true", "priority_active: yes", "multicast.priority_active", "write true or false"),
    Mistake("priority_active: true", "priority_active: 1", "multicast.priority_active", "must be true or false"),
    Mistake("max_call_s: 300", "max_call_s: 3e2", "calls.max_call_s", "a plain decimal number"),
    Mistake("max_call_s: 300", "max_call_s: 0x10", "calls.max_call_s", "write it in decimal"),
    Mistake("max_call_s: 300", "max_call_s: .inf", "calls.max_call_s", "a decimal number"),
    Mistake("max_call_s: 300", "max_call_s: .nan", "calls.max_call_s", "a decimal number"),
    Mistake("max_call_s: 300", "max_call_s: " + "9" * 5000, "calls.max_call_s", "a plain decimal number"),
    Mistake("max_call_s: 300", "max_call_s: !!int 300", "calls.max_call_s", "tags are not allowed"),
    Mistake("max_call_s: 300", "max_call_s: !!python/object/apply:os.system [id]", "calls.max_call_s", "tags are not"),
    Mistake("max_call_s: 300", "max_call_s: 300\n  max_call_s: 600", "calls.max_call_s", "given twice"),
    Mistake("max_call_s: 300", "\tmax_call_s: 300", "", "spaces, not with a tab"),
    Mistake('start: "08:00"', "start: 08:00", "schedule.schedules[0].start", 'write "08:00" in quotes'),
    Mistake("{id: day,", "{id: 2026-01-01,", "schedule.templates[0].id", 'write "2026-01-01" in quotes'),
    Mistake("door: front\n", "%YAML 1.1\n---\ndoor: front\n", "", "YAML 1.2"),
    Mistake("camera: {source: none}", "<<: {camera: {source: none}}", "", "merge keys"),
    Mistake("camera: {source: none}", "? [a]\n: b", "", "must be plain text"),
    Mistake("camera: {source: none}", "null: 1", "", "must be plain text"),
    Mistake("camera: {source: none}", "camera: {source: none", "", "is not YAML"),
    Mistake("camera: {source: none}", "camera: " + "[" * 40 + "]" * 40, "camera" + "[0]" * 16, "16 levels deep"),
    Mistake("camera: {source: none}", 'camera: {source: "\\ud800"}', "camera.source", "control characters"),
    Mistake("camera: {source: none}", "camera: {source: none}\n---\ndoor: back", "", "one document"),
]
# fmt: on


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: f"{m.path or 'document'}-{m.new[:20]}")
def test_a_mistake_is_refused_with_its_path_and_what_is_allowed(mistake: Mistake) -> None:
    """One mistake in the full example is one problem, at its path, with the allowed values and the line."""
    assert EXAMPLE.count(mistake.old) >= 1

    with pytest.raises(DocumentError) as refused:
        load_document(EXAMPLE.replace(mistake.old, mistake.new, 1))

    problems = {problem.path: problem for problem in refused.value.problems}
    assert {mistake.path, *mistake.also} == set(problems), str(refused.value)
    assert mistake.says in problems[mistake.path].message
    assert all(problem.line is not None for problem in problems.values())


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("", "must be a mapping with at least door: ID, and is empty"),
        ("# nothing\n", "is empty"),
        ("just text", "must be a mapping"),
        ("- door: front", "must be a mapping"),
        (b"door: fr\xf6nt", "must be UTF-8 text"),
        (b"\xff\xfed\x00", "must be UTF-8 text"),
        ("door: front\n# " + "x" * 256 * 1024, "at most 256 KiB"),
        ('door: "\\U99999999"', "is not YAML"),
        ("door: \x07", "is not YAML"),
        ("&a [*a]", "aliases are not allowed"),
    ],
)
def test_what_is_no_document_at_all_is_refused(source: str | bytes, says: str) -> None:
    """Bytes, sizes and roots that no document has are refused with one sentence."""
    with pytest.raises(DocumentError) as refused:
        load_document(source)

    assert says in str(refused.value)


def test_all_mistakes_are_reported_at_once_in_the_order_of_the_lines() -> None:
    """Syntax traps, wrong values, wrong references and double claims come back together, each with its line."""
    text = """\
door: Front
sip: {accounts: [{id: pbx, aor: "sip:a@b", transport: quic}]}
calls:
  dial_in_s: 500
  dnd: {on_code: *78, return_code: 487, accounts: [nobody]}
io:
  inputs:
    - {id: b1, kind: push_button, chip: sim, line: 0}
    - {id: e1, kind: exit_button, chip: sim, line: 0}
buttons:
  - {input: b2, call: {account: pbx, numbers: [0101, "102"]}}
multicast: {listeners: [{label: a, address: "10.0.0.1:5004"}]}
"""
    with pytest.raises(DocumentError) as refused:
        load_document(text)

    assert [(problem.line, problem.path) for problem in refused.value.problems] == [
        (1, "door"),
        (2, "sip.accounts[0].transport"),
        (4, "calls.dial_in_s"),
        (5, "calls.dnd.accounts[0]"),
        (5, "calls.dnd.on_code"),
        (5, "calls.dnd.return_code"),
        (9, "io.inputs[1].relay"),
        (11, "buttons[0].call.numbers[0]"),
        (11, "buttons[0].input"),
        (12, "multicast.listeners[0].address"),
    ]


@pytest.mark.parametrize(
    ("text", "path", "line"),
    [
        ("door: front\ncalls:\n  dnd:\n    on_code: #1\n    enabled: true\n", "calls.dnd.on_code", 4),
        ("door: front\ncalls:\n  dnd:\n    on_code: #1", "calls.dnd.on_code", 4),
        ("door: front\nbuttons:\n  - input: b\n    actions:\n      - #1\n      - a\n", "buttons[0].actions[0]", 5),
    ],
)
def test_a_code_that_became_a_comment_is_explained(text: str, path: str, line: int) -> None:
    """In every style of YAML an unquoted #1 is told on its own line, with the way to write it."""
    with pytest.raises(DocumentError) as refused:
        load_document(text)

    problem = next(problem for problem in refused.value.problems if problem.path == path)
    assert 'write "#1" in quotes' in problem.message
    assert line == problem.line


def test_a_wrong_entry_is_not_reported_again_where_it_is_referred_to() -> None:
    """A relay without its line is one mistake, not one more for each code, input and action that names it."""
    with pytest.raises(DocumentError) as refused:
        load_document(EXAMPLE.replace("{id: gate, chip: sim, line: 8", "{id: gate, chip: sim", 1))

    assert [problem.path for problem in refused.value.problems] == ["io.relays[0].line"]


def test_places_in_a_list_are_those_of_the_text() -> None:
    """A finding behind an entry that is itself wrong still points to the entry that the person wrote."""
    text = EXAMPLE.replace("line: 0, active: low", "line: none, active: low").replace(
        "left_open_s: 60", "left_open_s: x"
    )
    with pytest.raises(DocumentError) as refused:
        load_document(text.replace("line: 9, active: high", "line: 8, active: high"))

    assert [problem.path for problem in refused.value.problems] == [
        "io.inputs[0].line",
        "io.inputs[2].left_open_s",
        "io.relays[1].line",
    ]
    assert "io.relays[0].line" in refused.value.problems[2].message


@pytest.mark.parametrize("secret", ["hunter2", "0x4711", "4711", "04711", "*4711", "08:15", "on", "&x4711", "!x4711"])
@pytest.mark.parametrize(
    ("reference", "field"), [("{env: DOORBUS_SECRET_PBX}", "password"), ("{env: DOORBUS_SECRET_GATE}", "code")]
)
def test_a_secret_in_the_wrong_place_is_not_repeated(secret: str, reference: str, field: str) -> None:
    """Whoever writes a secret into the document is told so, without the secret going to logs."""
    for written in (secret, f"{{env: {secret}}}"):
        with pytest.raises(DocumentError) as refused:
            load_document(EXAMPLE.replace(f"{field}: {reference}", f"{field}: {written}", 1))

        assert all(field in problem.path or not problem.path for problem in refused.value.problems)
        assert secret.strip("*&!") not in str(refused.value).replace("one of", "").replace("information", "")
