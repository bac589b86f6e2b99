"""Builds a spec's refiner and corruption, and what a fingerprint has to know of them."""

from data.specs.refine import RefineSpec
from engines.base import load_plugin
from engines.refine.protocol import Corruption, Refiner, read_options


def build_refiner(spec: RefineSpec) -> Refiner:
    """The refiner, not loaded; a UserError where it is unknown, or its options do not fit."""
    return load_plugin("refine.refiners", spec.refiner).Refiner(spec)


def build_corruption(spec: RefineSpec) -> Corruption | None:
    """The corruption; None without one. A UserError as of `build_refiner`."""
    if spec.corruption is None:
        return None
    module = load_plugin("refine.corruptions", spec.corruption)
    return module.Corruption(read_options(module.Options, spec.corruption, spec.corruption_options))


def identify_plugins(spec: RefineSpec) -> dict[str, str]:
    """Versions of the refiner and the corruption, and digests of the weights, by what they are."""
    refiner = load_plugin("refine.refiners", spec.refiner)
    parts = {"refiner": refiner.VERSION} | refiner.digests(spec)
    if spec.corruption is not None:
        parts["corruption"] = load_plugin("refine.corruptions", spec.corruption).VERSION
    return parts
