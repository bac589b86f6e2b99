"""Plugins by name: those that there are, and what is said where there is none."""

import pytest

from data.errors import UserError
from engines.base import list_plugins, load_plugin


@pytest.mark.parametrize("folder", ["embed.models", "index.kinds", "generate.generators"])
@pytest.mark.parametrize("name", ["nothing", "../fake", "os.path", ""])
def test_an_unknown_plugin_is_answered_with_the_names_that_there_are(folder, name) -> None:
    with pytest.raises(UserError) as refused:
        load_plugin(folder, name)
    assert ", ".join(list_plugins(folder)) in str(refused.value)
    assert ".py" not in str(refused.value)


def test_every_plugin_of_a_folder_is_listed() -> None:
    assert list_plugins("generate.generators") == ["diffusers", "fake", "motionrag", "ragme"]
