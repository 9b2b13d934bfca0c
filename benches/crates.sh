#!/usr/bin/env bash
# What each crate that the default project names costs a cold debug build: a table in Markdown.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --quiet
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
project=$work/bench
target/release/formwork new "$project" --name bench --yes --no-check --no-git --standalone > /dev/null
benches=$PWD/benches
cd "$project"
cargo fetch --locked --quiet
cargo build --locked --quiet --timings 2> "$work/log" || { tail -50 "$work/log"; exit 1; }
cargo metadata --locked --format-version 1 --filter-platform "$(rustc --print host-tuple)" > "$work/metadata"
"$benches/crates.py" "$work/metadata" target/cargo-timings/cargo-timing.html
