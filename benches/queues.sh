#!/usr/bin/env bash
# Jobs a second of each option of `queue`, as jobs.sh has them: `queues.sh [RUNS] [STORAGE]`. In each run each option in turn.
# Servers are those of the recipes: what they keep need not outlive the machine, so that options are compared on one storage,
# and storages are not compared.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --quiet
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
names='import json, sys; print(*(option["name"] for option in json.load(sys.stdin)["slots"][0]["options"]))'
read -r -a options < <(target/release/formwork options queue --json | python3 -c "$names")
for option in "${options[@]}"; do
  target/release/formwork new "$work/$option" --name bench --yes --no-check --no-git --standalone \
    --set "queue=$option" --set "storage=${2:-sqlite}" > /dev/null
  [ "$option" = "${options[0]}" ] || {
    mkdir -p "$work/$option/target"
    # The crates of the registry are compiled once.
    cp -a "$work/${options[0]}/target/release" "$work/$option/target/release"
  }
  (cd "$work/$option" && cargo build --release --locked --quiet)
done
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
for run in $(seq "${1:-5}"); do
  for option in "${options[@]}"; do
    PROJECT=$work/$option benches/servers.py "$work/$option" benches/jobs.sh 1 > "$work/figures"
    for figure in enqueued_per_second jobs_per_second; do
      sed -n "s/^median $figure: //p" "$work/figures" | tee -a "$work/$option.$figure" |
        sed "s/^/run $run, $option, $figure: /"
    done
  done
done
for option in "${options[@]}"; do
  for figure in enqueued_per_second jobs_per_second; do
    echo "median $option, $figure: $(median < "$work/$option.$figure")"
  done
done
