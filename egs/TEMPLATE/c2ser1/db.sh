# Where the corpora lie. A variable of the environment wins: CASIA=/data/casia ./run.sh
POLISH=${POLISH:-}         # empty: fetched by the recipe
CASIA=${CASIA:-}
EMOVO=${EMOVO:-}
ESD=${ESD:-}
MELD=${MELD:-}
M3ED=${M3ED:-}
EMO_EMILIA=${EMO_EMILIA:-}
