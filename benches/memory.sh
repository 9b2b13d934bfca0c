#!/usr/bin/env bash
# Memory of an open event stream: the service's and that of a bare hyper server, with 8,000 open.
. "$(dirname "$0")/service.sh"
streams=${1:-8000}
provider --stall-after 1
begin
per_stream() { echo "scale=2; ($(resident "$1") - $2) / $streams" | bc; }
before=$(resident "$provider_pid")
hold bare "$provider" --path /v1/chat/completions --streams "$streams"
bare=$(per_stream "$provider_pid" "$before")
release bare
provider --stall-after 1
before=$(resident "$service_pid")
hold service "$address" --streams "$streams"
ours=$(per_stream "$service_pid" "$before")
release service
echo "KiB a stream, bare: $bare, service: $ours, with its connection to the provider: $(echo "scale=2; $ours / $bare" | bc)x"
