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
# Nothing is deleted meanwhile: ext4 makes whoever creates files next search past those that were just deleted.
for run in $(seq "${1:-31}"); do
  milliseconds cp -r "$work/peer" "$work/copy-$run" >> "$work/cp.ms"
  milliseconds "$formwork" new "$work/new-$run" --yes --no-check --no-git --standalone >> "$work/new.ms"
  milliseconds "$formwork" new "$work/git-$run" --yes --no-check --standalone >> "$work/git.ms"
done
echo "median cp -r: $(median < "$work/cp.ms") ms, formwork new --no-check --no-git: $(median < "$work/new.ms") ms, with the first commit: $(median < "$work/git.ms") ms"
