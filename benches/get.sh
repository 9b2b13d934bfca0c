#!/usr/bin/env bash
# GET by id through every layer, token verified, against bare axum and sqlx with the same query, alternating.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --quiet
cargo build --release --quiet --manifest-path benches/bare/Cargo.toml
work=$(mktemp -d)
trap 'kill $(jobs -p) 2> /dev/null; rm -rf "$work"' EXIT
project=${PROJECT:-$work/bench}
[ -d "$project" ] || target/release/formwork new "$project" --name bench --yes --no-check --no-git --standalone > /dev/null
(cd "$project" && cargo build --release --locked --quiet)
service=$project/target/release/bench
export APP__ENVIRONMENT=development APP__DATA__DIRECTORY=$work/data
export APP__SERVER__ADDRESS=127.0.0.1:18080 APP__ADMIN__ADDRESS=127.0.0.1:18081
export APP__RATE_LIMIT__REQUESTS_PER_MINUTE=1000000000 APP__RATE_LIMIT__BURST=1000000000
"$service" all > "$work/out" 2> "$work/err" &
until curl -sf http://127.0.0.1:18081/ready > /dev/null; do sleep 0.1; done
token=$("$service" token --subject bench --tenant bench --ttl 8h)
path=$(curl -s -D - -o /dev/null -H "Authorization: Bearer $token" -H 'Content-Type: application/json' \
  -d '{"title": "Concrete", "body": "Sets in a form."}' http://127.0.0.1:18080/v1/documents |
  tr -d '\r' | awk 'tolower($1) == "location:" { print $2 }')
benches/bare/target/release/bare 127.0.0.1:18090 "$work/data/service.db" &
until curl -sf "http://127.0.0.1:18090$path" > /dev/null; do sleep 0.1; done
rate() { wrk -t1 -c32 -d5s "$@" | awk '/Requests\/sec/ { print $2 }'; }
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
for run in $(seq "${1:-7}"); do
  rate "http://127.0.0.1:18090$path" | tee -a "$work/bare" | sed "s/^/run $run, bare: /"
  rate -H "Authorization: Bearer $token" "http://127.0.0.1:18080$path" | tee -a "$work/ours" | sed "s/^/run $run, service: /"
done
echo "median bare: $(median < "$work/bare")/s, service: $(median < "$work/ours")/s"
