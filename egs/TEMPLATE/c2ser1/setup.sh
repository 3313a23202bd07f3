#!/usr/bin/env bash
# Make a recipe: egs/TEMPLATE/c2ser1/setup.sh [--language de] egs/mycorpus/c2ser1
# The new folder links to the shared parts and gets a run.sh. For a corpus that the project does not know yet, what is to be
# filled in is laid out, too: c2ser/corpora/mycorpus.py, its fold table, and its variable in db.sh; docs/new_corpus.md says how.
set -euo pipefail

language=xx
if [ "${1:-}" = --language ] && [ $# -ge 2 ]; then language=$2 && shift 2; fi
[ $# -eq 1 ] || { echo "Usage: $0 [--language <ISO 639-1 code>] egs/<corpus>/c2ser1" >&2 && exit 1; }
here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
corpora=$(realpath "$here/../../../c2ser/corpora")
name=$(basename "$(dirname "$(realpath -m "$1")")")
[ "$name" != egs ] || { echo "$0: $1: a recipe lies one folder deeper: $1/c2ser1" >&2 && exit 1; }
[[ $name =~ ^[a-z][a-z0-9_]*$ ]] || { echo "$0: $name: a corpus is named with a-z, 0-9 and _, first a letter" >&2 && exit 1; }
[[ $language =~ ^[a-z]{2,3}$ ]] || { echo "$0: --language $language: expected a code such as de" >&2 && exit 1; }
[ ! -e "$1/run.sh" ] || { echo "$0: $1/run.sh is there already; remove the folder to start again" >&2 && exit 1; }

mkdir -p "$1"
cd "$1"
for part in path.sh cmd.sh db.sh conf; do ln -sfn "$(realpath --relative-to=. "$here/$part")" "$part"; done
ln -sfn "$(realpath --relative-to=. "$here/../../../utils")" utils
cat >run.sh <<RUN
#!/usr/bin/env bash
# $name: say what is special about the corpus; everything else is the template's.
set -euo pipefail
cd "\$(dirname "\${BASH_SOURCE[0]}")"

$(realpath --relative-to=. "$here/c2ser.sh") --corpus $name --db ${name^^} --cot_language en "\$@"
RUN
chmod +x run.sh
echo "made $1"
grep -q "^${name^^}=" "$here/db.sh" || {
    printf '%s=${%s:-}\n' "${name^^}" "${name^^}" >>"$here/db.sh"
    echo "fill in $here/db.sh: the folder of the corpus, in ${name^^}"
}
[ -e "$corpora/$name.py" ] || {
    sed -e "s/NAME/$name/g" -e "s/LANGUAGE/$language/" "$here/corpus.py.template" >"$corpora/$name.py"
    printf '# fold<TAB>speakers who are tested in it; every speaker in one fold, as many folds as you like\n' \
        >"$corpora/folds/$name.tsv"
    echo "fill in $corpora/$name.py: what stands at 1 to 6"
    echo "fill in $corpora/folds/$name.tsv: the folds"
}
