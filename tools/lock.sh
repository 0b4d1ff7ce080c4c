#!/usr/bin/env bash
# Writes requirements/*.txt: one hash-pinned lock for development and one an image (a distribution with its
# own dependencies only). No lock names an address of a package registry: uv.lock would, so it is not used.
set -euo pipefail
cd "$(dirname "$0")/.."
uv=.tools/bin/uv
members="cli libs/doorbus libs/testkit $(echo services/*)"
skip=""
for member in $members; do
    name=$(sed -n 's/^name = "\(.*\)"$/\1/p' "$member/pyproject.toml" | head -1)
    skip="$skip --no-emit-package $name"
done
compile() { # compile OUTPUT INPUT...
    local output=$1
    shift
    test ! -f "$output" || cp "$output" "$output.new" # what is locked stays, unless UPGRADE=1 says otherwise
    # shellcheck disable=SC2086  # $skip is a list of words
    $uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate ${UPGRADE:+--upgrade} \
        $skip "$@" -o "$output.new" >/dev/null
    { echo "# Written by 'make lock'. Do not edit."; grep -vE '^(-e |\./|#)' "$output.new"; } >"$output"
    rm "$output.new"
}
compile requirements/dev.txt pyproject.toml --group pyproject.toml:dev
for member in cli services/*; do
    compile "requirements/$(basename "$member").txt" "$member/pyproject.toml"
done
if grep -nE 'https?://' requirements/*.txt; then
    echo "a lock names an address" >&2
    exit 1
fi
