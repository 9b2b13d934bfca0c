#!/usr/bin/env bash
# Jobs a second, from the first request that starts one to the end of the last: reports, by one process that serves and
# works.
. "$(dirname "$0")/service.sh"
provider
for run in $(seq "${1:-5}"); do
  begin
  "$load" jobs "$address" > "$work/jobs"
  for figure in enqueued_per_second jobs_per_second; do
    value "$figure" < "$work/jobs" | tee -a "$work/$figure" | sed "s/^/run $run, $figure: /"
  done
done
for figure in enqueued_per_second jobs_per_second; do echo "median $figure: $(median < "$work/$figure")"; done
