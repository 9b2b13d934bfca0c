#!/usr/bin/env bash
# Rendering the default project against copying the same tree.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --quiet
formwork=$PWD/target/release/formwork
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$formwork" new "$work/peer" --yes --no-check --no-git --standalone > /dev/null
echo "files: $(find "$work/peer" -type f | wc -l), bytes: $(du -sb "$work/peer" | cut -f1)"
hyperfine --shell=none --warmup 5 --runs "${1:-50}" \
  --prepare "rm -rf $work/copy" --command-name 'cp -r' "cp -r $work/peer $work/copy" \
  --prepare "rm -rf $work/new" --command-name 'formwork new --no-check --no-git' \
  "$formwork new $work/new --yes --no-check --no-git --standalone" \
  --prepare "rm -rf $work/git" --command-name 'formwork new --no-check (with the first commit)' \
  "$formwork new $work/git --yes --no-check --standalone"
