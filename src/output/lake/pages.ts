import { gzipSync } from 'node:zlib';
import type { ColumnChunk, Encoding, RowGroup, SchemaElement } from 'hyparquet';
import { ByteWriter } from 'hyparquet-writer/src/bytewriter.js';
import { writePageHeader } from 'hyparquet-writer/src/datapage.js';
import { writeMetadata } from 'hyparquet-writer/src/metadata.js';
import { JsonBytes } from '../../bytes/json.js';
import type { Cell, ColumnKind } from './column.js';
import { deltas } from './deltas.js';
import { ELEMENTS, GZIP_LEVEL } from './elements.js';
import type { Field } from './kept.js';

/** Rows that a column has room for to begin with, and bytes of its texts. */
const ROWS = 1024;
const BYTES = 8192;
/** Bytes of the length in front of each text. */
const LENGTH_BYTES = 4;
const MAGIC = Buffer.from('PAR1', 'latin1');

type Value = Exclude<Cell, null>;

/** Values of a page: those of the rows that have one. */
interface Values {
  readonly encoding: Encoding;
  readonly bytes: Uint8Array;
  /** Whether it is worth packing. */
  readonly isLoose: boolean;
}

/** A bit a row, the first one lowest. */
class Bits {
  private bytes = new Uint8Array(ROWS / 8);

  set(at: number): void {
    const byte = at >>> 3;
    if (byte >= this.bytes.length) this.grow(byte);
    this.bytes[byte] = (this.bytes[byte] as number) | (1 << (at & 7));
  }

  private grow(byte: number): void {
    const bytes = new Uint8Array(Math.max(this.bytes.length * 2, byte + 1));
    bytes.set(this.bytes);
    this.bytes = bytes;
  }

  /** Those of the first `count`. */
  of(count: number): Uint8Array {
    const end = (count + 7) >>> 3;
    if (end > this.bytes.length) this.grow(end - 1);
    return this.bytes.subarray(0, end);
  }

  clear(): void {
    this.bytes.fill(0);
  }
}

/** A column of a row group on its way: rows of which nothing is said are null. */
abstract class PageColumn {
  /** Which rows have a value. */
  private readonly rows = new Bits();
  /** Rows that have one. */
  protected count = 0;

  /** What a column of any kind takes. */
  abstract cell(row: number, value: Value): void;
  /** What was taken, encoded. */
  protected abstract encoded(): Values;
  /** Forgets what was taken. */
  protected abstract empty(): void;

  protected mark(row: number): void {
    this.rows.set(row);
    this.count++;
  }

  /** The page of the first `rows` rows behind what was written; the column is empty then. */
  page(writer: ByteWriter, levels: ByteWriter, rows: number): Omit<Page, 'at'> {
    const { count } = this;
    levels.index = levels.offset = 0;
    this.putLevels(levels, rows);
    const { encoding, bytes, isLoose } = count === 0 ? NOTHING : this.encoded();
    const packed = isLoose ? gzipSync(bytes, { level: GZIP_LEVEL }) : bytes;
    const from = writer.offset;
    writePageHeader(writer, {
      type: 'DATA_PAGE_V2',
      uncompressed_page_size: levels.offset + bytes.length,
      compressed_page_size: levels.offset + packed.length,
      data_page_header_v2: {
        num_values: rows,
        num_nulls: rows - count,
        num_rows: rows,
        encoding,
        definition_levels_byte_length: levels.offset,
        repetition_levels_byte_length: 0,
        is_compressed: isLoose,
      },
    });
    const head = writer.offset - from + levels.offset;
    writer.appendBytes(levels.getBytes());
    writer.appendBytes(packed);
    if (count > 0) this.rows.clear();
    this.count = 0;
    this.empty();
    return { encoding, bytes: head + bytes.length, isPacked: isLoose };
  }

  /** Which rows have a value: one run where all are the same, and otherwise a bit each. */
  private putLevels(writer: ByteWriter, rows: number): void {
    const { count } = this;
    if (count > 0 && count < rows) {
      const bits = this.rows.of(rows);
      writer.appendVarInt((bits.length << 1) | 1);
      writer.appendBytes(bits);
    } else {
      writer.appendVarInt(rows << 1);
      writer.appendUint8(count > 0 ? 1 : 0);
    }
  }
}

