"""Prints the rows of Parquet files as pyarrow reads them: `[NAME, ROW]` a line, 64-bit integers and times as text.

lake.py FOLDER: every file of a lake, NAME is its table. lake.py --files FOLDER: every file, NAME is its name.
"""

import json
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


def cells(column: pa.ChunkedArray) -> list:
    kind = column.type
    if pa.types.is_timestamp(kind):
        assert kind.unit == "us" and kind.tz == "UTC", kind
        column = column.cast(pa.int64())
        return [None if value is None else str(value) for value in column.to_pylist()]
    if pa.types.is_int64(kind):
        return [None if value is None else str(value) for value in column.to_pylist()]
    return column.to_pylist()


def main() -> None:
    by_file = sys.argv[1] == "--files"
    folder = Path(sys.argv[-1])
    for path in sorted(folder.rglob("*.parquet")):
        name = path.name if by_file else path.relative_to(folder).parts[0]
        table = pq.ParquetFile(path).read()
        columns = [(field, cells(table.column(field))) for field in table.column_names]
        for row in range(table.num_rows):
            print(json.dumps([name, {field: values[row] for field, values in columns}]))


main()
