import { gzipSync } from 'node:zlib';
import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import type { SchemaElement } from 'hyparquet';
import type { Cell, Column } from './column.js';
import { ELEMENTS, GZIP_LEVEL } from './elements.js';

const RISING = { encoding: 'DELTA_BINARY_PACKED' } as const;

/**
 * A Parquet file, made row group by row group; the same rows in the same groups give the same bytes. Each call gives the
 * bytes that come next in the file.
 */
export class ParquetFile {
  private readonly columns: readonly Shape[];
  private readonly writer: Pieces;
  private readonly file: ParquetWriter;

  constructor(columns: readonly Shape[], createdBy: string) {
    this.columns = columns;
    this.writer = new Pieces();
    this.file = new ParquetWriter({
      writer: this.writer,
      schema: [{ name: 'schema', num_children: columns.length }, ...columns.map(elementOf)],
      codec: 'GZIP',
      compressors: { GZIP: (bytes) => gzipSync(bytes, { level: GZIP_LEVEL }) },
      createdBy,
    });
  }

  /** A row group: the cells of each column. */
  group(cells: readonly (readonly Cell[])[]): Uint8Array {
    void this.file.write({
      columnData: this.columns.map(({ name, bounds, rising }, at) => ({
        name,
        data: cells[at] as Cell[],
        statistics: bounds === true,
        offsetIndex: false,
        ...(rising === true ? RISING : {}),
      })),
      rowGroupSize: Math.max(cells[0]?.length ?? 0, 1),
    });
    return this.writer.take();
  }

  /** The end of the file, when all groups are written. */
  end(): Uint8Array {
    void this.file.finish();
    return this.writer.take();
  }
}

/** What a Parquet file must know of a column. */
export type Shape = Pick<Column<never>, 'name' | 'kind' | 'required' | 'bounds' | 'rising'>;

function elementOf({ name, kind, required }: Shape): SchemaElement {
  return { name, repetition_type: required === true ? 'REQUIRED' : 'OPTIONAL', ...ELEMENTS[kind] };
}

/** Bytes that are taken as they come; offsets go on. */
class Pieces extends ByteWriter {
  take(): Uint8Array {
    const bytes = new Uint8Array(this.buffer.slice(0, this.index));
    this.index = 0;
    return bytes;
  }
}
