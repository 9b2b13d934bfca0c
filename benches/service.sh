# Sourced by the scripts that put a whole service under load: builds it and the load, and starts both of its sides.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
cargo build --release --quiet
cargo build --release --quiet --manifest-path benches/load/Cargo.toml
load=$PWD/benches/load/target/release/load
work=$(mktemp -d)
trap 'kill $(jobs -p) 2> /dev/null || true; wait 2> /dev/null || true; rm -rf "$work"' EXIT
# pour DIR FLAGS: a project that is there already is built again only where it changed.
pour() {
  local folder=$1; shift
  [ -d "$folder" ] || target/release/formwork new "$folder" --name bench --yes --no-check --no-git --standalone "$@" > /dev/null
  [ -d "$folder/target/release" ] || [ ! -d "$project/target/release" ] || {
    mkdir -p "$folder/target"
    # The crates of the registry are compiled once.
    cp -a "$project/target/release" "$folder/target/release"
  }
  (cd "$folder" && cargo build --release --locked --quiet)
}
project=${PROJECT:-$work/bench}
pour "$project"
service=$project/target/release/bench
address=127.0.0.1:18080 admin=127.0.0.1:18081 provider=127.0.0.1:18100
declare -A held
# APART=1: the server has the first core for itself, whoever asks it and whoever it asks have the second.
server=() others=()
[ -z "${APART:-}" ] || { server=(taskset --cpu-list 0); others=(taskset --cpu-list 1); }
export APP__ENVIRONMENT=development APP__SERVER__ADDRESS=$address APP__ADMIN__ADDRESS=$admin
# Nothing is refused, and who stalls is waited for: what is measured is the service at work.
export APP__RATE_LIMIT__REQUESTS_PER_MINUTE=1000000000 APP__RATE_LIMIT__BURST=1000000000
export APP__LIMITS__READS=20000 APP__LIMITS__WRITES=20000 APP__SERVER__MAX_CONNECTIONS=20000
export APP__SPEND__LIMIT_PER_DAY= APP__LLM__TOKEN_TIMEOUT=110s
export APP__LLM__BASE_URL=http://$provider/v1 APP__LLM__API_KEY=bench APP__LLM__CONCURRENCY=20000
export APP__EMBEDDINGS__BASE_URL=http://$provider/v1 APP__EMBEDDINGS__API_KEY=bench
ulimit -n "$(ulimit -Hn)"

# provider FLAGS: plays the provider anew.
provider() {
  [ -z "${provider_pid:-}" ] || { kill "$provider_pid"; wait "$provider_pid" || true; }
  # What an earlier one said must not be taken for this one's.
  rm -f "$work/provider"
  "${others[@]}" "$load" upstream "$provider" "$@" > "$work/provider" &
  provider_pid=$!
  until grep -qs listening "$work/provider"; do sleep 0.05; done
}

# begin: the service on an empty folder.
begin() {
  [ -z "${service_pid:-}" ] || { kill "$service_pid"; wait "$service_pid" || true; }
  export APP__DATA__DIRECTORY=$work/data-$RANDOM
  "${server[@]}" "$service" all > "$work/out" 2> "$work/err" &
  service_pid=$!
  until curl -sf "http://$admin/ready" > /dev/null; do kill -0 "$service_pid"; sleep 0.1; done
  CREDENTIAL="Bearer $("$service" token --subject bench --tenant bench --ttl 8h)"
  export CREDENTIAL
}

# document [BODY]: creates one, and prints its path.
document() {
  curl -s -D - -o /dev/null -H "Authorization: $CREDENTIAL" -H 'Content-Type: application/json' \
    -d "{\"title\": \"Concrete\", \"body\": \"${1:-Sets in a form.}\"}" "http://$address/v1/documents" |
    tr -d '\r' | awk 'tolower($1) == "location:" { print $2 }'
}

# hold NAME FLAGS: opens streams and keeps them open until `release NAME`.
hold() {
  local name=$1; shift
  rm -f "$work/$name"
  mkfifo "$work/$name.in"
  "${others[@]}" "$load" hold "$@" < "$work/$name.in" > "$work/$name" 2> "$work/$name.err" &
  exec {fd}> "$work/$name.in"
  held[$name]=$fd
  until grep -qs refused "$work/$name"; do sleep 0.1; done
  # What opening them left to be done is over.
  sleep 1
  sed "s/^/$name: /" "$work/$name"
}

release() {
  local fd=${held[$1]}
  exec {fd}>&-
  sleep 1
  rm -f "$work/$1.in"
}

resident() { awk '/VmRSS/ { print $2 }' "/proc/$1/status"; }
value() { awk -v name="$1" '$1 == name { print $2 }'; }
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
