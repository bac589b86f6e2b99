"""Keeps requests to this machine's own servers away from a company's proxy."""

from collections.abc import Mapping

LOOPBACK = ("localhost", "127.0.0.1", "::1", "0.0.0.0")  # noqa: S104 (compared, not bound)
EXCEPTIONS = ("no_proxy", "NO_PROXY")  # programs read one or the other, and most prefer the first


def spare_loopback(environment: Mapping[str, str], *hosts: str) -> dict[str, str]:
    """Returns the environment with this machine, and `hosts`, excepted from its proxies.

    Prefect's temporary server, the service and decoders answer on loopback addresses, which no
    proxy can reach. All other addresses still go through the proxies.
    """
    names = [
        name.strip() for key in EXCEPTIONS for name in environment.get(key, "").split(",") if name
    ]
    excepted = ",".join(dict.fromkeys(filter(None, (*names, *LOOPBACK, *hosts))))
    return {**environment, **dict.fromkeys(EXCEPTIONS, excepted)}
