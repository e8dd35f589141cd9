"""A repository in several stores: catching up, falling over, healing, taking over."""

import os
import random
import shutil
import unittest

from harness import World, age, objects_of, write
from s3_world import S3World
from severable_proxy import SeverableProxy


def fill(folder, seed, files=4, size=400_000):
    noise = random.Random(seed)
    for number in range(files):
        write(folder / f"noise-{seed}/{number}", noise.randbytes(size))
        write(folder / f"text-{seed}/{number}", b"%d: the same again\n" % number * 3000)
    age(folder)


class Replicas(World):
    """Two folders."""

    def setUp(self):
        super().setUp()
        self.near, self.far = self.repo, self.dir / "far"
        self.data = self.dir / "data"
        fill(self.data, 1)
        self.both = ("--repo", self.near, "--repo", self.far)

    def make(self):
        self.reprieve(*self.both, "init")
        return self.json(*self.both, "backup", self.data)

    def assert_restores(self, *options, name, **keywords):
        self.json(*options, "restore", self.data, "--into", self.dir / name, **keywords)
        self.assert_same_trees(self.data, self.dir / name)

    def packs(self, store):
        return sorted(path for path in (store / "pack").rglob("*") if path.is_file())

    def test_each_store_restores_by_itself(self):
        made = self.make()
        self.assertEqual([replica["complete"] for replica in made["replicas"]], [True])
        near, far = objects_of(self.near), objects_of(self.far)
        mark = [name for name in far if name.startswith("replica/")]
        self.assertEqual(len(mark), 1)
        del far[mark[0]]
        self.assertEqual(near, far)
        shutil.rmtree(self.near)
        self.assert_restores("--repo", self.far, name="from-far")
        self.json("--repo", self.far, "verify", "--level", "data")

    def start_endless_backup(self):
        """It has stored forty megabytes and now waits for a file that says that it may end."""
        script = f"head -c 40000000 /dev/urandom; while [ ! -e {self.dir}/end ]; do sleep 0.1; done"
        return self.start(*self.both, "backup", "--stdin-from-command", "noise", "--checkpoint-every", "1s",
                          "--", "sh", "-c", script)

    def bytes_in(self, store):
        return sum(path.stat().st_size for path in self.packs(store))

    def test_catches_up_while_a_backup_runs(self):
        self.make()
        process = self.start_endless_backup()
        self.wait_for("packs in the replica", lambda: self.bytes_in(self.far) > 30_000_000)
        self.assertIsNone(process.poll())
        self.assert_restores("--repo", self.far, name="meanwhile")
        write(self.dir / "end", "")
        self.finish(process)
        self.assertEqual(process.returncode, 0)
        self.assertEqual(self.json(*self.both, "repo", "stores")["replicas"][0]["objects_missing"], 0)

    def test_a_primary_that_is_lost_while_a_backup_runs_costs_that_backup_alone(self):
        self.make()
        process = self.start_endless_backup()
        self.wait_for("packs in the replica", lambda: self.bytes_in(self.far) > 30_000_000)
        shutil.rmtree(self.near)
        write(self.dir / "end", "")
        self.finish(process)
        self.assertNotEqual(process.returncode, 0)
        self.reprieve("--repo", self.far, "repo", "promote", "--primary-is-lost")
        self.assert_restores("--repo", self.far, name="back")
        self.json("--repo", self.far, "backup", self.data)
        self.json("--repo", self.far, "verify", "--level", "data")

    def test_shows_what_is_missing_and_catches_up(self):
        self.make()
        fill(self.data, 2)
        self.json("--repo", self.near, "backup", self.data)
        lag = self.json(*self.both, "repo", "stores")["replicas"][0]
        self.assertEqual(lag["points_missing"], 1)
        self.assertGreater(lag["bytes_missing"], 1_000_000)
        self.assertIn("behind", self.reprieve(*self.both, "repo", "stores").out)
        synced = self.json(*self.both, "repo", "sync")["replicas"][0]
        self.assertGreaterEqual(synced["bytes_copied"], lag["bytes_missing"])
        self.assertEqual(self.json(*self.both, "repo", "stores")["replicas"][0]["objects_missing"], 0)
        self.assert_restores("--repo", self.far, name="from-far")

    def test_the_plan_names_replicas_of_a_storage(self):
        key, plan = self.dir / "repo.key", self.dir / "plan/reprieve.yaml"
        write(plan, f"""reprieve: 1
plan: two
secrets: {{k: {{from: "file:{key}"}}}}
sources: {{data: {{type: files, path: "{self.data}"}}}}
storage:
  near: {{url: "{self.near}", key: k}}
  far: {{url: "{self.far}", replica_of: near}}
""")
        bare = {"REPRIEVE_REPO": None, "REPRIEVE_PASSWORD_FILE": None}
        self.reprieve("--plan", plan, "init", **bare)
        made = self.json("--plan", plan, "backup", **bare)
        self.assertEqual([replica["complete"] for replica in made["replicas"]], [True])
        self.assertEqual(self.json("--plan", plan, "repo", "stores", **bare)["replicas"][0]["objects_missing"], 0)
        self.assertIn(str(self.far), self.reprieve("--plan", plan, "repo", "kit", **bare).out)
        refused = self.reprieve("--plan", plan, "--repo", "far", "backup", code=None, **bare)
        self.assertIn("is a replica", refused.err)
        shutil.rmtree(self.near)
        self.assert_restores_data(plan, **bare)
        self.json("--plan", plan, "--repo", "far", "points", **bare)

    def assert_restores_data(self, plan, **bare):
        self.json("--plan", plan, "restore", "data", "--into", self.dir / "back", **bare)
        self.assert_same_trees(self.data, self.dir / "back")

    def test_names_both_in_the_environment(self):
        both = {"REPRIEVE_REPO": f"{self.near},file://{self.far}"}
        self.reprieve("init", **both)
        made = self.json("backup", self.data, **both)
        self.assertEqual(len(made["replicas"]), 1)
        shutil.rmtree(self.near)
        self.json("restore", self.data, "--into", self.dir / "back", **both)
        self.assert_same_trees(self.data, self.dir / "back")

    def test_a_backup_without_its_replica_is_done_and_says_so(self):
        self.make()
        os.rename(self.far, self.dir / "away")
        fill(self.data, 2)
        outcome = self.reprieve(*self.both, "backup", self.data, code=3)
        self.assertIn("not up to date", outcome.err)
        self.assertIn("safe in the primary", outcome.err)
        self.assertFalse(self.far.exists(), "a disk that is not mounted is not made anew")
        self.far.mkdir()
        answer = self.json(*self.both, "repo", "sync", code=5)
        self.assertIn("--new", answer["replicas"][0]["hint"])
        self.assertEqual(objects_of(self.far), {})
        self.far.rmdir()
        os.rename(self.dir / "away", self.far)
        self.json(*self.both, "repo", "sync")
        self.assert_restores("--repo", self.far, name="from-far")

    def test_reads_and_restores_without_the_primary(self):
        self.make()
        shutil.rmtree(self.near)
        points = self.json(*self.both, "points")["points"]
        self.assertEqual(len(points), 1)
        outcome = self.reprieve(*self.both, "restore", self.data, "--into", self.dir / "back")
        self.assertIn("going on with the repository's other stores", outcome.err)
        self.assert_same_trees(self.data, self.dir / "back")

    def test_restores_from_two_damaged_stores_what_neither_has_whole(self):
        self.make()
        near = self.packs(self.near)
        self.assertGreater(len(near), 1)
        for number, path in enumerate(near):
            store = (self.near, self.far)[number % 2]
            lost = store / path.relative_to(self.near)
            lost.write_bytes(bytes(lost.stat().st_size)) if number % 4 < 2 else lost.unlink()
        self.assert_restores(*self.both, name="back")

    def test_heals_the_primary_from_the_replica(self):
        self.make()
        before = objects_of(self.near)
        for number, path in enumerate(self.packs(self.near)):
            path.unlink() if number % 2 else path.write_bytes(bytes(path.stat().st_size))
        shutil.rmtree(self.near / "snap")
        self.reprieve("--repo", self.near, "verify", "--level", "shards", code=7)
        told = self.json(*self.both, "repo", "repair", "--dry-run")
        self.assertTrue(told["healed"])
        self.assertNotEqual(objects_of(self.near), before)
        healed = self.json(*self.both, "repo", "repair")
        self.assertEqual(healed["left"], [])
        self.assertEqual(objects_of(self.near), before)
        self.assert_restores("--repo", self.near, name="back")

    def test_a_thief_at_the_primary_takes_nothing_from_the_replica(self):
        self.make()
        fill(self.data, 2)
        self.json(*self.both, "backup", self.data)
        before = objects_of(self.far)
        shutil.rmtree(self.near / "snap")
        shutil.rmtree(self.near / "pack")
        for command in (("repo", "sync"), ("prune", "--keep-last", "1")):
            told = self.error(*self.both, *command, code=7)
            self.assertIn("this host saw it", told["error"])
        # Nor from a host that sees the repository for the first time.
        elsewhere = {"REPRIEVE_STATE_DIR": str(self.dir / "elsewhere")}
        synced = self.json(*self.both, "repo", "sync", code=7, **elsewhere)["replicas"][0]
        self.assertTrue(synced["lost"])
        self.assertEqual(synced["objects_removed"], 0)
        self.error(*self.both, "prune", "--keep-last", "1", code=8, **elsewhere)
        self.assertEqual(objects_of(self.far), before)
        self.assert_restores("--repo", self.far, name="back")

    def test_prunes_everywhere(self):
        self.make()
        shutil.rmtree(self.data)
        fill(self.data, 2)
        self.json(*self.both, "backup", self.data)
        self.json(*self.both, "prune", "--keep-last", "1", "--min-age", "0s")
        self.json(*self.both, "prune", "--keep-last", "1", "--min-age", "0s")
        near, far = objects_of(self.near), objects_of(self.far)
        self.assertEqual(set(far) - set(near), {name for name in far if name.startswith("replica/")})
        self.assertEqual({name: far[name] for name in near}, near)
        self.assert_restores("--repo", self.far, name="back")
        self.json("--repo", self.far, "verify", "--level", "data")

    def test_does_not_prune_what_the_replica_lacks(self):
        self.make()
        fill(self.data, 2)
        self.json("--repo", self.near, "backup", self.data)
        os.rename(self.far, self.dir / "away")
        before = objects_of(self.near)
        answer = self.error(*self.both, "prune", "--keep-last", "1", "--min-age", "0s", code=8)
        self.assertIn("nothing was pruned", answer["error"])
        self.assertEqual(objects_of(self.near), before)
        self.json(*self.both, "prune", "--keep-last", "1", "--min-age", "0s", "--without-replicas")

    def test_a_replica_is_written_to_only_after_promotion(self):
        self.make()
        self.error("--repo", self.far, "backup", self.data, code=8)
        self.error("--repo", self.far, "repo", "promote", code=2)
        shutil.rmtree(self.near)
        self.json("--repo", self.far, "repo", "promote", "--primary-is-lost")
        fill(self.data, 2)
        self.json("--repo", self.far, "backup", self.data)
        self.assert_restores("--repo", self.far, name="back")
        self.json("--repo", self.far, "--repo", self.near, "repo", "sync", "--new")
        self.assert_restores("--repo", self.near, name="back2")

    def test_tells_a_fork_and_merges_nothing(self):
        self.make()
        self.json("--repo", self.far, "repo", "promote", "--primary-is-lost")
        fill(self.data, 2)
        # Two hosts that know nothing of each other: one alone would notice, and not write.
        host = {store: {"REPRIEVE_STATE_DIR": str(self.dir / name)}
                for store, name in ((self.near, "one"), (self.far, "other"))}
        for store in (self.near, self.far):
            self.json("--repo", store, "backup", self.data, **host[store])
        before = objects_of(self.near), objects_of(self.far)
        for first, second in ((self.near, self.far), (self.far, self.near)):
            answer = self.json("--repo", first, "--repo", second, "repo", "sync", "--new", code=8,
                               **host[first])["replicas"][0]
            self.assertEqual(answer["kind"], "conflict")
        self.assertEqual((objects_of(self.near), objects_of(self.far)), before)

    def test_goes_on_after_being_killed(self):
        self.reprieve("--repo", self.near, "init")
        fill(self.data, 3, files=12, size=3_000_000)
        self.json("--repo", self.near, "backup", self.data)
        process = self.start(*self.both, "repo", "sync", "--new")
        self.wait_for("the first pack", lambda: self.far.exists() and self.packs(self.far))
        self.kill(process)
        self.json(*self.both, "repo", "sync")
        self.assert_restores("--repo", self.far, name="back")


