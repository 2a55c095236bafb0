"""Threads, processes, event loops, signals: all that starts something in Python itself."""

import asyncio
import multiprocessing
import os
import queue
import signal
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import shared_memory


def square(number: int) -> int:
    return number * number


async def at_once() -> None:
    assert sum(await asyncio.gather(*(asyncio.to_thread(square, number) for number in range(5)))) == 30
    loop, heard = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGUSR1, heard.set)
    os.kill(os.getpid(), signal.SIGUSR1)
    await asyncio.wait_for(heard.wait(), 10)
    server = await asyncio.start_unix_server(lambda reader, writer: writer.close(), "/tmp/socket")
    reader, writer = await asyncio.open_unix_connection("/tmp/socket")
    assert await reader.read() == b""
    writer.close()
    server.close()
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", "print(5)", stdout=subprocess.PIPE)
    assert (await child.communicate())[0] == b"5\n"


def main() -> None:
    asyncio.run(at_once())
    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(square, range(100))) == 328_350
    with ProcessPoolExecutor(2) as processes:
        assert sum(processes.map(square, range(100))) == 328_350
    with multiprocessing.get_context("spawn").Pool(2) as workers:
        assert workers.map(square, range(3)) == [0, 1, 4]
    memory = shared_memory.SharedMemory(create=True, size=4096)
    memory.close()
    memory.unlink()
    threading.stack_size(1 << 20)
    handed_over: queue.Queue[int] = queue.Queue()
    threading.Timer(0.01, handed_over.put, (7,)).start()
    assert handed_over.get(timeout=20) == 7
    assert subprocess.run(["echo", "hello"], capture_output=True, check=True).stdout == b"hello\n"


if __name__ == "__main__":
    main()
