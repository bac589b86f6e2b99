"""Credentials in addresses: found, and removed from what is stored, logged or shown."""

import re
from urllib.parse import unquote

# A user name alone is a secret in a web address (a token), and none elsewhere (abfs://box@account).
# The second form has a password with a slash in it, which parsers take for the end of the host.
PASSWORD_IN_URL = re.compile(
    r"\b(https?)://[^/?#\s\\]*@"
    r"|\b(https?)://[^/?#\s@\[]*:(?!\d+(?:[/?#]|$))[^\s?#]*@"
    r"|\b([a-z][\w+.\-]*)://[^/?#\s]*:[^/?#\s]*@",
    re.IGNORECASE,
)
ADDRESS = re.compile(r"[a-z][\w+.\-]*://[^\s'\"<>|\\]+", re.IGNORECASE)
SECRET_NAME = re.compile(
    r"signature|token|secret|passw|pwd$|credential|api.?key|access.?key|auth$|authorization|jwt|"
    r"session|hmac|bearer|policy|key.?pair|^x-(?:amz|goog|oss|cos|tos|obs|ms)-|^q-|"
    r"^(?:sig|sign|key|pass|pw|expires?|hdn\w+|googleaccessid|awsaccesskeyid)$|[_.\-]key$",
    re.IGNORECASE,
)
# Azure's names beside `sig`, and names of digests beside a time of expiry: a secret only together.
SIGNED_WITH = re.compile(r"(?:^|&)(?:sig|expires?|exp|e|se)=", re.IGNORECASE)
BESIDE_SIGNATURE = {
    *("st", "se", "sp", "sv", "sr", "spr", "sip", "ss", "srt", "sdd", "ses", "sks", "skv", "ske"),
    *("skt", "skoid", "sktid", "md5", "hash", "exp", "e", "h", "s"),
}
TOKEN_IN_PATH = re.compile(r"/(?:eyJ[\w\-]{8,}\.[\w\-.]+|bot\d+:[\w\-]+)(?=/|$)")
WEB = ("http://", "https://")
LONG = 12  # characters of a secret in a path, where short values tell folders apart
TOKEN_VALUE = re.compile(r"eyJ[\w\-]{8,}\.")  # a JSON Web Token, whatever the parameter's name


def strip_secrets(text: str) -> str:
    """The text, an address or any that has addresses in it, without the credentials in them.

    User names and passwords go, and so do parameters that sign or authorize: the address of one
    file stays the same whoever signs it, and whenever.
    """
    if "://" not in text:
        return text
    text = PASSWORD_IN_URL.sub(lambda match: f"{next(filter(None, match.groups()))}://", text)
    return ADDRESS.sub(lambda match: _strip_address(match[0]), text)


def has_password(address: str) -> bool:
    """Whether an address names a user with a password, or a token in its place."""
    return PASSWORD_IN_URL.search(address) is not None


def has_secret(address: str) -> bool:
    """Whether an address has any credential in it."""
    return strip_secrets(address) != address


def _strip_address(address: str) -> str:
    if "=" not in address and "eyJ" not in address and "/bot" not in address:
        return address
    before, sharp, fragment = address.partition("#")
    path, mark, query = before.partition("?")
    if path.lower().startswith(WEB):  # elsewhere `key=5` in a path is a partition of a table
        path = TOKEN_IN_PATH.sub("/", path)
        path = "/".join(_strip_parameters(part, ";", LONG) for part in path.split("/"))
    query, fragment = _strip_parameters(query), _strip_parameters(fragment)
    return path + (mark if query else "") + query + (sharp if fragment else "") + fragment


def _strip_parameters(text: str, separator: str = "&", shortest: int = 0) -> str:
    """The parameters that are no secrets, nor shorter than the shortest one."""
    if "=" not in text:
        return text
    signed = SIGNED_WITH.search(text) is not None
    kept = [
        part for part in text.split(separator)
        if len(part.partition("=")[2]) < shortest or not _is_secret(part, signed)
    ]  # fmt: skip
    return separator.join(kept)


def _is_secret(parameter: str, signed: bool) -> bool:
    name, equals, value = parameter.partition("=")
    name = unquote(name).removeprefix("amp;")
    if not equals:
        return False
    beside = signed and name.lower() in BESIDE_SIGNATURE
    return beside or bool(SECRET_NAME.search(name)) or bool(TOKEN_VALUE.match(unquote(value)))
