#!/usr/bin/env bash
# The three options of `concurrency` side by side: in every round each in turn, the one that begins another each time.
#   options.sh [ROUNDS] [DATA]
# prints each figure and writes it to DATA; `plot.py DATA DIR` makes the tables and the plots. With PROJECT=DIR the three
# are DIR, DIR-threads and DIR-per-core. ONLY=memory or ONLY=requests measures one half.
#
# Throughput is what 32 connections (CRUD: 16) get that ask again as soon as they are answered; latency is measured at a
# fixed rate that is the same for all, from when each request was due. Nothing is refused: `threads` has a thread for each
# request and each stream that there is. It cannot have 8,000, for which its memory is not measured.
. "$(dirname "$0")/service.sh"
rounds=${1:-5} data=${2:-target/options.tsv}
options=(async threads per-core)
for option in threads per-core; do pour "$project-$option" --set "concurrency=$option"; done
# Requests a second at which latency is measured: what each option has to spare on two cores.
get_rate=2000 likeness_rate=300 crud_rate=500

mkdir -p "$(dirname "$data")"
{
  echo "# machine: $(nproc) cores ($(awk -F': ' '/model name/ { print $2; exit }' /proc/cpuinfo)), $(awk '/MemTotal/ { printf "%.0f", $2 / 1048576 }' /proc/meminfo) GiB"
  echo "# day: $(date -u +%F)"
  echo "# commit: $(git rev-parse --short HEAD)"
  for name in get_rate likeness_rate crud_rate; do echo "# $name: ${!name}"; done
  printf 'round\toption\tfigure\tvalue\n'
} > "$data"

figure() {
  echo "round $round, $option, $1: $2"
  printf '%s\t%s\t%s\t%s\n' "$round" "$option" "$1" "$2" >> "$data"
}

# figures FILE NAME AS: percentiles and failures that the load printed of NAME.
figures() {
  local name
  for name in p50_ms p99_ms p999_ms failed; do figure "$3_$name" "$(value "$2_$name" < "$1")"; done
}

# throughput NAME PATH: by wrk, which takes less of the machine.
throughput() {
  wrk -t1 -c32 -d4s -H "Authorization: $CREDENTIAL" "http://$address$2" > "$work/wrk"
  figure "$1_per_second" "$(awk '/Requests\/sec/ { print $2 }' "$work/wrk")"
  figure "$1_refused" "$(awk '/Non-2xx/ { print $NF; found = 1 } END { if (!found) print 0 }' "$work/wrk")"
}

# latency NAME PATH RATE
latency() {
  "$load" get "$address" --path "$2" --rate "$3" --seconds 5 --connections 32 > "$work/latency"
  figures "$work/latency" get "$1"
}

begin_option() {
  service=$project/target/release/bench
  [ "$option" = async ] || service=$project-$option/target/release/bench
  if [ "$option" = threads ]; then
    APP__LIMITS__READS=256 APP__LIMITS__WRITES=128 APP__LIMITS__OUTWARD=256 APP__THREADS__STREAMS=3100 begin
  else
    begin
  fi
}

requests() {
  provider --tokens 100000 --gap 200
  begin_option
  local small one other
  small=$(document)
  throughput get "$small"
  latency get "$small" "$get_rate"
  # Of about 20,000 characters each, half of which they share.
  one=$(document "$(seq -s " " 10000 13300)")
  other=$(document "$(seq -s " " 11700 15000)")
  throughput likeness "$one/likeness?to=${other##*/}"
  latency likeness "$one/likeness?to=${other##*/}" "$likeness_rate"
  hold slow "$address" --streams 200
  "$load" crud "$address" --path "$small" --seconds 6 --rate "$crud_rate" > "$work/crud"
  figures "$work/crud" read crud_read
  figures "$work/crud" write crud_write
  # Last: it leaves the jobs that embed what it created.
  "$load" crud "$address" --path "$small" --seconds 4 > "$work/crud"
  figure crud_per_second "$(value per_second < "$work/crud")"
  release slow
}

# Of the process, with so many streams open; the provider's sockets are another process's.
memory() {
  provider --stall-after 1
  begin_option
  figure rss_0_kib "$(resident "$service_pid")"
  hold first "$address" --streams 1000
  figure rss_1000_kib "$(resident "$service_pid")"
  hold second "$address" --streams 2000
  figure rss_3000_kib "$(resident "$service_pid")"
  if [ "$option" != threads ]; then
    hold third "$address" --streams 5000
    figure rss_8000_kib "$(resident "$service_pid")"
    release third
  fi
  release second
  release first
}

for round in $(seq "$rounds"); do
  for turn in 0 1 2; do
    option=${options[(round + turn) % 3]}
    [ "${ONLY:-requests}" != requests ] || requests
    [ "${ONLY:-memory}" != memory ] || memory
  done
done
benches/plot.py "$data"
