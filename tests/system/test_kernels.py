"""The kernel for matrix products: asked for where it exists and helps, never where it would crash."""

import json
import os
import subprocess
import sys

import pytest

from hellodl.system import kernels
from hellodl.system.kernels import QUICK, VARIABLE, choose_kernel, read_processor

BASE = "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov mmx fxsr sse sse2 nx lm cx16 sse4_1"
AVX2 = f"{BASE} sse4_2 movbe popcnt aes xsave avx f16c rdrand bmi1 avx2 bmi2 fma abm"
SKYLAKE_X = f"{AVX2} avx512f avx512dq clflushopt clwb avx512cd avx512bw avx512vl"
ICE_LAKE = f"{SKYLAKE_X} avx512ifma avx512vbmi avx512_vbmi2 avx512_vnni avx512_bitalg avx512_vpopcntdq"
ZEN_4 = f"{ICE_LAKE} avx512_bf16 sse4a clzero"
SAPPHIRE_RAPIDS = f"{ICE_LAKE} avx512_bf16 avx512_fp16 amx_bf16 amx_tile amx_int8"
KNIGHTS_LANDING = f"{AVX2} avx512f avx512pf avx512er avx512cd"
BEFORE = os.environ.get(VARIABLE)
INTEL, AMD = "GenuineIntel", "AuthenticAMD"

# maker, family, model, name, flags; whether the kernel is asked for
PROCESSORS = {
    "Nehalem": (INTEL, 6, 26, "Intel(R) Xeon(R) CPU X5570 @ 2.93GHz", BASE + " sse4_2 popcnt", False),
    "Haswell": (INTEL, 6, 63, "Intel(R) Xeon(R) CPU E5-2680 v3 @ 2.50GHz", AVX2, False),
    "Atom (Gemini Lake)": (INTEL, 6, 122, "Intel(R) Celeron(R) N4100 CPU @ 1.10GHz", BASE + " movbe", False),
    "Alder Lake": (INTEL, 6, 151, "12th Gen Intel(R) Core(TM) i9-12900K", AVX2 + " avx_vnni", False),
    # OpenBLAS takes the kernel there by itself, or a better one where it was built with it:
    "Knights Landing": (INTEL, 6, 87, "Intel(R) Xeon Phi(TM) CPU 7250 @ 1.40GHz", KNIGHTS_LANDING, False),
    "Skylake-X": (INTEL, 6, 85, "Intel(R) Xeon(R) Platinum 8175M CPU @ 2.50GHz", SKYLAKE_X, False),
    "Cascade Lake": (INTEL, 6, 85, "Intel(R) Xeon(R) Platinum 8275CL", SKYLAKE_X + " avx512_vnni", False),
    "Ice Lake": (INTEL, 6, 106, "Intel(R) Xeon(R) Platinum 8375C CPU @ 2.90GHz", ICE_LAKE, False),
    "Sapphire Rapids": (INTEL, 6, 143, "Intel(R) Xeon(R) Platinum 8488C", SAPPHIRE_RAPIDS, False),
    "Granite Rapids": (INTEL, 6, 173, "Intel(R) Xeon(R) 6972P", SAPPHIRE_RAPIDS + " avx_vnni", False),
    "Bulldozer": (AMD, 21, 1, "AMD Opteron(TM) Processor 6272", BASE + " sse4_2 avx xop fma4", False),
    "Zen 1": (AMD, 23, 1, "AMD EPYC 7571", AVX2 + " sse4a clzero", False),
    "Zen 2": (AMD, 23, 49, "AMD EPYC 7R32", AVX2 + " sse4a clwb", False),
    "Zen 3": (AMD, 25, 1, "AMD EPYC 7R13 48-Core Processor", AVX2 + " vaes vpclmulqdq", False),
    "Zen 4": (AMD, 25, 17, "AMD EPYC 9R14", ZEN_4, True),
    "Zen 4, at home": (AMD, 25, 97, "AMD Ryzen 9 7950X 16-Core Processor", ZEN_4, True),
    "Zen 5": (AMD, 26, 2, "AMD EPYC 9655 96-Core Processor", ZEN_4 + " avx_vnni avx512_vp2intersect", True),
    "Zen 5, name hidden": (AMD, 26, 17, "AMD EPYC", ZEN_4, True),
    "Hygon": ("HygonGenuine", 24, 1, "Hygon C86 7285 32-core Processor", AVX2 + " sse4a", False),
    "Zhaoxin": ("  Shanghai  ", 7, 91, "ZHAOXIN KaiXian KX-7000/8", AVX2, False),
    "a maker to come": ("FutureChips", 6, 1, "Future 1", ICE_LAKE, True),
    # Virtual machines that hide what the kernel was compiled for:
    "Zen 4 without AVX-512": (AMD, 25, 17, "AMD EPYC-Milan Processor", AVX2, False),
    "Zen 4 without VL": (AMD, 25, 17, "AMD EPYC 9R14", ZEN_4.replace(" avx512vl", ""), False),
    "Zen 5 without FMA": (AMD, 26, 2, "AMD EPYC", ZEN_4.replace(" fma", ""), False),
    "Zen 4, foundation only": (AMD, 25, 17, "QEMU Virtual CPU version 2.5+", AVX2 + " avx512f", False),
}
GRAVITON = """processor\t: 0
BogoMIPS\t: 243.75
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm sve svei8mm
CPU implementer\t: 0x41
CPU architecture: 8
"""
POWER = "processor\t: 0\ncpu\t\t: POWER9, altivec supported\nclock\t\t: 2300.000000MHz\nrevision\t: 2.3\n"
RISC_V = "processor\t: 0\nhart\t\t: 0\nisa\t\t: rv64imafdcv\nmmu\t\t: sv39\n"
ODD = {
    "empty": b"",
    "ARM": GRAVITON.encode(),
    "POWER": POWER.encode(),
    "RISC-V": RISC_V.encode(),
    "no colons": b"flags avx512f\n\x00\xff\xfe",
    "no maker": f"processor\t: 0\nflags\t\t: {ZEN_4}\n".encode(),
    "flags of the second alone": f"vendor_id\t: {AMD}\n\nprocessor\t: 1\nflags\t\t: {ZEN_4}\n".encode(),
    "endless": b"vendor_id\t: AuthenticAMD\nflags\t\t: " + b"fpu " * 1_000_000 + ZEN_4.encode(),
}


