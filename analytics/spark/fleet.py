"""Captures of a fleet into one lake, on Spark: a task is a sensor's chain of rotated files (docs/scale.md).

    spark-submit analytics/spark/fleet.py --captures '/captures/*/*.pcap*' --sensor-from '([^/]+)/[^/]*$' --lake /lake

Captures and lake lie where every executor sees them under the same path, and `uamgscope` is on every executor. Each task
runs it on one chain, which writes its own partitions; nothing is shuffled. A task that is run twice writes the same bytes
to the same names, so retries and speculative tasks leave nothing twice.
"""

import argparse
import glob
import json
import re
import shlex
import subprocess
import sys
from collections import defaultdict

# Lines of the program that are kept of a task.
MAX_LINES = 50


def chains_of(patterns, sensor_from):
    """Files by sensor, in the order of their names; an error where a pattern matches nothing."""
    chains = defaultdict(list)
    for pattern in patterns:
        files = sorted(glob.glob(pattern, recursive=True))
        if not files:
            raise SystemExit(f"{pattern} matches no capture")
        for file in files:
            found = re.search(sensor_from, file)
            if found is None or not found.group(1):
                raise SystemExit(f"{file} does not say which sensor it is from: {sensor_from}")
            chains[found.group(1)].append(file)
    return sorted(chains.items())


def export(chain, program, lake, options):
    """Runs the program on a chain; what it says, and the lines of its manifest."""
    sensor, files = chain
    command = [*program, "export", *files, "--sensor", sensor, "--output", lake, *options]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
    said = done.stderr.splitlines()[-MAX_LINES:]
    if done.returncode != 0:
        # The task fails, and the scheduler tries it again: a disk that was full, a file that was away.
        raise RuntimeError(f"sensor {sensor}: status {done.returncode}: " + "\n".join(said))
    return sensor, len(files), said


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--captures", action="append", required=True, help="a glob; may be given again")
    parser.add_argument("--sensor-from", required=True, help="expression whose first group is the sensor of a path")
    parser.add_argument("--lake", required=True)
    parser.add_argument("--program", default="uamgscope", help="command line of the program")
    parser.add_argument("options", nargs="*", help="options of export, after --")
    args = parser.parse_args()
    chains = chains_of(args.captures, args.sensor_from)
    program, lake, options = shlex.split(args.program), args.lake, args.options
    # Here, so that other schedulers can use the functions above.
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.appName("uamgscope fleet").getOrCreate()
    try:
        tasks = spark.sparkContext.parallelize(chains, len(chains))
        done = tasks.map(lambda chain: export(chain, program, lake, options)).collect()
    finally:
        spark.stop()
    for sensor, files, said in done:
        print(json.dumps({"sensor": sensor, "files": files, "said": said}))


if __name__ == "__main__":
    sys.exit(main())
