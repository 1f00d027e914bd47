"""Captures as tables of Spark 4, decoded when they are asked for: for a look at some, not for months of them.

    from uamgscope_source import UamgscopeSource
    spark.dataSource.register(UamgscopeSource)
    spark.read.format("uamgscope").option("captures", "/captures/*.pcap*").option("sensorFrom", r"([^/]+)-\\d+\\.pcap").load()

Options: `captures` a glob, `sensorFrom` an expression whose first group is the sensor of a path (one chain without it),
`table` (calls unless told), `program` the command line of uamgscope. A partition is a sensor's chain.
"""

import shlex
import subprocess
import tempfile

import pyarrow as pa
import pyarrow.dataset as ds
from pyspark.sql.datasource import DataSource, DataSourceReader, InputPartition

from fleet import chains_of

TYPES = {
    "VARCHAR": "string",
    "BIGINT": "bigint",
    "INTEGER": "int",
    "BOOLEAN": "boolean",
    "TIMESTAMP": "timestamp",
    "DATE": "date",
}


class Chain(InputPartition):
    def __init__(self, sensor, files):
        self.sensor = sensor
        self.files = files


class UamgscopeSource(DataSource):
    @classmethod
    def name(cls):
        return "uamgscope"

    def program(self):
        return shlex.split(self.options.get("program", "uamgscope"))

    def schema(self):
        """The columns of the table, as the program tells them."""
        table = self.options.get("table", "calls")
        told = subprocess.run([*self.program(), "query", "--schema"], capture_output=True, text=True, check=True).stdout
        columns, here = [], False
        for line in told.splitlines():
            if not line.startswith(" "):
                here = line == table
            elif here:
                name, kind = line.split()[:2]
                columns.append(f"`{name}` {TYPES[kind]}")
        if not columns:
            raise ValueError(f"there is no table {table}")
        return ", ".join(columns)

    def reader(self, schema):
        return ChainReader(self.options, self.program(), schema)


class ChainReader(DataSourceReader):
    def __init__(self, options, program, schema):
        self.table = options.get("table", "calls")
        self.program = program
        self.names = schema.names
        self.chains = chains_of([options["captures"]], options.get("sensorFrom", "(.)"))
        if "sensorFrom" not in options:
            self.chains = [("local", [file for _, files in self.chains for file in files])]

    def partitions(self):
        return [Chain(sensor, files) for sensor, files in self.chains]

    def read(self, partition):
        with tempfile.TemporaryDirectory(prefix="uamgscope-") as lake:
            command = [*self.program, "export", *partition.files, "--sensor", partition.sensor, "--output", lake]
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
            if done.returncode != 0:
                raise RuntimeError(f"sensor {partition.sensor}: status {done.returncode}: {done.stderr[-2000:]}")
            kinds = ds.partitioning(pa.schema([("day", pa.date32()), ("sensor", pa.string())]), flavor="hive")
            try:
                found = ds.dataset(f"{lake}/{self.table}", format="parquet", partitioning=kinds)
            except FileNotFoundError:
                return
            for batch in found.to_batches(columns=self.names):
                if batch.num_rows > 0:
                    # Spark's columns may all be null, and it takes no others.
                    plain = pa.schema([field.with_nullable(True) for field in batch.schema])
                    yield pa.RecordBatch.from_arrays(batch.columns, schema=plain)
