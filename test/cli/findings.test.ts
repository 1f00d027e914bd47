import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run } from '../../src/cli/cli.js';
import { ROOT } from '../support/shared.js';
import { testStreams } from '../support/streams.js';

const SESSION = join(ROOT, 'captures/wua-session.pcapng');
const LATE = join(ROOT, 'captures/wua-late-bound.pcapng');

async function decoded(
  ...more: readonly string[]
): Promise<{ readonly status: number; readonly out: string; readonly err: string }> {
  const streams = testStreams();
  const status = await run(['decode', ...more], streams);
  return { status, out: streams.out(), err: streams.err() };
}

describe('findings of decode', () => {
  it('stand on stderr, and after their call in NDJSON', async () => {
    const { err } = await decoded(SESSION);
    expect(err).toContain(
      'warning: the criteria "IsInstaled=0" break the grammar in column 1: "IsInstaled" is no update property that can be searched for (call 9, IUpdateSearcher#1) [MS-UAMG] 3.38.4.11 [criteria-grammar]\n',
    );
    const lines = (await decoded(SESSION, '--format', 'ndjson')).out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { kind: string; id?: number; rule?: string; call?: number });
    const at = lines.findIndex((line) => line.rule === 'criteria-grammar');
    expect(lines[at]).toMatchObject({ kind: 'finding', call: 9 });
    expect(lines[at - 1]).toMatchObject({ kind: 'call', id: 9 });
  });

  it('hold late-bound calls to the rules of their members', async () => {
    expect((await decoded(LATE)).err).toMatch(
      /index 99 is outside the collection: there are 4 \(call \d+, IUpdateCollection#1\) \[MS-UAMG\] 3\.22\.4\.1/,
    );
  });

  it('set the exit status with --fail-on', async () => {
    expect((await decoded(SESSION)).status).toBe(0);
    expect((await decoded(SESSION, '--fail-on', 'warning')).status).toBe(1);
    expect((await decoded(SESSION, '--fail-on', 'error')).status).toBe(0);
    expect((await decoded(SESSION, '--fail-on', 'info')).status).toBe(2);
  });

  it('do not depend on which calls are shown', async () => {
    const { out, status } = await decoded(
      SESSION,
      '--format',
      'ndjson',
      '--where',
      'interface == "Nothing"',
      '--fail-on',
      'warning',
    );
    expect(out).toContain('"criteria-grammar"');
    expect(status).toBe(1);
  });
});