const NOTHING: Values = { encoding: 'PLAIN', bytes: new Uint8Array(0), isLoose: false };

/** Numbers: 32 or 64 bits, times too. */
export class Numbers extends PageColumn {
  private readonly bytes: 4 | 8;
  private values = new Float64Array(ROWS);
  /** Of 64 bits, what no number holds. */
  private readonly large = new Map<number, bigint>();

  /** `bytes`: of the widest. */
  constructor(bytes: 4 | 8) {
    super();
    this.bytes = bytes;
  }

  /** A whole number; one that is none, or none for sure, is left out. */
  put(row: number, value: number | null | undefined): void {
    if (value === null || value === undefined || !Number.isSafeInteger(value)) return;
    if (this.bytes === 4 && (value | 0) !== value) throw new Error(`${value} in a column of 32 bits`);
    if (this.count >= this.values.length) this.more();
    this.values[this.count] = value;
    this.mark(row);
  }

  private more(): void {
    const values = new Float64Array(this.values.length * 2);
    values.set(this.values);
    this.values = values;
  }

  cell(row: number, cell: Value): void {
    const value = Number(cell);
    if (typeof cell === 'bigint' && !Number.isSafeInteger(value)) {
      this.large.set(this.count, cell);
      this.put(row, 0);
    } else this.put(row, value);
  }

  protected encoded(): Values {
    const { large, count, bytes } = this;
    const values = this.values.subarray(0, count);
    if (large.size === 0) {
      const packed = deltas(values, bytes);
      if (packed !== null) return { encoding: 'DELTA_BINARY_PACKED', bytes: packed, isLoose: false };
    }
    if (bytes === 4) return { encoding: 'PLAIN', bytes: bytesOf(Int32Array.from(values)), isLoose: false };
    const all = BigInt64Array.from(values, BigInt);
    for (const [at, value] of large) all[at] = value;
    return { encoding: 'PLAIN', bytes: bytesOf(all), isLoose: true };
  }

  protected empty(): void {
    if (this.large.size > 0) this.large.clear();
  }
}

function bytesOf({ buffer, byteLength }: Int32Array | BigInt64Array): Uint8Array {
  return new Uint8Array(buffer, 0, byteLength);
}

/** Yes or no. */
class Flags extends PageColumn {
  private readonly values = new Bits();

  cell(row: number, value: Value): void {
    if (value === true) this.values.set(this.count);
    this.mark(row);
  }

  protected encoded(): Values {
    return { encoding: 'PLAIN', bytes: this.values.of(this.count).slice(), isLoose: false };
  }

  protected empty(): void {
    this.values.clear();
  }
}

/** Texts, each behind its length: as the engine reads them. */
export class Texts extends PageColumn {
  private readonly out = new JsonBytes(BYTES);
  private readonly size: { bytes: number };
  private from = 0;

  /** `size` has what all texts of the table take. */
  constructor(size: { bytes: number }) {
    super();
    this.size = size;
  }

  /** Begins a text: it is appended to what this gives, and then ended by {@link Texts.close}. */
  open(row: number): JsonBytes {
    const { out } = this;
    this.mark(row);
    out.reserve(LENGTH_BYTES);
    this.from = out.at;
    out.at += LENGTH_BYTES;
    return out;
  }

  close(): void {
    const { from } = this;
    const { buffer, at } = this.out;
    const length = at - from - LENGTH_BYTES;
    buffer[from] = length;
    buffer[from + 1] = length >>> 8;
    buffer[from + 2] = length >>> 16;
    buffer[from + 3] = length >>> 24;
    this.size.bytes += at - from;
  }

  put(row: number, text: string | null): void {
    if (text === null) return;
    this.open(row).plain(text);
    this.close();
  }

  cell(row: number, value: Value): void {
    this.put(row, String(value));
  }

  protected encoded(): Values {
    const { buffer, at } = this.out;
    return { encoding: 'PLAIN', bytes: buffer.subarray(0, at), isLoose: true };
  }

