#!/usr/bin/env bash
# Reads of a document, alone and beside slow answers: 1,000 that stall, all admitted; 200 durable ones at 50 tokens/s.
. "$(dirname "$0")/service.sh"
provider --stall-after 1
begin
path=$(document)
reads() { "$load" get "$address" --path "$path" --rate 500 --seconds 10 > "$work/reads"; value "$1" < "$work/reads" | tee -a "$work/$2" | sed "s/^/run $run, $2, $1: /"; echo "run $run, $2, failed: $(value get_failed < "$work/reads")"; }
health() { for route in live ready; do curl -s -o /dev/null -w "run $run, /$route beside $1: %{http_code} in %{time_total} s\n" "http://$admin/$route"; done; }
for run in $(seq "${1:-5}"); do
  reads get_p99_ms alone
  hold stalled "$address" --streams 1000
  reads get_p99_ms stalled
  health stalled
  release stalled
  provider --tokens 100000 --gap 20
  hold flowing "$address" --streams 200 --durable
  reads get_p99_ms flowing
  health flowing
  release flowing
  provider --stall-after 1
  begin
  path=$(document)
done
for name in alone stalled flowing; do echo "median p99 $name: $(median < "$work/$name") ms"; done
