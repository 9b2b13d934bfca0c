#!/usr/bin/env bash
# A cold check against a cold `cargo test` of the same project, alternating; then a second project.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --quiet
formwork=$PWD/target/release/formwork
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XDG_CACHE_HOME=$work/cache
seconds() { local begun=$EPOCHREALTIME; "$@" > "$work/log" 2>&1 || { tail -50 "$work/log"; exit 1; }; echo "$EPOCHREALTIME - $begun" | bc; }
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
"$formwork" new "$work/first" --yes --no-check --no-git --standalone > /dev/null
"$formwork" new "$work/second" --yes --no-check --no-git --standalone > /dev/null
(cd "$work/first" && cargo fetch --locked --quiet)
for run in $(seq "${1:-5}"); do
  rm -rf "$work/first/target" "$work/cache"
  (cd "$work/first" && seconds cargo test --locked) | tee -a "$work/test" | sed "s/^/run $run, cargo test, s: /"
  rm -rf "$work/first/target" "$work/cache"
  seconds "$formwork" check "$work/first" --steps fmt,clippy,build,test | tee -a "$work/check" | sed "s/^/run $run, check fmt to test, s: /"
  seconds "$formwork" check "$work/first" --steps boot,probe | tee -a "$work/probe" | sed "s/^/run $run, boot and probe, s: /"
  rm -rf "$work/second/target"
  seconds "$formwork" check "$work/second" --steps fmt,clippy,build,test | tee -a "$work/next" | sed "s/^/run $run, second project, s: /"
done
for name in test check probe next; do echo "median $name: $(median < "$work/$name") s"; done
