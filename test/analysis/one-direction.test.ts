import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { pcapHeader, pcapRecord } from '../../src/capture/write.js';
import { run } from '../../src/cli/cli.js';
import { packageRoot } from '../support/shared.js';
import { framesIn } from '../support/read.js';
import { testStreams } from '../support/streams.js';
import { sessionOf } from '../tui/support.js';

const folder = mkdtempSync(join(tmpdir(), 'uamgscope-half-'));
afterAll(() => rmSync(folder, { recursive: true }));

const whole = join(packageRoot(), 'captures/wua-session.pcapng');

/** The shipped session as a tap of one direction has it: only the packets that one side sent, from a frame on. */
function half(side: 'client' | 'server', from = 1): Uint8Array {
  // The last byte of the source address, behind Ethernet: 192.0.2.5 calls 192.0.2.9.
  const wanted = side === 'client' ? 5 : 9;
  const records = framesIn(whole)
    .filter(({ block, start, number }) => number >= from && block.u8[start + 29] === wanted)
    .map(({ block, start, end, timeS, timeNs }) => pcapRecord({ data: block.u8.subarray(start, end), timeS, timeNs }));
  return Buffer.concat([pcapHeader(1), ...records]);
}

function file(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

async function cli(...argv: readonly string[]): Promise<{ status: number; out: string; err: string }> {
  const streams = testStreams();
  const status = await run(argv, streams);
  return { status, out: streams.out(), err: streams.err() };
}

describe('one direction of a conversation', () => {
  const client = file('client.pcap', half('client'));
  const server = file('server.pcap', half('server'));

  it.each([
    ['client', client, 'nothing that went from 192.0.2.9 port 135 to 192.0.2.5'],
    ['server', server, 'nothing that went from 192.0.2.5 port 49700 to 192.0.2.9'],
  ])('is told by every command where only the %s was captured', async (_, path, missing) => {
    expect((await cli('decode', path)).err).toContain(missing);
    expect((await cli('decode', path, '--format', 'ndjson')).out).toContain('"rule":"one-direction"');
    const report = join(folder, 'report.json');
    await cli('report', path, '-o', report, '--force');
    expect(JSON.parse(readFileSync(report, 'utf8'))).toMatchObject({
      quality: expect.arrayContaining([
        expect.objectContaining({ kind: 'one-direction', severity: 'error', text: expect.stringContaining(missing) }),
      ]),
    });
    const { notices } = sessionOf(new Uint8Array(readFileSync(path)));
    expect(notices.map((notice) => (notice.kind === 'finding' ? notice.rule : ''))).toContain('one-direction');
  });

  it('is not recorded as something to replay', async () => {
    const recorded = await cli('record', client, '-o', join(folder, 'half.uamgrec'), '--force', '--strict');
    expect(recorded.err).toContain('cannot be replayed: half of the conversation is missing');
    expect(recorded.status).toBe(3);
  });

  it('is told of a capture that begins late, too', async () => {
    const late = file('late.pcap', half('client', 60));
    expect((await cli('decode', late)).err).toContain('only one direction of');
  });

  it('is none where both are there, in one file or in two', async () => {
    for (const paths of [[whole], [client, server], [server, client]])
      expect((await cli('decode', ...paths)).err).not.toContain('one-direction');
  });
});