class TwoPlaces(S3World):
    """A folder and a bucket, and a line between that is cut."""

    def setUp(self):
        super().setUp()
        self.near = self.dir / "near"
        self.data = self.dir / "data"
        fill(self.data, 1, files=8)

    def test_the_replica_is_lost_in_the_middle_of_a_backup(self):
        self.reprieve("--repo", self.near, "--repo", self.repo, "init")
        proxy = SeverableProxy(self.gateway.port, b"PUT /", 3, "reset", True)
        self.addCleanup(proxy.close)
        both = ("--repo", self.near, "--repo", self.url(port=proxy.port))
        outcome = self.reprieve(*both, "backup", self.data, code=3)
        self.assertTrue(proxy.was_cut.is_set())
        self.assertIn("not up to date", outcome.err)
        both = ("--repo", self.near, "--repo", self.repo)
        self.assertEqual(self.json(*both, "repo", "stores")["replicas"][0]["points_missing"], 1)
        self.json(*both, "repo", "sync")
        shutil.rmtree(self.near)
        self.json("--repo", self.repo, "restore", self.data, "--into", self.dir / "back")
        self.assert_same_trees(self.data, self.dir / "back")

    def test_the_primary_is_lost_in_the_middle_of_a_restore(self):
        self.reprieve("--repo", self.repo, "--repo", self.near, "init")
        self.json("--repo", self.repo, "--repo", self.near, "backup", self.data)
        proxy = SeverableProxy(self.gateway.port, b"/pack/", 200_000, "reset", True)
        self.addCleanup(proxy.close)
        both = ("--repo", self.url(port=proxy.port), "--repo", self.near)
        outcome = self.reprieve(*both, "restore", self.data, "--into", self.dir / "back")
        self.assertTrue(proxy.was_cut.is_set())
        self.assertIn("going on with the repository's other stores", outcome.err)
        self.assert_same_trees(self.data, self.dir / "back")


if __name__ == "__main__":
    unittest.main()