def written(maker, family, model, name, flags, cores=2):
    """/proc/cpuinfo as Linux writes it on x86."""
    return "\n".join(
        f"processor\t: {core}\nvendor_id\t: {maker}\ncpu family\t: {family}\nmodel\t\t: {model}\n"
        f"model name\t: {name}\nstepping\t: 1\nflags\t\t: {flags}\nbugs\t\t: spectre_v1 spectre_v2\n"
        for core in range(cores)
    )


@pytest.fixture
def ask(tmp_path, monkeypatch):
    """What is asked for before NumPy is loaded, given /proc/cpuinfo's text."""
    monkeypatch.setenv(VARIABLE, "")  # so that it is put back as it was, whatever is asked for
    monkeypatch.delenv(VARIABLE)
    monkeypatch.delitem(sys.modules, "numpy", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")

    def answer(text):
        (tmp_path / "cpuinfo").write_bytes(text if isinstance(text, bytes) else text.encode())
        asked = choose_kernel(tmp_path / "cpuinfo")
        assert asked == os.environ.get(VARIABLE)
        return asked

    return answer


@pytest.mark.parametrize("processor", PROCESSORS)
def test_the_kernel_is_asked_for_where_the_processor_can_and_openblas_might_not(ask, processor):
    *about, is_asked_for = PROCESSORS[processor]
    assert ask(written(*about)) == (QUICK if is_asked_for else None)


@pytest.mark.parametrize("flag", sorted(kernels.NEEDED))
def test_every_instruction_that_the_kernel_may_use_has_to_be_there(ask, flag):
    flags = " ".join(word for word in ZEN_4.split() if word != flag)
    assert ask(written(AMD, 25, 17, "AMD EPYC 9R14", flags)) is None


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_where_the_system_tells_nothing_of_use_nothing_is_asked_for(ask, text):
    assert ask(text) is None


def test_a_system_without_cpuinfo_is_left_alone(monkeypatch, tmp_path):
    monkeypatch.delitem(sys.modules, "numpy", raising=False)
    assert choose_kernel(tmp_path / "none") is None


ZEN_5 = written(*PROCESSORS["Zen 5"][:-1])


@pytest.mark.parametrize("theirs", ["Haswell", "Zen", ""])
def test_what_the_user_set_stays(ask, monkeypatch, tmp_path, theirs):
    monkeypatch.setenv(VARIABLE, theirs)
    (tmp_path / "zen5").write_text(ZEN_5)
    assert choose_kernel(tmp_path / "zen5") is None
    assert os.environ[VARIABLE] == theirs


@pytest.mark.parametrize("system", ["darwin", "win32", "freebsd14"])
def test_other_systems_are_left_alone(ask, monkeypatch, system):
    monkeypatch.setattr(sys, "platform", system)
    assert ask(ZEN_5) is None


def test_once_numpy_is_loaded_it_is_too_late(ask, monkeypatch):
    monkeypatch.setitem(sys.modules, "numpy", object())
    assert ask(ZEN_5) is None


def test_asking_here_did_not_outlive_its_test():
    """Programs that later tests start would crash on processors without AVX-512."""
    assert os.environ.get(VARIABLE) == BEFORE


def test_the_processor_has_a_name(tmp_path):
    (tmp_path / "cpuinfo").write_text(ZEN_5)
    assert read_processor(tmp_path / "cpuinfo")["model name"] == "AMD EPYC 9655 96-Core Processor"
    assert kernels.processor_name()


def told(python, **environment):
    """What a new process prints as JSON."""
    clean = {name: value for name, value in os.environ.items() if name != VARIABLE}
    done = subprocess.run(
        [sys.executable, "-c", python], env=clean | environment, capture_output=True, check=True, text=True
    )
    return json.loads(done.stdout)


IN_USE = "import json, numpy; from hellodl.system import kernels; print(json.dumps(kernels.kernel_in_use()))"


@pytest.mark.skipif(sys.platform != "linux", reason="nothing is asked for on this system")
def test_what_is_asked_for_takes_effect_and_shows():
    """With a kernel that every x86 processor of the last ten years has, in place of the quick one."""
    usual = told(IN_USE)
    if usual not in {"Haswell", "Zen", "SkylakeX"}:
        pytest.skip(f"NumPy's BLAS uses {usual or 'no kernel that it tells of'} here")
    asking = (
        "from hellodl.system import kernels; kernels.QUICK = 'Sandybridge'; kernels.NEEDED = frozenset(); "
        "kernels.KNOWS_ITSELF = ''; assert kernels.choose_kernel(); "
    )
    assert told(asking + IN_USE) == "Sandybridge"
    assert told(asking.replace("assert ", "assert not ") + IN_USE, OPENBLAS_CORETYPE="Haswell") == "Haswell"
    assert told("import numpy; " + asking.replace("assert ", "assert not ") + IN_USE) == usual


def test_the_command_asks_before_numpy_is_loaded():
    """`hellodl` asks first; that it does so before NumPy is there is `choose_kernel`'s own condition."""
    asked = told(
        "import json, sys; from hellodl.system import kernels; from hellodl.cli import main; "
        "seen = []; sys.argv = ['hellodl']; "
        "main.choose_kernel = lambda: seen.append('numpy' in sys.modules)\n"
        "try: main.main()\n"
        "except SystemExit: pass\n"
        "sys.stdout.flush(); print(json.dumps(seen))"
    )
    assert asked == [False]
