"""Names by rules, in order."""

from engines.evaluate.vision.rename_weights import count_children, rename_keys

RULES = ((r"^body\.(\d+)\.", r"layers.\1."), (r"\.norm$", ".layer_norm"), (r"^layers\.0\.", "in."))


def test_each_rule_works_on_what_the_one_before_left() -> None:
    names = {"body.0.norm": 1, "body.1.norm": 2, "head": 3}
    assert rename_keys(names, RULES) == {"in.layer_norm": 1, "layers.1.layer_norm": 2, "head": 3}


def test_the_depth_of_a_stack_is_the_number_of_its_numbers() -> None:
    names = ["a.0.x", "a.0.y", "a.1.x", "a.10.x", "ab.2.x"]
    assert count_children(names, "a.") == 3
    assert count_children(names, "b.") == 0
