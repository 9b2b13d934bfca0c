#!/usr/bin/env bash
# Memory of an open event stream: the service's, that of a bare server which relays the provider's events and does nothing
# else, and that of a hyper server which says one event itself; with 8,000 open.
. "$(dirname "$0")/service.sh"
cargo build --release --quiet --manifest-path benches/bare/Cargo.toml
streams=${1:-8000}
per_stream() { echo "scale=2; ($(resident "$1") - $2) / $streams" | bc; }
times() { echo "scale=2; $1 / $2" | bc; }
provider --stall-after 1
begin
document > "$work/document"
before=$(resident "$provider_pid")
hold hyper "$provider" --path /v1/chat/completions --streams "$streams"
hyper=$(per_stream "$provider_pid" "$before")
release hyper
provider --stall-after 1
before=$(resident "$service_pid")
hold service "$address" --streams "$streams"
ours=$(per_stream "$service_pid" "$before")
release service
kill "$service_pid"; wait "$service_pid" || true; service_pid=
provider --stall-after 1
benches/bare/target/release/bare "$address" "$APP__DATA__DIRECTORY/service.db" "$provider" & bare_pid=$!
until curl -sf -o /dev/null "http://$address$(cat "$work/document")"; do kill -0 "$bare_pid"; sleep 0.1; done
before=$(resident "$bare_pid")
hold relay "$address" --streams "$streams"
relay=$(per_stream "$bare_pid" "$before")
release relay
echo "KiB a stream: service $ours; relay $relay, $(times "$ours" "$relay")x; hyper alone, with no provider: $hyper, $(times "$ours" "$hyper")x"
