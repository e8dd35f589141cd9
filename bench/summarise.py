#!/usr/bin/python3
"""summarise.py RESULTS.csv: medians, and the ratio of reprieve to the better peer, per set and step."""
import collections
import csv
import statistics
import sys

rows = collections.defaultdict(list)
memory = collections.defaultdict(int)
size = {}
with open(sys.argv[1], encoding="utf-8") as file:
    for row in csv.DictReader(file):
        rows[row["set"], row["step"], row["who"]].append(float(row["seconds"]))
        memory[row["set"], row["who"]] = max(memory[row["set"], row["who"]], int(row["peak_kib"]))
        size[row["set"], row["step"], row["who"]] = int(row["repository_bytes"])

people = list(dict.fromkeys(who for _, _, who in rows))
print(f"\n{'set':8}{'step':12}" + "".join(f"{who:>12}" for who in people) + f"{'ratio':>10}")
worst = 0.0
for set_, step in dict.fromkeys((a, b) for a, b, _ in rows):
    medians = {who: statistics.median(rows[set_, step, who]) for who in people if (set_, step, who) in rows}
    peers = [seconds for who, seconds in medians.items() if who != "reprieve"]
    ratio = medians["reprieve"] / min(peers) if peers and "reprieve" in medians else float("nan")
    worst = max(worst, ratio) if ratio == ratio else worst
    print(f"{set_:8}{step:12}" + "".join(f"{medians.get(who, float('nan')):10.2f} s" for who in people) + f"{ratio:10.2f}")
for set_ in dict.fromkeys(a for a, _, _ in rows):
    print(f"{set_:8}{'peak MiB':12}" + "".join(f"{memory[set_, who] / 1024:12.0f}" for who in people))
    for step in ("first", "prune"):
        if any((set_, step, who) in size for who in people):
            print(f"{set_:8}{step + ' MB':12}" + "".join(f"{size.get((set_, step, who), 0) / 1e6:12.0f}" for who in people))
print(f"\nworst ratio to the better peer: {worst:.2f}")
