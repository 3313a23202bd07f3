#!/usr/bin/env bash
# Make a recipe: egs/TEMPLATE/c2ser1/setup.sh egs/mycorpus/c2ser1
# The new folder links to the shared parts and gets a run.sh to fill in; docs/new_corpus.md says how.
set -euo pipefail
[ $# -eq 1 ] || { echo "Usage: $0 egs/<corpus>/c2ser1" >&2 && exit 1; }
here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
[ ! -e "$1/run.sh" ] || { echo "$0: $1/run.sh is there already; remove the folder to start again" >&2 && exit 1; }

mkdir -p "$1"
cd "$1"
for part in path.sh cmd.sh db.sh conf; do ln -sfn "$(realpath --relative-to=. "$here/$part")" "$part"; done
ln -sfn "$(realpath --relative-to=. "$here/../../../utils")" utils
name=$(basename "$(dirname "$PWD")")
cat >run.sh <<RUN
#!/usr/bin/env bash
# $name: say what is special about the corpus; everything else is the template's.
set -euo pipefail
cd "\$(dirname "\${BASH_SOURCE[0]}")"

$(realpath --relative-to=. "$here/c2ser.sh") --corpus $name --db ${name^^} --cot_language en "\$@"
RUN
chmod +x run.sh
echo "made $1: set ${name^^} in db.sh, write c2ser/corpora/$name.py, fill in run.sh"
