"""GPUs are found by the tools of both vendors and by the kernel; what is missing is one line with its mend."""

from __future__ import annotations

import subprocess
import sys

import pytest

from halo_raft import devices
from halo_raft.cluster.connection import describe_devices
from halo_raft.config import ResourcesConfig
from halo_raft.errors import NoGpuError

NVIDIA = """#!/bin/sh
case "$*" in
*query-gpu*) echo "0, NVIDIA GeForce RTX 4090, 24564, 20000"; echo "1, NVIDIA GeForce RTX 4090, 24564, 300";;
*) echo "| NVIDIA-SMI 570.12    Driver Version: 570.12    CUDA Version: 12.8 |";;
esac
"""


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine without a GPU; returns a function that installs a tool of its."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(devices, "KFD", tmp_path / "kfd")
    for name in devices.HIDE_GPUS:
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "bin").mkdir()

    def install(tool, script):
        (tmp_path / "bin" / tool).write_text(script)
        (tmp_path / "bin" / tool).chmod(0o755)

    return install


@pytest.fixture
def strix_halo(machine, tmp_path):
    """A CPU and a GPU of gfx1151 as the kernel lists them, and no tool."""
    for node, simd_count, version in ((0, 0, 0), (1, 80, 110501)):
        folder = tmp_path / "kfd" / str(node)
        folder.mkdir(parents=True)
        (folder / "properties").write_text(
            f"cpu_cores_count 0\nsimd_count {simd_count}\ngfx_target_version {version}\n"
        )


def test_no_gpu_is_none_and_misses_nothing(machine):
    assert devices.local_gpus() == []
    assert list(devices.missing()) == []
    assert devices.short_of_memory(0.9) == ""


def test_nvidias_are_counted_with_memory_and_driver(machine):
    machine("nvidia-smi", NVIDIA)
    first, second = devices.local_gpus()
    assert (first.name, first.vendor, first.driver_cuda) == ("NVIDIA GeForce RTX 4090", "nvidia", (12, 8))
    assert round(first.total_gib, 1) == 24.0
    assert round(second.free_gib, 1) == 0.3


def test_a_driver_that_fails_is_no_gpu(machine):
    machine("nvidia-smi", "#!/bin/sh\necho NVIDIA-SMI has failed\nexit 9\n")
    assert devices.local_gpus() == []


@pytest.mark.parametrize(("built", "refused"), [((13, 0), True), ((12, 8), False), (None, False)])
def test_a_driver_that_is_too_old_for_this_torch_is_named(machine, monkeypatch, built, refused):
    machine("nvidia-smi", NVIDIA)
    machine("gcc", "#!/bin/sh\n")
    monkeypatch.setattr(devices, "cuda_of_torch", lambda: built)
    lines = [line for line in devices.missing() if "driver" in line]
    assert bool(lines) is refused
    assert all("CUDA up to 12.8" in line and "13.0; update" in line and "\n" not in line for line in lines)


def test_python_headers_and_a_compiler_are_asked_for(machine, monkeypatch, tmp_path):
    machine("nvidia-smi", NVIDIA)
    monkeypatch.setattr(devices.sysconfig, "get_paths", lambda: {"include": str(tmp_path)})
    said = "\n".join(devices.missing())
    assert f"{tmp_path}/Python.h is missing" in said
    assert "apt-get install python3-dev" in said
    assert "install gcc" in said
    (tmp_path / "Python.h").touch()
    machine("gcc", "#!/bin/sh\n")
    monkeypatch.setattr(devices, "cuda_of_torch", lambda: None)
    assert list(devices.missing()) == []


@pytest.mark.parametrize(("ray_gave", "share", "short"), [("0", 0.8, ""), ("0", 0.9, "GPU 0"), ("1", 0.8, "GPU 1")])
def test_only_the_gpu_that_ray_gave_has_to_be_free(machine, monkeypatch, ray_gave, share, short):
    machine("nvidia-smi", NVIDIA)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", ray_gave)
    line = devices.short_of_memory(share)
    assert line.startswith(short)
    assert bool(line) is bool(short)


def test_memory_that_is_given_back_is_waited_for(machine, monkeypatch, tmp_path):
    taken = NVIDIA.replace("20000", "300")
    machine("nvidia-smi", taken)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    monkeypatch.setattr(devices.time, "sleep", lambda s: machine("nvidia-smi", NVIDIA))
    assert devices.short_of_memory(0.8, wait_s=1e6) == ""


def test_an_amd_gpu_is_found_without_any_tool(strix_halo):
    (gpu,) = devices.local_gpus()
    assert (gpu.vendor, gpu.name, gpu.environment) == ("amd", "AMD gfx1151", {"HSA_ENABLE_SDMA": "0"})
    assert "AMD gfx1151" in describe_devices(ResourcesConfig(require_gpu=True))


@pytest.mark.parametrize(
    ("tool", "says"),
    [
        ("amd-smi", "GPU: 0\\n    ASIC:\\n        MARKET_NAME: Radeon 8060S"),
        ("rocm-smi", "GPU[0] : Card Series: Radeon 8060S"),
    ],
)
def test_amds_tools_name_it(strix_halo, machine, tool, says):
    machine(tool, f'#!/bin/sh\nprintf "{says}\\n"\n')
    assert [gpu.name for gpu in devices.local_gpus()] == ["Radeon 8060S"]


@pytest.mark.parametrize("hidden", ["CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"])
def test_hidden_gpus_are_not_there(strix_halo, monkeypatch, hidden):
    monkeypatch.setenv(hidden, "")
    assert devices.local_gpus() == []


def test_a_gpu_that_must_not_be_used_is_none(strix_halo):
    assert describe_devices(ResourcesConfig(num_gpus=0)).endswith("no GPU")
    with pytest.raises(NoGpuError, match="no GPU that may be used"):
        describe_devices(ResourcesConfig(num_gpus=0, require_gpu=True))


def test_what_torch_is_built_for_is_read_without_loading_it():
    import torch

    built = tuple(map(int, torch.version.cuda.split(".")[:2])) if torch.version.cuda else None
    assert devices.cuda_of_torch() == built


@pytest.mark.parametrize("flavour", ["cpu", "cuda"])
def test_setup_says_what_is_missing_before_anything_is_installed(machine, flavour):
    machine("nvidia-smi", NVIDIA)
    script = [sys.executable, "-I", devices.__file__, flavour]
    said = subprocess.run(script, capture_output=True, text=True, check=True).stdout
    assert ("setup: GPU 1 is NVIDIA GeForce RTX 4090 (0.3 of 24.0 GiB free)" in said) is (flavour == "cuda")
    assert ("install gcc" in said) is (flavour == "cuda")


def test_setup_points_amds_to_their_image(strix_halo, capsys):
    devices.main("cpu")
    assert "AMD gfx1151 is not computed on by what is installed here; infra/Dockerfile.rocm" in capsys.readouterr().out
