"""The questions that services ask the document: numbers, callers, parts by id, codes and secrets."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorbus.contract.document import SecretRef, caller_matches, check_codes, in_networks, number_to_uri
from doorbus.contract.document.callers import is_caller_pattern
from doorbus.contract.document.load import load_document
from doorbus.contract.document.numbers import kind_of
from doorbus.runtime.secrets import SecretError, resolve, secret_path

DOOR = load_document((Path(__file__).parents[2] / "examples" / "door.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("number", "uri"),
    [
        ("101", "sip:101@pbx.example.com"),
        ("*78", "sip:*78@pbx.example.com"),
        ("#1*2#", "sip:%231*2%23@pbx.example.com"),
        ("192.0.2.7", "sip:192.0.2.7"),
        ("192.0.2.7:5062", "sip:192.0.2.7:5062"),
        ("[2001:db8::7]:5062", "sip:[2001:db8::7]:5062"),
        ("sip:bob@192.0.2.7;transport=tcp", "sip:bob@192.0.2.7;transport=tcp"),
        ("sips:bob@example.com:5061", "sips:bob@example.com:5061"),
    ],
)
def test_a_number_becomes_the_uri_of_the_features(number: str, uri: str) -> None:
    """Digits go to the account's domain with # escaped, addresses are direct, URIs stay as they are."""
    assert uri == number_to_uri(number, DOOR.account("pbx"))


def test_digits_are_called_at_the_port_of_the_aor() -> None:
    """A registrar on another port is reached, since the AOR's port goes with its domain."""
    door = load_document('door: a\nsip: {accounts: [{id: p, aor: "sip:door@127.0.0.1:5099"}]}')

    assert number_to_uri("101", door.account("p")) == "sip:101@127.0.0.1:5099"


@pytest.mark.parametrize(
    "number",
    [
        *("", "abc", "1 2", "1" * 33, "1١", "tel:+49", "10.0.0.256", "10.0.0.1:0", "10.0.0.1:70000", "[::1"),
        *("sip:", "sip:a:b@c", "sip:a@b?c=d", "sip:a@b\r\n", "<sip:a@b>", "sip:a@b,sip:c@d", "sip:a@-b"),
    ],
)
def test_what_cannot_be_called_has_no_uri(number: str) -> None:
    """Anything else is refused, above all what would write headers or credentials into the INVITE."""
    assert kind_of(number) is None
    with pytest.raises(ValueError, match="must be digits"):
        number_to_uri(number, DOOR.account("pbx"))


def test_digits_without_an_account_have_no_uri() -> None:
    """There is no domain to call them at; addresses need none."""
    with pytest.raises(ValueError, match="needs an account"):
        number_to_uri("101", None)
    assert number_to_uri("10.0.0.1", None) == "sip:10.0.0.1"


@pytest.mark.parametrize(
    ("pattern", "user", "address", "direct", "matches"),
    [
        ("*", "101", "192.0.2.7", False, True),
        ("*", "", "192.0.2.7", True, True),
        ("101", "101", "192.0.2.7", False, True),
        ("101", "1010", "192.0.2.7", False, False),
        ("101", "101", "192.0.2.7", True, False),  # a direct caller may write any From
        ("1*", "192", "192.0.2.7", False, True),
        ("1*", "bob", "192.0.2.7", True, False),  # users, not the addresses that begin with 1
        ("1*9", "19", "", False, True),
        ("1*1", "1", "", False, False),
        ("a*b*c", "a1b2c", "", False, True),
        ("a*b*c", "acb", "", False, False),
        ("192.0.2.7", "192.0.2.7", "10.0.0.1", False, False),  # addresses, not the users that look like one
        ("192.0.2.7", "bob", "192.0.2.7", True, True),
        ("192.0.2.*", "bob", "192.0.2.99", True, True),
        ("192.0.2.0/24", "bob", "192.0.2.99", True, True),
        ("192.0.2.0/24", "bob", "192.0.3.99", True, False),
        ("192.0.2.0/24", "bob", "::ffff:192.0.2.1", True, True),
        ("2001:db8::/32", "bob", "2001:db8::1", True, True),
        ("192.0.2.0/24", "bob", "not an address", True, False),
    ],
)
def test_a_caller_matches_by_user_on_an_account_and_by_address_direct(
    pattern: str, user: str, address: str, direct: bool, matches: bool
) -> None:
    """Users match on accounts, addresses match direct calls, * matches all, and nothing else does."""
    assert is_caller_pattern(pattern)
    assert matches == caller_matches([pattern], user, address, direct)


