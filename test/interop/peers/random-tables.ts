import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ParquetFile } from '../../../src/output/lake/parquet.js';
import { sampleTables } from '../../support/random-tables.js';

// npx tsx test/interop/peers/random-tables.ts DIR COUNT: tables as the writer writes them, for who reads them elsewhere.
const [folder = '', count = ''] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
for (const [name, table] of sampleTables(Number(count))) {
  const file = new ParquetFile(table.columns, 'test');
  writeFileSync(join(folder, name), Buffer.concat([...table.groups.map((cells) => file.group(cells)), file.end()]));
}
