"""A background task stays until it is done."""

import asyncio

import pytest

from guardproxy.proxy import tasks


async def test_a_task_is_kept_until_it_is_done():
    go = asyncio.Event()

    async def work():
        await go.wait()
        return 7

    task = tasks.spawn(work())
    assert task in tasks._running
    go.set()
    assert await task == 7
    await asyncio.sleep(0)
    assert task not in tasks._running


async def test_a_task_that_fails_is_let_go_too():
    async def work():
        raise ValueError

    task = tasks.spawn(work())
    with pytest.raises(ValueError, match=r"^$"):
        await task
    await asyncio.sleep(0)
    assert task not in tasks._running
