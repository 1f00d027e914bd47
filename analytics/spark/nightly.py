"""Holds the fleet on Spark to a plain loop: `python analytics/spark/nightly.py`, with pyspark, pyarrow, Java and editcap.

A cluster of two executors on this machine (local-cluster[2,1,1024]). Everything is compared with exports of whole
captures, row by row. Arguments name parts of it (PARTS below); all without any. Prints a line for each thing that holds, and ends with status 1 at the first that does not.
"""

import glob
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE))

PROGRAM = f"node {ROOT}/dist/src/main.js"
SENSORS = ["dc1", "dc2", "wsus1"]
MEGABYTES = int(os.environ.get("NIGHTLY_MB", "8"))
# Columns that tell of files: a ring of captures has other ones than the whole.
OF_FILES = ["chain", "file", "frame"]

os.environ["PYSPARK_PYTHON"] = sys.executable
# Nothing leaves this machine.
os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")


def holds(what, is_so, more=""):
    print(f"{'ok' if is_so else 'NOT OK'}: {what}{f' ({more})' if more else ''}", flush=True)
    if not is_so:
        sys.exit(1)


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, errors="replace", **options)


def make_captures(folder):
    """Traffic of each sensor as one capture, and the same as a ring of files."""
    whole, ring = folder / "whole", folder / "ring"
    whole.mkdir()
    ring.mkdir()
    for at, sensor in enumerate(SENSORS):
        script = "import('%s/dist/test/bench/generate.js').then((m) => m.generate(process.argv[1], Number(process.argv[2])))"
        done = run("node", "-e", script % ROOT, str(whole / f"{sensor}.pcap"), str((at + 1) * MEGABYTES * 1_000_000))
        holds(f"traffic of {sensor}", done.returncode == 0, done.stderr[-300:])
        subprocess.run(["editcap", "-F", "pcap", "-c", str(max(500, MEGABYTES * 1000)), whole / f"{sensor}.pcap", ring / f"{sensor}.pcap"], check=True)
        # editcap: dc1_00000_20261120120000.pcap
        holds(f"ring of {sensor}", len(list(ring.glob(f"{sensor}_*"))) > 2, f"{len(list(ring.glob(f'{sensor}_*')))} files")
    return whole, ring


def visible(lake):
    """Files of a lake that readers see."""
    files = [path for path in Path(lake).rglob("*") if path.is_file() and "_manifests" not in path.parts]
    return [path for path in files if not path.name.startswith((".", "_"))]


def rows(lake, table):
    import pyarrow.dataset as ds

    found = ds.dataset(f"{lake}/{table}", format="parquet", partitioning="hive").to_table().to_pylist()
    plain = [{name: value for name, value in row.items() if name not in OF_FILES} for row in found]
    return sorted(json.dumps(row, sort_keys=True, default=str) for row in plain)


