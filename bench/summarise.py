#!/usr/bin/python3
"""summarise.py RESULTS.csv: medians, and the ratio of reprieve to the better peer, per set and step.

With a column "server", the processor time that the server took meanwhile, medians of processor time too.
"""
import collections
import csv
import statistics
import sys

rows = collections.defaultdict(list)
processor = collections.defaultdict(list)
memory = collections.defaultdict(int)
size = {}
with open(sys.argv[1], encoding="utf-8") as file:
    for row in csv.DictReader(file):
        rows[row["set"], row["step"], row["who"]].append(float(row["seconds"]))
        memory[row["set"], row["who"]] = max(memory[row["set"], row["who"]], int(row["peak_kib"]))
        size[row["set"], row["step"], row["who"]] = int(row["repository_bytes"])
        if "server" in row:
            processor[row["set"], row["step"], row["who"]].append(sum(float(row[each]) for each in ("user", "system", "server")))

people = list(dict.fromkeys(who for _, _, who in rows))
width = max(12, *(len(who) + 2 for who in people))


def print_medians(figures):
    """Returns the worst ratio."""
    worst = 0.0
    for set_, step in dict.fromkeys((a, b) for a, b, _ in figures):
        medians = {who: statistics.median(figures[set_, step, who]) for who in people if (set_, step, who) in figures}
        peers = [seconds for who, seconds in medians.items() if who != "reprieve"]
        ratio = medians["reprieve"] / min(peers) if peers and "reprieve" in medians and min(peers) else float("nan")
        worst = max(worst, ratio) if ratio == ratio else worst
        print(f"{set_:9}{step:12}" + "".join(f"{medians[who]:{width - 2}.2f} s" if who in medians else f"{'not there':>{width}}"
                                             for who in people) + f"{ratio:10.2f}")
    return worst


print(f"\n{'set':9}{'step':12}" + "".join(f"{who:>{width}}" for who in people) + f"{'ratio':>10}")
worst_ratio = print_medians(rows)
for set_ in dict.fromkeys(a for a, _, _ in rows):
    print(f"{set_:9}{'peak MiB':12}" + "".join(f"{memory[set_, who] / 1024:{width}.0f}" for who in people))
    for step in ("first", "full", "clustered", "scattered", "prune"):
        if any((set_, step, who) in size for who in people):
            print(f"{set_:9}{step + ' MB':12}" + "".join(f"{size.get((set_, step, who), 0) / 1e6:{width}.0f}" for who in people))
if processor:
    print("\nprocessor time, the server's included")
    print_medians(processor)
print(f"\nworst ratio to the better peer: {worst_ratio:.2f}")