def test_no_pattern_lets_nobody_in() -> None:
    """An empty list names nobody, whoever calls."""
    assert not caller_matches([], "101", "192.0.2.7", direct=False)
    assert not in_networks([], "127.0.0.1")
    assert in_networks(["127.0.0.0/8"], "127.0.0.5")


@given(st.lists(st.text("ab*", max_size=4).filter(bool), max_size=3), st.text("ab", max_size=8))
def test_a_pattern_matches_what_its_pieces_spell(pieces: list[str], user: str) -> None:
    """A pattern made of a user by putting * between its characters always matches that user."""
    pattern = "*".join(user) if user else "*"
    assert caller_matches([*pieces, pattern], user, "", direct=False)


def test_parts_are_found_by_id() -> None:
    """Each service finds its parts, and None where there is no such part."""
    assert DOOR.account("pbx").id == "pbx"  # type: ignore[union-attr]
    assert DOOR.relay("gate").line == 8  # type: ignore[union-attr]
    assert DOOR.input("exit1").kind == "exit_button"  # type: ignore[union-attr]
    assert DOOR.action("light").type == "relay"  # type: ignore[union-attr]
    assert DOOR.button_for("button1").input == "button1"  # type: ignore[union-attr]
    assert [find("x") for find in (DOOR.account, DOOR.relay, DOOR.input, DOOR.action, DOOR.button_for)] == [None] * 5


def test_dnd_without_a_list_of_accounts_is_for_all() -> None:
    """Null means each account and direct calls; a list means just these."""
    door = load_document('door: a\nsip: {accounts: [{id: p, aor: "sip:a@b"}]}')

    assert {"p", "ip"} == door.dnd_accounts()
    assert set() == load_document("door: a\ncalls: {dnd: {accounts: []}}").dnd_accounts()


@pytest.mark.parametrize(
    ("values", "places"),
    [
        (["1234", "5678", "*1#"], []),
        (["1", "12345678901234567", "12a4", ""], [0, 1, 2, 3]),
        (["12", "1234"], [1]),
        (["1234", "12"], [0]),
        (["1234", "1234"], [1]),
        (["12", "123", "1234"], [1, 2, 2]),
    ],
)
def test_resolved_codes_are_checked_without_being_told(values: list[str], places: list[int]) -> None:
    """Wrong codes and prefixes are reported by their place; no value stands in a message."""
    problems = check_codes(values)

    assert [f"calls.unlock_codes[{place}].code" for place in places] == [each.partition(":")[0] for each in problems]
    assert not any(value in problem for problem in problems for value in values if len(value) > 2)


def test_a_secret_is_resolved_and_does_not_show(tmp_path: Path) -> None:
    """Environment and file give the value, without the file's line break, in a type that does not print it."""
    (tmp_path / "gate").write_text("4711\n")

    from_env = resolve(SecretRef(env="DOORBUS_SECRET_A"), None, {"DOORBUS_SECRET_A": "x y "})
    from_file = resolve(SecretRef(file="gate"), tmp_path, {})

    assert (from_env.get_secret_value(), from_file.get_secret_value()) == ("x y ", "4711")
    assert "4711" not in f"{from_file!r} {from_file}"
    assert tmp_path / "gate" == secret_path(SecretRef(file="gate"), tmp_path)


@pytest.mark.parametrize(
    ("ref", "why"),
    [
        (SecretRef(env="DOORBUS_SECRET_A"), "secret DOORBUS_SECRET_A is not set"),
        (SecretRef(env="DOORBUS_SECRET_EMPTY"), "secret DOORBUS_SECRET_EMPTY is empty"),
        (SecretRef(file="missing"), "secret missing is no file"),
        (SecretRef(file="folder"), "secret folder is no file"),
        (SecretRef(file="empty"), "secret empty is empty"),
        (SecretRef(file="big"), "secret big is bigger than 64 KiB"),
        (SecretRef(file="binary"), "secret binary is not UTF-8"),
    ],
)
def test_a_secret_that_cannot_be_had_is_told_by_name(ref: SecretRef, why: str, tmp_path: Path) -> None:
    """Each failure names the variable or file, and neither a value nor the path of the directory."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "big").write_bytes(b"x" * 70_000)
    (tmp_path / "binary").write_bytes(b"\xff\xfe")

    with pytest.raises(SecretError) as refused:
        resolve(ref, tmp_path, {"DOORBUS_SECRET_EMPTY": ""})

    assert str(refused.value).startswith(why)
    assert str(tmp_path) not in str(refused.value)


def test_a_file_secret_needs_a_directory() -> None:
    """A process without a secrets directory says so, by the name of the file."""
    with pytest.raises(SecretError, match="secret gate is a file, and this process has no secrets directory"):
        resolve(SecretRef(file="gate"), None, {})