def job(ring, lake, *more, configuration=()):
    settings = [part for one in configuration for part in ("--conf", one)]
    submit = Path(sys.executable).parent / "spark-submit"
    command = [str(submit), "--master", "local-cluster[2,1,1024]", *settings, str(HERE / "fleet.py")]
    command += ["--captures", f"{ring}/*.pcap*", "--sensor-from", r"/([a-z0-9]+)_[^/]*$", "--lake", str(lake), "--program", PROGRAM]
    return subprocess.Popen([*command, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def killer(name, pattern, killed, patience=120):
    """Kills with -9 the first process that a pattern names, once it runs, if it is a child of this one's."""

    def work():
        for _ in range(patience * 20):
            for pid in run("pgrep", "-f", pattern).stdout.split():
                if is_ours(int(pid)):
                    os.kill(int(pid), signal.SIGKILL)
                    killed.append(f"{name} {pid}")
                    return
            time.sleep(0.05)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def is_ours(pid):
    while pid > 1:
        if pid == os.getpid():
            return True
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
        except (OSError, ValueError):
            return False
    return False


def ids_are_unique(lake):
    import pyarrow.dataset as ds

    table = ds.dataset(f"{lake}/calls", format="parquet", partitioning="hive").to_table(columns=["sensor", "chain", "id"])
    keys = [tuple(row.values()) for row in table.to_pylist()]
    return len(keys) == len(set(keys))


def manifest_inputs(lake):
    lines = [json.loads(line) for path in glob.glob(f"{lake}/_manifests/*/*.ndjson") for line in open(path)]
    return {line["file"]: line for line in lines if line["kind"] == "input"}


def main():
    folder = Path(tempfile.mkdtemp(prefix="uamgscope-nightly-"))
    try:
        nightly(folder, sys.argv[1:] or list(PARTS))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print("all holds")


def nightly(folder, parts):
    whole, ring = make_captures(folder)
    plain = folder / "plain"
    began = time.monotonic()
    for sensor in SENSORS:
        subprocess.run([*PROGRAM.split(), "export", whole / f"{sensor}.pcap", "--sensor", sensor, "-o", plain], check=True, capture_output=True)
    print(f"plain loop {time.monotonic() - began:.1f} s", flush=True)
    lakes = Lakes(folder, ring, plain)
    for part in parts:
        PARTS[part](lakes)


class Lakes:
    """Where captures and tables lie, and what the tables should hold."""

    def __init__(self, folder, ring, plain):
        self.folder, self.ring, self.plain = folder, ring, plain
        self.wanted = {table: rows(plain, table) for table in ("calls", "objects", "findings")}
        # A file a table, day and sensor.
        self.places = sorted(str(path.parent.relative_to(plain)) for path in visible(plain))

    def hold(self, lake):
        """The tables are those of the whole captures, and nothing else is there."""
        for table, wanted in self.wanted.items():
            got = rows(lake, table)
            holds(f"  {table} of rings are those of the whole", got == wanted, f"{len(got)} rows")
        holds("  ids are unique", ids_are_unique(lake))
        holds("  no file is there twice, or in part", sorted(str(path.parent.relative_to(lake)) for path in visible(lake)) == self.places)


def rings(lakes):
    began = time.monotonic()
    out, err = (one := job(lakes.ring, lakes.folder / "rings")).communicate()
    holds("a job over rings", one.returncode == 0, err[-1500:] if one.returncode else f"{time.monotonic() - began:.1f} s")
    lakes.hold(lakes.folder / "rings")


def killed_program(lakes):
    killed = []
    watch = killer("uamgscope", r"main\.js export", killed)
    out, err = (one := job(lakes.ring, lakes.folder / "killed-program")).communicate()
    watch.join()
    holds("a job whose program is killed", one.returncode == 0 and len(killed) == 1, "; ".join(killed) or err[-800:])
    lakes.hold(lakes.folder / "killed-program")


def killed_executor(lakes):
    killed = []
    watch = killer("executor", r"CoarseGrainedExecutorBackend", killed)
    out, err = (one := job(lakes.ring, lakes.folder / "killed-executor")).communicate()
    watch.join()
    holds("a job whose executor is killed", one.returncode == 0 and len(killed) == 1, "; ".join(killed) or err[-800:])
    lakes.hold(lakes.folder / "killed-executor")


def state(lakes):
    """Half a ring, then all of it with what the first night kept, its program killed on the way."""
    half, lake, states = lakes.folder / "half", lakes.folder / "grown", lakes.folder / "states"
    half.mkdir()
    for sensor in SENSORS:
        files = sorted(lakes.ring.glob(f"{sensor}_*"))
        for file in files[: len(files) // 2]:
            os.link(file, half / file.name)
    keeps = ["--", "--state", f"{states}/{{sensor}}"]
    out, err = (one := job(half, lake, *keeps)).communicate()
    holds("a job that keeps states", one.returncode == 0 and len(list(states.iterdir())) == len(SENSORS), err[-800:] if one.returncode else "")
    killed = []
    watch = killer("uamgscope", r"main\.js export", killed)
    out, err = (one := job(lakes.ring, lake, *keeps)).communicate()
    watch.join()
    holds("a job that goes on with them, and whose program is killed", one.returncode == 0 and len(killed) == 1, "; ".join(killed) or err[-800:])
    for table, wanted in lakes.wanted.items():
        got = rows(lake, table)
        holds(f"  {table} of both nights are those of the whole", got == wanted, f"{len(got)} rows")
    holds("  ids are unique", ids_are_unique(lake))


def speculation(lakes):
    configuration = ("spark.speculation=true", "spark.speculation.quantile=0.1", "spark.speculation.multiplier=1.01", "spark.speculation.interval=100ms")
    out, err = (one := job(lakes.ring, lakes.folder / "speculative", configuration=configuration)).communicate()
    holds("a job with speculative tasks", one.returncode == 0, err[-800:] if one.returncode else "")
    lakes.hold(lakes.folder / "speculative")


def damage(lakes):
    damaged, dirty = lakes.folder / "damaged", lakes.folder / "dirty"
    shutil.copytree(lakes.ring, damaged)
    (damaged / "dc1_garbage.pcap").write_bytes(b"garbage!" * 12_500)
    last = sorted(damaged.glob("dc2_*"))[-1]
    last.write_bytes(last.read_bytes()[:-777])
    (damaged / "wsus1_notes.pcap").write_text("notes of somebody, by the name of a capture\n")
    out, err = (one := job(damaged, dirty)).communicate()
    holds("a job over garbage, a cut file and a text", one.returncode == 0, err[-800:] if one.returncode else "")
    inputs = manifest_inputs(dirty)
    named = [inputs["dc1_garbage.pcap"]["refused"], inputs["wsus1_notes.pcap"]["refused"], inputs[last.name]["damage"].get("capture-truncated") == 1]
    holds("  names all three", all(named), inputs["wsus1_notes.pcap"]["refused"][:80])
    lost = len(lakes.wanted["calls"]) - len(rows(dirty, "calls"))
    holds("  has all calls but those of the cut end", 0 <= lost <= 20, f"{lost} fewer")


def no_match(lakes):
    out, err = (one := job(lakes.folder / "nothing", lakes.folder / "empty")).communicate()
    holds("a glob without a match is an error", one.returncode != 0 and "matches no capture" in err + out)
    holds("  and writes nothing", not (lakes.folder / "empty").exists())


def reads(lakes):
    import pyarrow.dataset as ds
    from pyspark.sql import SparkSession

    from uamgscope_source import UamgscopeSource

    builder = SparkSession.builder.master("local-cluster[2,1,1024]").appName("nightly")
    builder = builder.config("spark.executorEnv.PYTHONPATH", str(HERE)).config("spark.sql.session.timeZone", "UTC")
    spark = builder.getOrCreate()
    try:
        spark.sparkContext.setLogLevel("ERROR")
        by_spark = spark.read.parquet(str(lakes.plain / "calls"))
        holds("Spark counts the calls of the lake", by_spark.count() == len(lakes.wanted["calls"]), f"{by_spark.count()}")
        for table, key in (("calls", "id"), ("objects", "label"), ("findings", "message")):
            order = ["sensor", "chain", key, *(["time", "call"] if table == "findings" else [])]
            theirs = [row.asDict() for row in spark.read.parquet(str(lakes.plain / table)).orderBy(*order).collect()]
            whole = ds.dataset(f"{lakes.plain}/{table}", format="parquet", partitioning="hive").to_table()
            ours = whole.sort_by([(name, "ascending") for name in order]).to_pylist()
            differ = [
                (name, one[name], other[name])
                for one, other in zip(ours, theirs, strict=True)
                for name in one
                if name != "day" and plain_cell(one[name]) != plain_cell(other[name])
            ]
            holds(f"Spark reads every cell of {table} as pyarrow does", not differ, f"{len(theirs)} rows of {len(theirs[0])} columns" if not differ else str(differ[:3]))
        spark.dataSource.register(UamgscopeSource)
        source = spark.read.format("uamgscope").option("captures", f"{lakes.ring}/*.pcap").option("program", PROGRAM)
        got = source.option("sensorFrom", r"/([a-z0-9]+)_[^/]*$").load().groupBy("sensor").count().collect()
        wanted = by_spark.groupBy("sensor").count().collect()
        holds("the data source has the same calls", sorted(got) == sorted(wanted), str(sorted(tuple(row) for row in got)))
    finally:
        spark.stop()


def random_tables(lakes):
    """A thousand tables of random columns and cells, as the writer writes them (test/interop/lake.test.ts holds pyarrow to it)."""
    import pyarrow.parquet as pq
    from pyspark.sql import SparkSession

    folder = lakes.folder / "random"
    done = run("npx", "tsx", "test/interop/peers/random-tables.ts", str(folder), "1000", cwd=ROOT)
    holds("a thousand tables are written", done.returncode == 0, done.stderr[-300:])
    builder = SparkSession.builder.master("local[1]").appName("tables").config("spark.sql.session.timeZone", "UTC")
    spark = builder.config("spark.ui.enabled", "false").getOrCreate()
    differ, cells = [], 0
    try:
        spark.sparkContext.setLogLevel("ERROR")
        for path in sorted(folder.glob("*.parquet")):
            theirs = [row.asDict() for row in spark.read.parquet(str(path)).coalesce(1).collect()]
            ours = pq.read_table(path).to_pylist()
            same = len(ours) == len(theirs) and all(
                plain_cell(one[name]) == plain_cell(other[name]) for one, other in zip(ours, theirs) for name in one
            )
            cells += sum(len(row) for row in ours)
            if not same:
                differ.append(path.name)
    finally:
        spark.stop()
    holds("Spark reads every cell of a thousand random tables as pyarrow does", not differ and cells > 100_000, f"{cells} cells" if not differ else str(differ[:5]))


PARTS = {
    "rings": rings,
    "killed-program": killed_program,
    "killed-executor": killed_executor,
    "state": state,
    "speculation": speculation,
    "damage": damage,
    "no-match": no_match,
    "reads": reads,
    "random": random_tables,
}


def plain_cell(value):
    return value.replace(tzinfo=None).isoformat() if hasattr(value, "isoformat") else value


main()
