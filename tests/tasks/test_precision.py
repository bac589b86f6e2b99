"""Which CPUs compute in bf16."""

import pytest

from tasks.precision import gains_by_bf16


@pytest.mark.parametrize(
    ("cpu", "gains"),
    [
        ("vendor_id : GenuineIntel\nflags : avx512f avx512_bf16 amx_bf16 amx_tile", True),
        ("vendor_id : GenuineIntel\nflags : avx512f avx512_bf16", False),
        ("vendor_id : AuthenticAMD\nflags : avx512f avx512_bf16", True),
        ("vendor_id : AuthenticAMD\nflags : avx2", False),
        ("CPU implementer : 0x41\nFeatures : fp asimd bf16", True),
        ("", False),
    ],
)
def test_intel_gains_by_its_matrix_units_alone(cpu: str, gains: bool) -> None:
    assert gains_by_bf16(cpu) is gains
