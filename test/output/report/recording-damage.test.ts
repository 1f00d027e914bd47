import { expect, it } from 'vitest';
import { recordingReport } from '../../../src/cli/report/read.js';
import { knowledge } from '../../../src/io/knowledge.js';

it('gives damage of a recording a code of its own, none that captures have', () => {
  const report = recordingReport('cut.uamgrec', [], ['40 bytes in: the record is damaged'], { known: knowledge() });
  const told = JSON.stringify(report);
  expect(told).toContain('recording-damaged');
  expect(told).not.toContain('capture-bad-block');
});
