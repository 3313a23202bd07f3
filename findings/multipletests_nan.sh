#!/usr/bin/env bash
# statsmodels 0.15.0: multipletests with one nan among its p-values (a test of two systems that answer alike, a fold
# without a class). Bonferroni, Sidak and Holm count it as one more test; Benjamini-Hochberg and -Yekutieli, Hommel and
# Hochberg return nan as the p-value of every test, of p = 1e-9 too, while the flags beside them still reject some (with
# Hommel none). One would have guessed that nan stays where it is and the others are corrected as if it were not there,
# as R's p.adjust does, or an error, as from scipy's false_discovery_control. Fails if that changes.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" --quiet --disable-pip-version-check install statsmodels==0.15.0 scipy==1.17.1 pandas==3.1.1 \
    numpy==2.4.6 2>/dev/null
"$dir/venv/bin/python" -W ignore - <<'PY'
import numpy as np
import scipy
import statsmodels
from scipy.stats import false_discovery_control
from statsmodels.stats.multitest import multipletests

values = np.array([1e-9, 0.01, np.nan, 0.03])
rest = ~np.isnan(values)
kinds = {}
for method in ("bonferroni", "sidak", "holm", "fdr_bh", "fdr_by", "hommel", "simes-hochberg"):
    reject, found = multipletests(values, method=method)[:2]
    alone = multipletests(values[rest], method=method)
    print(f"statsmodels {statsmodels.__version__}: {method}: {found}, {reject.sum()} rejected; without the nan: {alone[1]}, "
          f"{alone[0].sum()} rejected")
    counted = np.allclose(found[rest], multipletests(np.where(rest, values, 1), method=method)[1][rest])
    kinds[method] = reject.sum(), "all nan" if np.isnan(found).all() else "counted" if counted and np.isnan(found[2]) else "other"
    assert alone[0].sum() >= 2 and not np.allclose(found[rest], alone[1])
assert kinds == {"bonferroni": (2, "counted"), "sidak": (2, "counted"), "holm": (2, "counted"), "fdr_bh": (3, "all nan"),
                 "fdr_by": (2, "all nan"), "hommel": (0, "all nan"), "simes-hochberg": (2, "all nan")}, kinds
try:
    said = str(false_discovery_control(values))
except ValueError as error:
    said = f"ValueError: {error}"
print(f"scipy {scipy.__version__}: false_discovery_control: {said}")
assert said.startswith("ValueError")
PY
