# Another client than the service's: URL NAME WHAT, input on stdin, JSON on stdout.
import json
import sys
import time

try:
    import pika
except ImportError:
    sys.exit(77)

URL, NAME, WHAT = sys.argv[1:]
EVENTS, INBOX, DEAD, OURS, FULL = (f"{NAME}.{what}" for what in ["events", "inbox", "dead", "stranger", "full"])
PATIENCE = 20


def listen(channel):
    """A queue of our own for all that the service tells."""
    channel.exchange_declare(EVENTS, "topic", durable=True)
    channel.queue_declare(OURS, durable=True)
    channel.queue_bind(OURS, EVENTS, "#")


def messages(channel, queue):
    """All that the queue has, in its order; they stay there."""
    found = []
    while True:
        method, properties, body = channel.basic_get(queue)
        if method is None:
            return found
        found.append((properties, body.decode()))


def sent(connection, queue, body, **properties):
    """Publishes as soon as the service has made its queue, and is stored when this ends."""
    begun = time.monotonic()
    channel = connection.channel()
    channel.confirm_delivery()
    while True:
        try:
            named = pika.BasicProperties(delivery_mode=2, **properties)
            return channel.basic_publish("", queue, body, named, mandatory=True)
        except pika.exceptions.UnroutableError:
            if time.monotonic() - begun > PATIENCE:
                raise
            time.sleep(0.05)


def answer(connection, text):
    channel = connection.channel()
    if WHAT == "hello":
        listen(channel)
    elif WHAT == "send":
        sent(connection, INBOX, text.encode())
    elif WHAT == "tell":
        kind, times = text.split()
        for _ in range(int(times)):
            sent(connection, f"{NAME}.jobs.{kind}", b"")
    elif WHAT == "events":
        return [json.loads(body) for _, body in messages(channel, OURS)]
    elif WHAT == "dead":
        try:
            found = messages(channel, DEAD)
        except pika.exceptions.ChannelClosedByBroker:
            return []
        return [{"body": body, "reason": properties.headers["reason"]} for properties, body in found]
    elif WHAT == "waiting":
        # Those that somebody holds are not counted: they come back, or are taken.
        return channel.queue_declare(INBOX, passive=True).method.message_count
    elif WHAT == "fill":
        # A queue that refuses what is sent to it: a reader's of events, or one of the service's that the text names.
        queue = FULL if text == "events" else f"{NAME}.{text}"
        channel.queue_declare(queue, durable=True, arguments={"x-max-length": 1, "x-overflow": "reject-publish"})
        sent(connection, queue, b"")
        if text == "events":
            channel.queue_bind(queue, EVENTS, "#")
    elif WHAT == "drop":
        channel.queue_delete(FULL)
    elif WHAT == "misname":
        sent(connection, INBOX, text.encode(), message_id=b"\xff")
    elif WHAT == "given up":
        return channel.queue_declare(DEAD, passive=True).method.message_count
    elif WHAT == "make":
        channel.queue_declare(INBOX, durable=True, arguments={"x-queue-type": "quorum", "x-max-length": 1000})
    elif WHAT == "forget":
        for queue in [INBOX, DEAD, OURS] + [f"{NAME}.jobs.{kind}" for kind in text.split()]:
            channel.queue_delete(queue)
        channel.exchange_delete(EVENTS)
        listen(channel)
    return None


connection = pika.BlockingConnection(pika.URLParameters(URL))
try:
    print(json.dumps(answer(connection, sys.stdin.read())))
finally:
    connection.close()
