"""The one list of methods, with options that lead elsewhere in their code."""

METHODS = [
    ("base", {}),
    ("dart", {}),
    ("dart", {"audio_pivots": 2, "text_pivots": 0}),
    ("fastv", {}),
    ("random", {}),
    ("frame", {}),
]

# They go through the same hooks, so each runs in some of the combinations of models, prompts and layers.
FURTHER = [
    ("average-pooling", {}),
    ("atome", {}),
    ("atome", {"weights": "attention"}),
    ("fastadasp", {}),
    ("fastadasp", {"weights": "attention"}),
    ("fastadasp-layer", {}),
    ("fastadasp-layer", {"schedule": "constant"}),
    ("fastadasp-layer", {"schedule": "decay", "weights": "mean"}),
    ("affinity", {}),
    ("affinity", {"lookback": 3, "deep_layer": 3}),
    ("ltbm", {}),
    ("global-merge", {}),
    ("samap", {}),
    ("samap", {"threshold": 0.1}),
    ("segmentwise", {"segment_tokens": 8}),
    ("headrouter", {}),
    ("headrouter", {"prefilter": 1.0}),
    ("speechprune", {"frame": 5}),
    ("divprune", {}),
    ("cdpruner", {}),
    ("cdpruner", {"relevance": "attention"}),
    ("cdpruner", {"relevance": "question"}),
    ("visionzip", {}),
    ("visionzip", {"merge": "mean"}),
    ("vispruner", {}),
    ("sparsevlm", {}),
    ("sparsevlm", {"recycle": False}),
    ("seats", {"window": 9}),
    ("silence-first", {}),
    ("fastv-heads", {}),
    ("fastv-heads", {"over": "mean", "queries": "text"}),
    ("time-pooling", {}),
]

COMPRESSORS = [
    ("kv-knorm", {}),
    ("kv-random", {}),
    ("kv-tova", {}),
    ("kv-snap", {}),
    ("kv-snap", {"window": 8, "kernel": 3}),
    ("kv-streaming", {}),
    ("kv-expected", {}),
]
