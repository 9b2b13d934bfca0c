#!/usr/bin/env bash
# A cold `cargo build` of the default project against that of a fresh loco app on SQLite, alternating.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v loco > /dev/null || { echo "loco is missing: cargo install loco --locked"; exit 3; }
cargo build --release --quiet
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
target/release/formwork new "$work/ours" --yes --no-check --no-git --standalone > /dev/null
(cd "$work" && loco new --path . --name loco --db sqlite --bg async --assets none > /dev/null)
for app in ours loco; do (cd "$work/$app" && cargo fetch --quiet); done
build() {
  rm -rf "$work/$1/target"
  local begun=$EPOCHREALTIME
  (cd "$work/$1" && cargo build --locked > "$work/log" 2>&1) || { tail -50 "$work/log"; exit 1; }
  echo "$EPOCHREALTIME - $begun" | bc | tee -a "$work/$1.seconds" | sed "s/^/run $2, $1, s: /"
  grep -c '^ *Compiling' "$work/log" > "$work/$1.crates"
}
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
for run in $(seq "${1:-5}"); do
  build loco "$run"
  build ours "$run"
done
for app in loco ours; do echo "median $app: $(median < "$work/$app.seconds") s, $(cat "$work/$app.crates") crates"; done
