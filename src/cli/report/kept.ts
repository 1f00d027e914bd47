import { deserialize, serialize } from 'node:v8';
import type { CaptureIndex, KeptPieces } from '../../io/index/capture-index.js';
import type { Report } from '../../output/report/data.js';
import { readReport, type ReportRead, type ReportReading } from './read.js';

/** It grows when a report has another form in the same version of the program. */
export const REPORT_FORM = 1;

/** A report, and how it is kept for the next time; null where it was, or where it is not. */
interface IndexedReport {
  readonly read: ReportRead;
  readonly keep: (() => Promise<void>) | null;
}

/** The report that an index holds of captures as they are, or that of reading them. @throws UsageError */
export async function indexedReport(
  files: readonly string[],
  reading: ReportReading,
  index: CaptureIndex | null,
  tell: (text: string) => Promise<void>,
): Promise<IndexedReport> {
  if (index === null) return { read: await readReport(files, reading), keep: null };
  const kept = await index.read();
  if (kept !== null) {
    const report = reportIn(kept, index);
    await kept.close();
    if (report !== null) return { read: { report, unreadable: [], security: null }, keep: null };
  }
  if (index.note !== null) await tell(`! ${index.note}`);
  const read = await readReport(files, reading);
  if (read.unreadable.length > 0) return { read, keep: null };
  return {
    read,
    async keep() {
      await index.write([serialize(read.report)]);
      if (index.note !== null) await tell(`! ${index.note}`);
    },
  };
}

function reportIn(kept: KeptPieces, index: CaptureIndex): Report | null {
  try {
    return deserialize(kept.read(0)) as Report;
  } catch (error) {
    index.refuse(error);
    return null;
  }
}
