from __future__ import annotations

import json
import random
import time

from earmark.data.fetch.pace import Pace


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> bool:
        self.now += seconds
        return False


def turns(pace: Pace, clock: Clock, count: int) -> list[float]:
    found = []
    for _ in range(count):
        assert pace.wait()
        found.append(clock.now)
    return found


def test_requests_are_spaced_evenly(tmp_path):
    clock = Clock()
    pace = Pace(tmp_path, "host", 300, clock.sleep, clock)
    assert turns(pace, clock, 4) == [1000, 1012, 1024, 1036]


def test_all_users_of_a_host_share_its_pace_and_other_hosts_do_not(tmp_path):
    clock = Clock()
    paces = [Pace(tmp_path, "host", 3600, clock.sleep, clock) for _ in range(3)]
    found = [turns(random.Random(i).choice(paces), clock, 1)[0] for i in range(9)]
    assert found == [1000 + i for i in range(9)]
    assert turns(Pace(tmp_path, "other", 3600, clock.sleep, clock), clock, 1) == [1008]


def test_a_pause_also_holds_back_who_waits_already(tmp_path):
    clock = Clock()
    other = Pace(tmp_path, "host", 3600, clock.sleep, clock)

    def interrupted(seconds: float) -> bool:
        if clock.now < 1010:
            other.pause(50)
        return clock.sleep(seconds)

    pace = Pace(tmp_path, "host", 3600, interrupted, clock)
    assert turns(pace, clock, 1) == [1000]
    assert turns(pace, clock, 1)[0] >= 1050


def test_a_stop_ends_the_waiting(tmp_path):
    pace = Pace(tmp_path, "host", 1, lambda seconds: True)
    assert pace.wait()
    assert not pace.wait()


def test_a_torn_state_counts_as_new_and_a_host_is_no_path(tmp_path):
    clock = Clock()
    pace = Pace(tmp_path, "../Host", 3600, clock.sleep, clock)
    path = tmp_path / ".._host.json"
    path.write_text('{"next": 99999')
    assert turns(pace, clock, 1) == [1000]
    assert json.loads(path.read_text())["next"] == 1001


def test_two_processes_on_a_server_share_the_limit(shard):
    for i in range(6):
        shard.add(f"item{i}")
    begun = time.time()
    first = shard.start(requests_per_hour=36000, workers=4)
    shard.output = shard.output.with_name("other.parquet")
    shard.cache = shard.cache.with_name("elsewhere")
    second = shard.start(requests_per_hour=36000, workers=4)
    assert [process.wait(60) for process in (first, second)] == [0, 0], first.stdout.read()
    # Twelve turns of a tenth of a second were taken, and nobody asked before the last of them.
    after = json.loads((shard.folder / ".earmark/fetch/.hosts/127.0.0.1.json").read_text())["next"]
    assert after >= begun + 1.2
    assert max(t for times in shard.server.times.values() for t in times) >= after - 0.1