  protected empty(): void {
    this.out.at = 0;
  }
}

/** A page that was written. */
interface Page {
  readonly at: number;
  readonly encoding: Encoding;
  /** What it takes when it is unpacked, with its head. */
  readonly bytes: number;
  readonly isPacked: boolean;
}

/**
 * A kept table on its way: a Parquet file, of which each column of a row group is one page, laid out here from bytes
 * that are there already. What `hyparquet-writer` makes pages of are arrays of values, an object a cell.
 */
export class PageTable {
  /** Rows of the row group under way, and bytes of its texts. */
  rows = 0;
  readonly size = { bytes: 0 };
  private readonly fields: readonly Field[];
  private readonly columns = new Map<string, PageColumn>();
  private readonly list: readonly PageColumn[];
  private readonly groups: RowGroup[] = [];
  private readonly writer = new ByteWriter();
  private readonly levels = new ByteWriter();
  private total = 0;

  constructor(fields: readonly Field[]) {
    this.fields = fields;
    this.list = fields.map(({ name, kind }) => {
      const column = this.columnOf(kind);
      this.columns.set(name, column);
      return column;
    });
  }

  private columnOf(kind: ColumnKind): PageColumn {
    const { type } = ELEMENTS[kind];
    if (type === 'INT32' || type === 'INT64') return new Numbers(type === 'INT32' ? 4 : 8);
    return type === 'BOOLEAN' ? new Flags() : new Texts(this.size);
  }

  /** A column of numbers, by its name. */
  numbers(name: string): Numbers {
    const column = this.columns.get(name);
    if (column instanceof Numbers) return column;
    throw new Error(`there are no numbers ${name}`);
  }

  /** A column of texts, by its name. */
  texts(name: string): Texts {
    const column = this.columns.get(name);
    if (column instanceof Texts) return column;
    throw new Error(`there are no texts ${name}`);
  }

  /** A cell of the row under way. */
  cell(column: number, cell: Cell): void {
    if (cell !== null) this.list[column]?.cell(this.rows, cell);
  }

  /** The row group under way, as the bytes that come next in the file. */
  group(): Uint8Array {
    const { writer, rows } = this;
    if (writer.offset === 0) writer.appendBytes(MAGIC);
    const start = writer.offset;
    const columns = this.list.map((column, at): ColumnChunk => {
      const from = writer.offset;
      return chunkOf(
        this.fields[at] as Field,
        rows,
        { at: from, ...column.page(writer, this.levels, rows) },
        writer.offset,
      );
    });
    this.groups.push({
      columns,
      total_byte_size: BigInt(writer.offset - start),
      num_rows: BigInt(rows),
    });
    this.total += rows;
    this.rows = this.size.bytes = 0;
    return this.taken();
  }

  /** The end of the file. */
  end(): Uint8Array {
    const { writer } = this;
    const schema: SchemaElement[] = [
      { name: 'schema', num_children: this.fields.length },
      ...this.fields.map(({ name, kind }) => ({ name, repetition_type: 'OPTIONAL' as const, ...ELEMENTS[kind] })),
    ];
    writeMetadata(writer, {
      version: 2,
      schema,
      num_rows: BigInt(this.total),
      row_groups: this.groups,
      metadata_length: 0,
    });
    writer.appendBytes(MAGIC);
    return this.taken();
  }

  /** What was written since it was asked last: its memory is used again. */
  private taken(): Uint8Array {
    const bytes = this.writer.getBytes();
    this.writer.index = 0;
    return bytes;
  }
}

function chunkOf(
  { name, kind }: Field,
  rows: number,
  { at, encoding, bytes, isPacked }: Page,
  end: number,
): ColumnChunk {
  return {
    file_offset: BigInt(at),
    meta_data: {
      type: ELEMENTS[kind].type ?? 'BYTE_ARRAY',
      encodings: [encoding],
      path_in_schema: [name],
      codec: isPacked ? 'GZIP' : 'UNCOMPRESSED',
      num_values: BigInt(rows),
      total_compressed_size: BigInt(end - at),
      total_uncompressed_size: BigInt(bytes),
      data_page_offset: BigInt(at),
    },
  };
}
