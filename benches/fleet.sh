#!/usr/bin/env bash
# How long docs/fleet.sh takes for each of many repositories, in which a preset has moved a lock and two files.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --quiet
export PATH=$PWD/target/release:$PATH GIT_CONFIG_GLOBAL=/dev/null
fleet=$PWD/docs/fleet.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
count=${1:-200}
commit() { git -C "$1" add --all && git -C "$1" -c user.name=owner -c user.email=owner@example.org commit --quiet --message "$2"; }
mkdir -p "$work/presets/overlay/docs" "$work/services"
git -C "$work/presets" init --quiet --initial-branch=main
standard() {
  printf 'schema = 1\nextends = "embedded"\n[answers]\ncache = "%s"\n[lock]\ncache = "%s"\n[overlay]\ndir = "overlay"\n' "$1" "$2" > "$work/presets/service.toml"
  echo "* @acme/$3" > "$work/presets/overlay/CODEOWNERS"
  echo "Called at night: $3." > "$work/presets/overlay/docs/on-call.md"
  commit "$work/presets" "$2"
}
standard memory "memory is cheap" platform
for number in $(seq "$count"); do
  service=$work/services/service-$number
  formwork new "$service" --yes --no-check --preset "git+file://$work/presets#main:service.toml" > /dev/null
  # Its owners are at work in it.
  echo "The service of team $number." >> "$service/README.md"
  sed -i "s/^pub mod access;/\/\/ Who may do what.\n&/" "$service/src/app/mod.rs"
  commit "$service" "By the owners"
done
standard none "memory is dear" operations
begun=$EPOCHREALTIME
"$fleet" "$work/services" --no-check | tail -5
echo "$count repositories, each: $(echo "scale=3; ($EPOCHREALTIME - $begun) / $count" | bc) s"
git -C "$work/services/service-1" show --stat --format=%s formwork-update | tail -3
