#!/usr/bin/env bash
# How long a token is under way from the provider's write to the client's read, at 50 streams of 50 tokens/s that begin
# over ten seconds and flow for twenty: with no service between, and through the service with everything on; and the
# service's own time before it asks the provider.
. "$(dirname "$0")/service.sh"
for run in $(seq "${1:-5}"); do
  for way in direct ephemeral durable; do
    provider --tokens 1000 --gap 20
    case $way in
      direct) "$load" relay "$provider" --path /v1/chat/completions > "$work/relay" ;;
      ephemeral) begin; "$load" relay "$address" > "$work/relay" ;;
      durable) begin; "$load" relay "$address" --durable > "$work/relay" ;;
    esac
    value relay_p99_ms < "$work/relay" | tee -a "$work/$way" | sed "s/^/run $run, $way, p99 ms: /"
    kill "$provider_pid"; wait "$provider_pid" || true; provider_pid=
    [ $way = direct ] || value before_upstream_p99_ms < "$work/provider" | tee -a "$work/$way.before" | sed "s/^/run $run, $way, before the provider is asked, p99 ms: /"
  done
done
for way in direct ephemeral durable; do echo "median p99 $way: $(median < "$work/$way") ms"; done
for way in ephemeral durable; do echo "median p99 before the provider is asked, $way: $(median < "$work/$way.before") ms"; done
