# Starts containers, and removes them when nobody holds the other end of stdin any more. That ends with the process that
# started this, however it ends. Leads a process group of its own.
# $1: a folder for what this says, removed at the end.  $2: the services.  Then Compose's command line up to its command.
exec 3<&0 </dev/null
folder=$1 services=$2
shift 2
"$@" up --detach --wait $services 3<&- &
up=$!
# What is sent to the group is meant for those that start containers. After `down` they would do so for nobody.
trap '' TERM
{
    read -r _ <&3
    kill -s TERM 0
    sleep 10
    kill -s KILL "$up"
} 2>/dev/null &
watch=$!
wait "$up"
status=$?
kill -s KILL "$watch"
wait "$watch" 2>/dev/null
echo "$status" >"$folder/status"
read -r _ <&3
"$@" down --volumes --timeout 5
rm -rf "$folder"
# Whatever is left of the above.
kill -s KILL 0
