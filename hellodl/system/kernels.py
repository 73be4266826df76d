"""Which kernel multiplies matrices: asked for before NumPy is there, and told afterwards.

OpenBLAS, the library in NumPy's wheels, brings kernels for many processors and picks one as it is loaded.
AMD's it picks by family, and one that it has not heard of gets the kernel for AVX2 where AVX-512 would be
nearly twice as quick. Which kernel it was decides the last bits of every sum.
"""

import os
import platform
import sys
from functools import cache
from pathlib import Path

VARIABLE = "OPENBLAS_CORETYPE"  # read by OpenBLAS as it is loaded
QUICK = "SkylakeX"
OF_AVX512 = frozenset({QUICK, "Cooperlake", "SapphireRapids"})  # of OpenBLAS's kernels
NEEDED = frozenset(
    ["avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl", "avx2", "fma", "bmi1", "bmi2", "movbe"]
)  # what GCC may use for -march=skylake-avx512, with which that kernel is compiled
KNOWS_ITSELF = "GenuineIntel"  # the maker whose processors OpenBLAS tells apart by what they can do
LONGEST = 16_384  # bytes of /proc/cpuinfo that tell of the first processor; a large machine's all take long


def choose_kernel(cpuinfo: Path = Path("/proc/cpuinfo")) -> str | None:
    """Ask OpenBLAS for its AVX-512 kernel where it might not take it by itself; what was asked for.

    Only on Linux with a processor, not Intel's, that has the instructions; never against what the user set,
    and never once NumPy is loaded, when it would come too late.
    """
    if sys.platform != "linux" or "numpy" in sys.modules or VARIABLE in os.environ:
        return None
    about = read_processor(cpuinfo)
    has_avx512 = set(about.get("flags", "").split()) >= NEEDED
    if about.get("vendor_id", KNOWS_ITSELF) == KNOWS_ITSELF or not has_avx512:
        return None
    os.environ[VARIABLE] = QUICK
    return QUICK


def read_processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> dict[str, str]:
    """What Linux says of the first processor, by name; nothing where it says nothing."""
    try:
        with cpuinfo.open("rb") as file:
            text = file.read(LONGEST).decode("utf-8", "replace")
    except OSError:
        return {}
    parts = (line.partition(":") for line in text.lstrip().split("\n\n")[0].splitlines())
    return {name.strip(): value.strip() for name, _, value in parts}


def processor_name() -> str:
    """What the processor is called, such as "AMD EPYC 9655 96-Core Processor"; else its kind."""
    return read_processor().get("model name") or os.environ.get("PROCESSOR_IDENTIFIER") or platform.machine()


@cache
def kernel_in_use() -> str:
    """The kernel that NumPy's BLAS uses, such as "SkylakeX"; the library's name, or "", where it tells none.

    To be asked once NumPy is loaded; it cannot change after that.
    """
    from threadpoolctl import threadpool_info

    blas = [library for library in threadpool_info() if library["user_api"] == "blas"]
    of_numpy = [library for library in blas if "numpy" in library["filepath"]] or blas
    return next((str(library.get("architecture") or library["internal_api"]) for library in of_numpy), "")
