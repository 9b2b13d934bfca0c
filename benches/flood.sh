#!/usr/bin/env bash
# Reads of a document, alone and beside slow answers: 1,000 that stall, all admitted; 200 durable ones at 50 tokens/s.
# Beside both, clients ask five times under one key each, as clients do whose connection breaks. The same reads beside the
# same streams of a bare server, which reads the row and relays the events and does nothing else, tell what the machine
# adds: provider, clients and server share it.
. "$(dirname "$0")/service.sh"
cargo build --release --quiet --manifest-path benches/bare/Cargo.toml
collector=127.0.0.1:18200
export OTEL_EXPORTER_OTLP_ENDPOINT=http://$collector OTEL_METRIC_EXPORT_INTERVAL=1000 OTEL_TRACES_SAMPLER=always_off
reads() {
  "${others[@]}" "$load" get "$address" --path "$path" --rate 500 --seconds 10 > "$work/reads"
  value get_p99_ms < "$work/reads" | tee -a "$work/p99.$1" | sed "s/^/run $run, $1, p99 ms: /"
  echo "run $run, $1, failed: $(value get_failed < "$work/reads")"
}
health() { for route in live ready; do curl -s -o /dev/null -w "run $run, $1, /$route: %{http_code} in %{time_total} s\n" "http://$admin/$route"; done; }
# beside NAME FLAGS: reads, health and retries while streams are held.
beside() {
  local name=$1; shift
  hold "$name" "$address" "$@"
  reads "$name"
  health "$name"
  "${others[@]}" "$load" retry "$address" | sed "s/^/run $run, $name, retries: /"
  release "$name"
}
# Ends provider and service, and says what they saw.
tell() {
  kill "$service_pid"; wait "$service_pid" || true; service_pid=
  kill "$provider_pid"; wait "$provider_pid" || true; provider_pid=
  kill "$collector_pid"; wait "$collector_pid" || true
  echo "run $run, $1, upstream calls: $(value calls < "$work/provider"), expected $2"
  sed "s/^/run $run, $1, /" "$work/collector" | grep wait
}
start() {
  "${others[@]}" "$load" collector "$collector" > "$work/collector" & collector_pid=$!
  provider "$@"
  begin
  path=$(document)
}
# bare NAME PROVIDER-FLAGS -- HOLD-FLAGS: what `start` and `beside` do, with the bare server on the last service's database.
bare() {
  local name=$1 flags=(); shift
  while [ "$1" != -- ]; do flags+=("$1"); shift; done
  shift
  provider "${flags[@]}"
  "${server[@]}" benches/bare/target/release/bare "$address" "$APP__DATA__DIRECTORY/service.db" "$provider" & bare_pid=$!
  until curl -sf -o /dev/null "http://$address$path"; do kill -0 "$bare_pid"; sleep 0.1; done
  [ "$name" != bare_stalled ] || reads bare_alone
  hold "$name" "$address" "$@"
  reads "$name"
  release "$name"
  kill "$bare_pid"; wait "$bare_pid" || true
}
for run in $(seq "${1:-5}"); do
  start --stall-after 1
  reads alone
  beside stalled --streams 1000
  tell stalled 1100
  bare bare_stalled --stall-after 1 -- --streams 1000
  start --tokens 100000 --gap 20
  beside flowing --streams 200 --durable
  tell flowing 300
  bare bare_flowing --tokens 100000 --gap 20 -- --streams 200
done
for name in alone stalled flowing bare_alone bare_stalled bare_flowing; do echo "median p99 $name: $(median < "$work/p99.$name") ms"; done
# ratio NAME OF: the median of the runs' ratios.
ratio() { paste "$work/p99.$1" "$work/p99.$2" | awk '{ print $1 / $2 }' | tee "$work/ratio.$1" | median; }
for name in stalled flowing; do
  ours=$(ratio "$name" alone) bares=$(ratio "bare_$name" bare_alone)
  against=$(paste "$work/ratio.$name" "$work/ratio.bare_$name" | awk '{ print $1 / $2 }' | median)
  echo "median ratio $name to alone: service $ours, bare $bares; service against bare $against"
done
