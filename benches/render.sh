#!/usr/bin/env bash
# Rendering the default project against copying the same tree, alternating.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --quiet
formwork=$PWD/target/release/formwork
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$formwork" new "$work/peer" --yes --no-check --no-git --standalone > /dev/null
echo "files: $(find "$work/peer" -type f | wc -l), bytes: $(du -sb "$work/peer" | cut -f1)"
milliseconds() { local begun=${EPOCHREALTIME/./}; "$@" > /dev/null; echo "scale=1; (${EPOCHREALTIME/./} - $begun) / 1000" | bc; }
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
for _ in $(seq "${1:-31}"); do
  milliseconds cp -r "$work/peer" "$work/copy" >> "$work/cp.ms"
  milliseconds "$formwork" new "$work/new" --yes --no-check --no-git --standalone >> "$work/new.ms"
  milliseconds "$formwork" new "$work/git" --yes --no-check --standalone >> "$work/git.ms"
  rm -rf "$work/copy" "$work/new" "$work/git"
done
echo "median cp -r: $(median < "$work/cp.ms") ms, formwork new --no-check --no-git: $(median < "$work/new.ms") ms, with the first commit: $(median < "$work/git.ms") ms"
