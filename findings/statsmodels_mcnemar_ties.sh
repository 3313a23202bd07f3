#!/usr/bin/env bash
# statsmodels 0.15.0: mcnemar(exact=False) with its default correction takes 1 from |b - c| before squaring, also where
# b = c. Two systems that answer alike (b = c = 0) get statistic inf and p = 0, the most significant there is; b = c = 1
# gets p = 0.48, b = c = 5 gets 0.75, both under the p = 1 of b and c that differ by one. The exact test gives 1 for all
# of them, and so does the statistic without correction but for b = c = 0, which is nan. One would have guessed that the
# correction takes no more than the difference, as R's mcnemar.test and Yates's correction in scipy do, and p = 1 or nan
# for no difference at all. Fails if that changes.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" --quiet --disable-pip-version-check install statsmodels==0.15.0 scipy==1.17.1 pandas==3.1.1 \
    numpy==2.4.6 2>/dev/null
"$dir/venv/bin/python" -W ignore - <<'PY'
import math

import scipy
import statsmodels
from scipy.stats import chi2_contingency
from statsmodels.stats.contingency_tables import mcnemar

found = {}
for b, c in ((0, 0), (1, 1), (1, 2), (5, 5), (5, 6)):
    table = [[40, b], [c, 40]]
    test = mcnemar(table, exact=False)
    plain, exact = mcnemar(table, exact=False, correction=False).pvalue, mcnemar(table, exact=True).pvalue
    found[b, c] = test.pvalue
    print(f"statsmodels {statsmodels.__version__}: b = {b}, c = {c}: statistic {test.statistic:.3f}, p = {test.pvalue:.3f}; "
          f"without correction p = {plain:.3f}, exact p = {exact:.3f}")
    assert exact == 1 and (plain == 1 if b == c > 0 else b < c or math.isnan(plain))
yates = chi2_contingency([[10, 10], [10, 10]], correction=True)
print(f"scipy {scipy.__version__}: Yates's correction where nothing differs: p = {yates.pvalue}")
assert yates.pvalue == 1
assert found[0, 0] == 0 and found[1, 2] == found[5, 6] == 1
assert 0.47 < found[1, 1] < 0.49 and 0.74 < found[5, 5] < 0.76
PY
