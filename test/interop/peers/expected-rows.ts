import { createInterface } from 'node:readline';
import { expectedRow } from '../../support/lake.js';

// decode --format ndjson | npx tsx test/interop/peers/expected-rows.ts: the rows that an export should have of the calls,
// made of their lines alone; every cell as text, in the order of the ids.
let block = '';
for await (const line of createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })) {
  const record = JSON.parse(line) as { readonly kind: string };
  if (record.kind !== 'call') continue;
  const cells = Object.entries(expectedRow(record)).map(([name, cell]) => [name, cell === null ? null : String(cell)]);
  block += `${JSON.stringify(Object.fromEntries(cells))}\n`;
  if (block.length < 1 << 22) continue;
  await new Promise((resolve) => process.stdout.write(block, resolve));
  block = '';
}
process.stdout.write(block);
