#!/bin/sh
# Updates every project of formwork in a folder of repositories, each on a branch of its own, and reports.
#
#     fleet.sh FOLDER [FLAG OF formwork update]…
#
# Without --no-check each is checked whole, which takes a minute or more; with it, the CI that runs on the branch does that.
# Nothing is pushed. A repository that is not updated is left as it was. What formwork said of each is in
# FOLDER/fleet/NAME.json, and all of it in FOLDER/fleet/report.tsv. BRANCH names the branch (formwork-update).
set -eu

folder=$(cd "$1" && pwd)
shift
branch=${BRANCH:-formwork-update}
reports=$folder/fleet
mkdir -p "$reports"

# Whether the report of a run says so.
says() { grep -q "^  \"$1\": $2" "$said"; }

# Back to where the repository was, if it was left.
back() { git switch --quiet "$before" && git branch --quiet -D "$branch"; }

# One line: the outcome, and what is to be known of it.
update() {
  cd "$folder/$name"
  before=$(git symbolic-ref --quiet --short HEAD) || { echo "refused	no branch is checked out"; return; }
  git switch --quiet --create "$branch" 2> "$errors" || { echo "refused	$(head -n 1 "$errors")"; return; }
  status=0
  formwork update --yes --json --rollback-on-red "$@" > "$said" 2> "$errors" || status=$?
  case $status in
    0) if says up_to_date true; then back && echo "up to date	"; else echo "updated	$branch"; fi ;;
    1) back && if says conflicts '\[\]'; then echo "red	$said"; else echo "conflicts	$said"; fi ;;
    *) back && echo "refused	$(head -n 1 "$errors")" ;;
  esac
}

for record in "$folder"/*/formwork.toml; do
  name=$(basename "$(dirname "$record")")
  said=$reports/$name.json
  errors=$reports/$name.log
  printf '%s\t%s\n' "$name" "$(update "$@")"
done | tee "$reports/report.tsv"

cut -f 2 "$reports/report.tsv" | sort | uniq -c
! cut -f 2 "$reports/report.tsv" | grep -qv -e '^updated$' -e '^up to date$'
