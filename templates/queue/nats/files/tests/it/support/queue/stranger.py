# Another client than the service's: URL NAME WHAT, input on stdin, JSON on stdout.
import asyncio
import json
import sys

try:
    import nats
    from nats.js.errors import NotFoundError
except ImportError:
    sys.exit(77)

URL, NAME, WHAT = sys.argv[1:]
STREAMS = ["jobs", "events", "inbox", "dead"]


async def messages(context, name):
    """All that the stream keeps, in its order."""
    stream = f"{NAME}-{name}"
    try:
        state = (await context.stream_info(stream)).state
    except NotFoundError:
        return []
    numbers = range(state.first_seq, state.last_seq + 1) if state.messages else []
    return [await context.get_msg(stream, number) for number in numbers]


async def sent(context, subject, body):
    """Publishes as soon as the service has made its stream, and is stored when this ends."""
    while True:
        try:
            return await context.publish(f"{NAME}.{subject}", body)
        except nats.js.errors.NoStreamResponseError:
            await asyncio.sleep(0.05)


async def answer(context, text):
    if WHAT == "send":
        await sent(context, "inbox.test", text.encode())
    elif WHAT == "tell":
        kind, times = text.split()
        for _ in range(int(times)):
            await sent(context, f"jobs.{kind}", b"")
    elif WHAT == "events":
        return [json.loads(message.data) for message in await messages(context, WHAT)]
    elif WHAT == "dead":
        return [
            {"body": message.data.decode(), "reason": message.headers["Reason"]}
            for message in await messages(context, WHAT)
        ]
    elif WHAT == "waiting":
        return (await context.stream_info(f"{NAME}-inbox")).state.messages
    elif WHAT == "forget":
        for name in STREAMS:
            try:
                await context.delete_stream(f"{NAME}-{name}")
            except NotFoundError:
                pass
    return None


async def main():
    client = await nats.connect(URL)
    try:
        return await asyncio.wait_for(answer(client.jetstream(), sys.stdin.read()), 20)
    finally:
        await client.close()


print(json.dumps(asyncio.run(main())))
