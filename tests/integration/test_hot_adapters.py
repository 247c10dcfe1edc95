"""Hot LoRA in the real vLLM, in the actor's process and with a core of its own, on a tiny random model."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

PROGRAM = """
import json, sys
from pathlib import Path

def main():
    sys.path.insert(0, "bench")
    from gpu_models import SMALL, greedy, make_adapter, make_model, spec_of
    from halo_raft.engines import Adapter
    from halo_raft.engines import vllm
    from halo_raft.engines.proof import canary_of

    folder = Path(sys.argv[1])
    base = make_model(folder / "tiny", SMALL, 2, weights=True)
    a, b = (Adapter(name, n, make_adapter(base, folder / name, n)) for n, name in ((2, "a"), (3, "b")))
    big = Adapter("big", 4, make_adapter(base, folder / "big", 4, rank=64))
    gone = Adapter("gone", 5, str(folder / "gone"))
    engine = vllm.VllmEngine(spec_of(base, threads=1))
    drawn, canaries = [], []
    for adapter in (None, a, b, a, None):
        engine.use(adapter)
        drawn.append(greedy(engine, 2, 8))
        canaries.append(engine.canary())

    def refusal(adapter):
        try:
            engine.use(adapter)
        except Exception as error:
            return [type(error).__name__, str(error), engine.adapter == a, engine.canary() == canaries[1]]
        return ["served"]

    engine.use(a)
    refused = [refusal(adapter) for adapter in (big, big, big, gone, gone)]
    request = vllm._request
    swapped = {"b": make_adapter(base, folder / "c", 9)}
    vllm._request = lambda x: request(Adapter(x.name, x.number, swapped.get(x.name, x.path)))
    wrong = [refusal(Adapter("b", 6, b.path)) for _ in range(2)]

    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    merged = PeftModel.from_pretrained(model, a.path).merge_and_unload()
    print(json.dumps({
        "drawn": drawn, "refused": refused, "wrong": wrong,
        "hot_from_merged": canaries[1].far(canary_of(merged, engine.tokenizer)),
        "a_from_base": canaries[1].far(canaries[0]),
    }))

if __name__ == "__main__":
    main()
"""


@pytest.mark.parametrize(
    "core", ["0", pytest.param("1", marks=pytest.mark.slow)], ids=["one process", "a core of its own"]
)
def test_hot_adapters_are_exact_refused_each_time_and_proven(tmp_path, core):
    """One engine start for all: each is a minute of a small machine."""
    (tmp_path / "program.py").write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, str(tmp_path / "program.py"), str(tmp_path)],
        env=os.environ | {"VLLM_ENABLE_V1_MULTIPROCESSING": core},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{")))  # so does vLLM
    base, a, b, a_again, base_again = found["drawn"]
    assert (a_again, base_again) == (a, base), "exactly"
    assert len({json.dumps(d) for d in (base, a, b)}) == 3
    assert found["hot_from_merged"] < found["a_from_base"] / 10
    for name, said, adapter_stays, canary_stays in found["refused"]:
        assert name in ("ConfigError", "DataError")
        assert "\n" not in said
        assert adapter_stays
        assert canary_stays
    assert "rank 64" in found["refused"][0][1]
    for name, said, adapter_stays, canary_stays in found["wrong"]:
        assert name == "AdapterNotAppliedError", "another adapter's files under this one's number"
        assert "serves something else" in said
        assert adapter_stays
        assert canary_stays
