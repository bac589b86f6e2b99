"""Names of flow runs: what a person typed into a form, else the flow and its subject."""

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from prefect.context import FlowRunContext

# Prefect names each run that nobody named: its server by two words of the package coolname, its
# forms by a star ("alpha3-canis-majoris") or, in the new UI, by one of these and a short word.
ADJECTIVES = (
    "Awesome", "Rustic", "Small", "Gorgeous", "Fantastic", "Sleek", "Intelligent", "Unbranded",
    "Refined", "Licensed", "Generic", "Practical", "Ergonomic", "Handcrafted", "Tasty", "Handmade",
    "Incredible",
)  # fmt: skip
GREEK = (
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda",
    "mu", "nu", "xi", "omicron", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi",
    "omega",
)  # fmt: skip
FORMS = re.compile(rf"({'|'.join(ADJECTIVES)})-\w{{1,6}}|({'|'.join(GREEK)})\d*-[a-z]+(-[\w-]+)?")


def name_run(template: str) -> Callable[[], str]:
    """A `flow_run_name`: the template filled with the run's parameters, unless a person named it.

    Prefect applies a plain template when the run starts, over a name that was typed into the form.
    """

    def choose_name() -> str:
        context = FlowRunContext.get()
        assert context is not None
        name = context.flow_run.name if context.flow_run else ""
        if name and not is_generated(name):
            return name
        return template.format(**(context.parameters or {}))

    return choose_name


def is_generated(name: str) -> bool:
    """Whether Prefect's server or one of its forms made the name up."""
    words = name.split("-")
    return bool(FORMS.fullmatch(name)) or (len(words) == 2 and _slug_words().issuperset(words))


@cache
def _slug_words() -> frozenset[str]:
    """Every word of the names that Prefect's server makes up."""
    from coolname.data import config as coolname_config

    config: dict[str, Any] = coolname_config
    return frozenset(
        word for each in config.values() if each["type"] == "words" for word in each["words"]
    )
