"""The turns of the explorer's questions: one at a time, the latest of a kind, and nothing for nobody."""

import asyncio
import threading

from genolift.pipeline.exploring.turns import Turns
from genolift.support.stopping import check_stop


def test_stale_questions_are_dropped_and_tabs_do_not_disturb_each_other():
    done, running, most = [], [0], [0]

    def work(name):
        def run():
            running[0] += 1
            most[0] = max(most[0], running[0])
            threading.Event().wait(0.05)
            running[0] -= 1
            done.append(name)
            return name

        return run

    async def ask():
        turns = Turns()
        first = [turns.take("a", "explain", number, work(f"a{number}")) for number in (1, 2, 3)]
        other = [turns.take("b", "explain", 1, work("b1")), turns.take("a", "effects", 4, work("e4"))]
        return await asyncio.gather(*first, *other)

    found = asyncio.run(ask())
    assert found == ["a1", None, "a3", "b1", "e4"]
    assert done == ["a1", "a3", "b1", "e4"]
    assert most == [1]  # One thing at a time.


def endless():
    """Return an event, and work that sets it and goes on until it is given up."""
    begun = threading.Event()

    def work():
        begun.set()
        while True:
            check_stop()
            threading.Event().wait(0.01)

    return begun, work


def test_work_on_a_stale_question_is_given_up():
    begun, long = endless()

    async def ask():
        turns = Turns()
        first = asyncio.create_task(turns.take("a", "explain", 1, long))
        await asyncio.to_thread(begun.wait)
        # Another tab waits for its turn, and a question of another kind does too.
        others = [
            asyncio.create_task(turns.take(*key, 2, lambda: "other")) for key in (("b", "explain"), ("a", "store"))
        ]
        await asyncio.sleep(0.1)
        assert not any(task.done() for task in (first, *others))
        found = await asyncio.wait_for(turns.take("a", "explain", 3, lambda: "new"), 10)
        return found, await first, [await task for task in others]

    assert asyncio.run(ask()) == ("new", None, ["other", "other"])


def test_a_later_state_gives_up_effects_of_an_earlier_one():
    begun, long = endless()

    async def ask():
        turns = Turns()
        first = asyncio.create_task(turns.take("a", "effects", 1, long))
        await asyncio.to_thread(begun.wait)
        waits = asyncio.create_task(turns.take("a", "effects", 2, lambda: "of an old state"))
        await asyncio.sleep(0)
        found = await asyncio.wait_for(turns.take("a", "explain", 3, lambda: "new", ("effects",)), 10)
        return found, await first, await waits, await turns.take("a", "effects", 4, lambda: "of the new state")

    assert asyncio.run(ask()) == ("new", None, None, "of the new state")
