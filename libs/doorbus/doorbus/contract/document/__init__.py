"""The document of a door: its models, its checks, and how the bus keeps it.

Here is what services use. Reading YAML is in `doorbus.contract.document.load`, apart, so that no service loads a
YAML parser.
"""

from doorbus.contract.document.callers import caller_matches, in_networks
from doorbus.contract.document.checks import check
from doorbus.contract.document.codec import fingerprint, from_json, json_schema, to_data, to_json
from doorbus.contract.document.door import Door, number_to_uri
from doorbus.contract.document.problems import DocumentError, Problem
from doorbus.contract.document.scalars import DIRECT
from doorbus.contract.document.secrets import SecretRef, check_codes

__all__ = [
    "DIRECT",
    "DocumentError",
    "Door",
    "Problem",
    "SecretRef",
    "caller_matches",
    "check",
    "check_codes",
    "fingerprint",
    "from_json",
    "in_networks",
    "json_schema",
    "number_to_uri",
    "to_data",
    "to_json",
]
