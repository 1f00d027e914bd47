import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { blockOf } from '../../../src/bytes/block.js';
import { CaptureReader, type CaptureOutput } from '../../../src/capture/reader.js';
import { knowledge } from '../../../src/io/knowledge.js';
import type { Knowledge } from '../../../src/pipeline/knowledge.js';
import { readReport } from '../../../src/cli/report/read.js';
import { junitXml } from '../../../src/output/junit.js';
import type { Report } from '../../../src/output/report/data.js';
import { reportHtml } from '../../../src/output/report/html/html.js';
import { reportJson } from '../../../src/output/report/json.js';
import { reportSuites } from '../../../src/output/report/junit.js';
import { reportMarkdown } from '../../../src/output/report/markdown.js';
import { testStreams } from '../../support/streams.js';
import { shipped } from './support.js';

const known = knowledge();
const SAMPLES = [
  'wua-session.pcapng',
  'wua-late-bound.pcapng',
  'wua-signed.pcapng',
  'sessions/impacket-privacy.pcapng',
].map((name) => new Uint8Array(readFileSync(shipped(name))));

function reportOfBytes(bytes: Uint8Array): Promise<Report> {
  const reading: Knowledge = {
    ...known,
    async *open(_, framesBefore) {
      const reader = new CaptureReader({ framesBefore });
      const items: CaptureOutput[] = [];
      reader.push(blockOf(bytes), 0, bytes.length, items);
      reader.end(items);
      yield { items, read: bytes.length, size: bytes.length, info: reader.info };
    },
  };
  const secrets = { passwords: [{ user: 'alice', password: 'secret' }], ntHashes: [], sessionKeys: [], keytab: [] };
  return readReport(['-'], { known: reading, streams: testStreams(), opnums: 'auto', secrets }).then(
    (read) => read.report,
  );
}

describe('reports of damaged captures', () => {
  it('come out in every form, and never as an exception, whatever bytes are changed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(SAMPLES.length - 1),
        fc.array(fc.tuple(fc.nat(80_000), fc.nat(255)), { minLength: 1, maxLength: 60 }),
        async (which, changes) => {
          const bytes = (SAMPLES[which] as Uint8Array).slice();
          for (const [at, value] of changes) bytes[at % bytes.length] = value;
          const report = await reportOfBytes(bytes);
          expect(JSON.parse(reportJson(report))).toMatchObject({ totals: { calls: report.totals.calls } });
          expect([...reportMarkdown(report)].length).toBeGreaterThan(5);
          expect([...reportHtml(report)].join('')).toContain('</html>');
          expect(junitXml(reportSuites(report, []))).toContain('</testsuites>');
          expect(report.sessions.flatMap((one) => one.steps).reduce((sum, step) => sum + step.calls, 0)).toBe(
            report.totals.calls,
          );
        },
      ),
      { numRuns: 30 },
    );
  }, 60_000);
});
