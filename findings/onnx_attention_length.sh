#!/usr/bin/env bash
# ONNX's Attention (opset 24), onnxruntime 1.32.0 and onnx 1.23.2's own reference alike: with is_causal, the number of
# valid keys (nonpad_kv_seqlen) also says where the causal mask stands. Left out, query i sees the keys up to i: one new
# token with the keys of five before it sees the first key alone. Given as all the keys there are, which masks none, the
# same token sees all. One would have guessed that a length which excludes nothing changes nothing; or that a decoder's
# step with its whole cache is right without it. Nothing is said, and with as many queries as keys, as in a check over a
# whole sequence, both agree. Fails if that changes.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" --quiet --disable-pip-version-check install onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6 2>/dev/null
"$dir/venv/bin/python" - <<'PY'
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

draw = np.random.default_rng(0)


def weighted(feeds, last):
    """Attention of query i over the keys 0 to last[i]."""
    rows = []
    for at, end in enumerate(last):
        scores = feeds["key"][0, 0, : end + 1] @ feeds["query"][0, 0, at] / np.sqrt(8)
        share = np.exp(scores - scores.max())
        rows.append(share / share.sum() @ feeds["value"][0, 0, : end + 1])
    return np.stack(rows)


for queries, keys in ((6, 6), (1, 6), (2, 6)):
    shapes = {"query": queries, "key": keys, "value": keys}
    feeds = {name: draw.normal(size=(1, 1, count, 8)).astype("float32") for name, count in shapes.items()}
    ends = {"up to its own number": range(queries), "up to its place from the end": range(keys - queries, keys)}
    for given in (False, True):
        inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, value.shape) for name, value in feeds.items()]
        names, more = [*shapes], {}
        if given:
            inputs.append(helper.make_tensor_value_info("length", TensorProto.INT64, [1]))
            names, more = [*shapes, "", "", "", "length"], {"length": np.array([keys])}
        output = helper.make_tensor_value_info("out", TensorProto.FLOAT, None)
        graph = helper.make_graph([helper.make_node("Attention", names, ["out"], is_causal=1)], "g", inputs, [output])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 24)], ir_version=10)
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        made = {"onnxruntime " + onnxruntime.__version__: session.run(None, {**feeds, **more})[0],
                "reference of onnx " + onnx.__version__: ReferenceEvaluator(model).run(None, {**feeds, **more})[0]}
        for who, value in made.items():
            fits = [what for what, last in ends.items() if np.allclose(value[0, 0], weighted(feeds, last), atol=1e-5)]
            print(f"{who}: {queries} queries, {keys} keys, nonpad_kv_seqlen {keys if given else 'not given'}: "
                  f"each query sees the keys {' = '.join(fits)}")
            assert fits == (list(ends) if queries == keys else [list(ends)[given]]), fits
PY
