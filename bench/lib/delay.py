"""A link with delay: a relay on this machine that hands every byte on a while after it came.

`tc netem` does it in the kernel, where the kernel has it and we are root; this needs neither. What is
late here is what is late on a path: the opening of a connection by a round trip, and then each byte
by half of one. The link loses nothing and is as wide as the loopback.
"""

import asyncio
import threading

# How much waits on the link at most, in each direction: more than what a window lets go.
READ_LEN = 1 << 20


class Link:
    """Listens at `port`, and connects to the server at `to` for each client. Use it in a `with`."""

    def __init__(self, to, one_way_s):
        self.to = to
        self.one_way_s = one_way_s
        self.port = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._is_ready = threading.Event()
        self._relays = []

    def __enter__(self):
        self._thread.start()
        self._is_ready.wait()
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self):
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncio.start_server(self._accept, "127.0.0.1", 0, limit=READ_LEN))
        self.port = server.sockets[0].getsockname()[1]
        self._is_ready.set()
        self._loop.run_forever()
        # What is on its way when the link goes is lost.
        server.close()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    def _accept(self, reader, writer):
        self._relays.append(self._loop.create_task(self._relay(reader, writer)))

    async def _relay(self, reader, writer):
        # The client's first byte has to wait until its SYN was answered.
        await asyncio.sleep(2 * self.one_way_s)
        there, back = await asyncio.open_connection("127.0.0.1", self.to, limit=READ_LEN)
        await asyncio.gather(self._carry(reader, back), self._carry(there, writer))

    async def _carry(self, reader, writer):
        """Hands on what comes, each piece when its time has come, in order."""
        pieces = asyncio.Queue()
        sender = asyncio.ensure_future(self._deliver(pieces, writer))
        while True:
            try:
                piece = await reader.read(READ_LEN)
            except OSError:
                piece = b""
            pieces.put_nowait((self._loop.time() + self.one_way_s, piece))
            if not piece:
                break
        await sender

    async def _deliver(self, pieces, writer):
        while True:
            at, piece = await pieces.get()
            await asyncio.sleep(max(0, at - self._loop.time()))
            try:
                if not piece:
                    writer.close()
                    return
                writer.write(piece)
                await writer.drain()
            except OSError:
                return
