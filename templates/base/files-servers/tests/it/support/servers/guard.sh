# Runs a server for as long as somebody holds the other end of stdin. That ends with the process that started this,
# however it ends. Leads a process group of its own.
# $1: a script that becomes the server.  $2: the signal that stops it.  $folder: removed at the end.
exec 3<&0 </dev/null
sh -c "$1" 3<&- &
server=$!
{
    read -r _ <&3
    # Again, because a shell that is still preparing does not hear some of them: what is left in the background ignores
    # INT and QUIT until it has handlers of its own.
    for second in 1 2 3 4 5 6 7 8 9 10; do
        [ -e "$folder/ended" ] || kill -s "$2" "$server"
        sleep 1
    done
    kill -s KILL "$server"
} 2>/dev/null &
wait "$server"
# For whoever waits for it to be ready. It may still want to read what the server said.
: >"$folder/ended"
read -r _ <&3
rm -rf "$folder"
# The loop above, and what the server has left behind.
kill -s KILL 0
