import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { setImmediate as breath } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { run } from '../../src/cli/cli.js';
import { knowledge } from '../../src/io/knowledge.js';
import { testStreams } from '../support/streams.js';
import { packageRoot } from '../support/shared.js';
import { concat } from '../../src/bytes/concat.js';
import { pcapngHeader, pcapngPacket } from '../../src/capture/write.js';
import { ethernet, tcpPacket } from '../support/packets.js';

const SAMPLE = join(packageRoot(), 'captures', 'wua-session.pcapng');
let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'uamgscope-exit-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const tables = knowledge();

async function typed(...words: readonly string[]) {
  const streams = testStreams({ env: { XDG_CACHE_HOME: folder } });
  const status = await run(words, streams, async () => tables);
  return { status, out: streams.out(), err: streams.err() };
}

function file(name: string, bytes: Uint8Array | string): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

function captureOf(packets: readonly Uint8Array[]): Uint8Array {
  return concat([
    pcapngHeader(1, { application: 'test' }),
    ...packets.map((data, at) => pcapngPacket({ timeS: 1000 + at, timeNs: 0, data, wireLength: data.length })),
  ]);
}

/** A stream whose reader has left. */
function closedPipe(): Writable {
  return new Writable({
    write(_chunk, _encoding, done) {
      done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    },
  });
}

describe('exit status', () => {
  it.each([0, 3, 4, 10, 27])('is 2 for a capture cut off in its first header, after %i bytes', async (size) => {
    const { status } = await typed('decode', file(`cut-${size}`, readFileSync(SAMPLE).subarray(0, size)));
    expect(status).toBe(2);
  });

  it.each([
    ['decode', '{}'],
    ['report', '{}', '-o', 'out.html'],
    ['record', '{}', '-o', 'out.uamgrec'],
    ['replay', '{}', '--target', '127.0.0.1:1'],
    ['serve', '--model', '{}'],
    ['diff', '{}', SAMPLE],
    ['decode', SAMPLE, '--keytab', '{}'],
    ['decode', SAMPLE, '--keys', '{}'],
    ['decode', SAMPLE, '--password', '@{}'],
    ['decode', SAMPLE, '--export-keys', '{}/keys'],
    ['report', SAMPLE, '-o', '{}/out.html'],
    ['record', SAMPLE, '-o', '{}/out.uamgrec'],
    ['test', '{}', '--target', '127.0.0.1:1'],
    ['export', '{}', '-o', 'lake'],
    ['query', 'select 1', '{}'],
    ['recording', 'info', '{}'],
  ])('%s %s %s is 2 for a file that is missing, in words', async (...words) => {
    const missing = join(folder, 'no-such');
    const { status, err } = await typed(...words.map((word) => word.replace('{}', missing)));
    expect(status).toBe(2);
    expect(err).toContain(missing);
    expect(err).toMatch(/there is no such (file|directory|folder)/);
    expect(err).not.toMatch(/ENOENT|syscall|errno/);
  });

  const emptyLake = ['export', '{}', '-o', '{}.lake'];
  it.each([
    ['', emptyLake],
    ['', ['query', 'select 1', '{}']],
    ['', ['serve', '--model', '{}']],
    ['no capture at all', emptyLake],
    ['no capture at all', ['query', 'select 1', '{}']],
    ['no capture at all', ['test', '{}', '--target', '127.0.0.1:1']],
    ['no capture at all', ['recording', 'check', '{}']],
  ])('is 2 for a file that holds %j: %j', async (text, words) => {
    const path = file('odd', text);
    // Twice: what was kept of the first time must not make it whole.
    for (const _ of [0, 1]) {
      const { status, err } = await typed(...words.map((word) => word.replace('{}', path)));
      expect(status, err).toBe(2);
      expect(err).toContain('odd');
      expect(err).not.toMatch(/ENO|: : /);
    }
  });

  it('is that of the rest where one capture of a chain is none', async () => {
    const words = ['export', SAMPLE, file('odd', ''), '-o', join(folder, 'lake')];
    const { status, err } = await typed(...words);
    expect([status, err]).toEqual([0, expect.stringContaining('the input is empty')]);
  });

  it.each([[['--help']], [['decode', '--help']], [['--version']], [['interfaces']], [['decode', SAMPLE]]])(
    '%s ends quietly when its reader has left',
    async (words) => {
      const streams = { ...testStreams(), stdout: closedPipe() };
      expect(await run(words, streams, async () => tables)).toBe(0);
      await breath();
    },
  );

  it.each([
    ['interfaces'],
    ['explain', 'E_FAIL'],
    ['man'],
    ['completion', 'bash'],
    ['--help'],
    ['--version', '--verbose'],
    ['diff', SAMPLE, SAMPLE],
    ['decode', SAMPLE],
    ['report', SAMPLE, '-f', 'json'],
    ['tui', '--print-config'],
    ['query', '--list'],
  ])('%s %s ends with 2 and says why where stdout takes no more', async (...words) => {
    const full = new Writable({
      write(_chunk, _encoding, done) {
        done(Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' }));
      },
    });
    const streams = { ...testStreams(), stdout: full };
    const said = testStreams();
    const status = await run(words, { ...streams, stderr: said.stderr }, async () => tables);
    expect([status, said.err().match(/the output cannot be written: the disk is full/g)?.length]).toEqual([2, 1]);
  });

  it.each(['serve', 'replay', 'test', 'tui'])(
    '%s --export-keys is refused, as nothing would be written',
    async (name) => {
      const { status, err } = await typed(name, '--export-keys', join(folder, 'keys.log'));
      expect([status, err]).toEqual([2, expect.stringContaining(`${name} exports no keys; decode CAPTURE`)]);
    },
  );

  it.each([[['no-such-command']], [['decode', '--no-such']], [['decode', 'no-such-file']]])(
    '%s ends with 2 when nobody reads why',
    async (words) => {
      expect(await run(words, { ...testStreams(), stderr: closedPipe() }, async () => tables)).toBe(2);
      await breath();
    },
  );

  it('leaves no listeners of signals behind, whatever ends a command', async () => {
    const before = process.listenerCount('SIGINT');
    for (const words of [
      ['decode', SAMPLE],
      ['decode', join(folder, 'no-such-file')],
      ['decode', SAMPLE, '--keys', join(folder, 'no-such-file')],
      ['decode', SAMPLE, '--format', 'csv', '--columns', 'no-such-column'],
      ['decode', SAMPLE, SAMPLE, '--format', 'ndjson', '--jobs', '2', '--ignore-rule', 'no-such-rule'],
    ])
      await typed(...words);
    expect(process.listenerCount('SIGINT')).toBe(before);
  });

  it('leaves no listeners behind, however often commands run in a process', async () => {
    const warned = vi.fn();
    process.on('warning', warned);
    const streams = testStreams();
    for (let i = 0; i < 25; i++) await run(['explain', 'E_FAIL'], streams, async () => tables);
    await breath();
    process.off('warning', warned);
    expect(warned).not.toHaveBeenCalled();
    expect(streams.stdout.listenerCount('error')).toBe(1);
  });
});

describe('decode of a capture without calls', () => {
  const tcp = (payload: string, back = false) =>
    ethernet(tcpPacket({ seq: 1, payload: new TextEncoder().encode(payload), back, dport: 80 }));

  it('says which ports were spoken on instead', async () => {
    const path = file('http.pcap', captureOf([tcp('GET / HTTP/1.1\r\n\r\n'), tcp('HTTP/1.1 200 OK\r\n\r\n', true)]));
    const { status, err } = await typed('decode', path);
    expect(status).toBe(0);
    expect(err).toContain('no calls: no connection speaks DCE-RPC (TCP port 80); DCOM speaks on TCP port 135');
    expect((await typed('decode', path, '--format', 'ndjson')).err).toBe('');
  });

  it('says that there are no packets, or none of TCP', async () => {
    expect((await typed('decode', file('empty.pcap', captureOf([])))).err).toContain(
      'no calls: the capture holds no packets',
    );
    expect((await typed('decode', file('noise.pcap', captureOf([new Uint8Array(60)])))).err).toContain(
      'no calls: none of the packets is TCP over IP',
    );
  });

  it('says nothing where there are calls', async () => {
    expect((await typed('decode', SAMPLE)).err).not.toContain('no calls');
  });
});

describe('what users and files say, on a terminal', () => {
  const EVIL = 'a\u001b[31mb\u009b\u202e';

  it.each([
    [['decode', `no${EVIL}`]],
    [[EVIL]],
    [['decode', `--${EVIL}`]],
    [['decode', SAMPLE, '--where', EVIL]],
    [['decode', SAMPLE, '--where', `in["${EVIL}"] == 1`]],
    [['decode', SAMPLE, '--format', EVIL]],
    [['call', '--target', `${EVIL}:x`, 'x']],
    [['replay', SAMPLE, '--target', `${EVIL}:99999999`]],
    [['explain', EVIL]],
    [['interfaces', EVIL]],
    [['tui', EVIL]],
  ])('%j is shown without a control character', async (words) => {
    const { out, err } = await typed(...words);
    // oxlint-disable-next-line no-misleading-character-class -- controls are what is looked for
    expect(out + err).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
    expect(err).not.toBe('');
  });

  it('keys of YAML files and names of captures likewise', async () => {
    const key = '"b\\e[31m\u009b\u202e": 3\n';
    const rules = file('rules.yaml', key);
    const odd = file(`x${EVIL}.pcap`, 'x');
    for (const words of [
      ['diff', SAMPLE, SAMPLE, '--rules', rules],
      ['serve', '--model', rules],
      ['decode', odd],
      ['decode', odd, odd],
      ['report', odd, '-o', join(folder, 'out.html')],
    ]) {
      const { status, err } = await typed(...words);
      expect(status).toBe(2);
      expect(err).not.toBe('');
      // oxlint-disable-next-line no-misleading-character-class -- controls are what is looked for
      expect(err).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
    }
  });
});

describe('examples in the help', () => {
  it.each(['decode', 'live', 'record', 'replay', 'serve', 'call', 'diff', 'interfaces', 'explain', 'report', 'tui'])(
    'of %s carry the name of the program',
    async (command) => {
      const { out } = await typed(command, '--help');
      const lines = out.split('Examples:\n')[1]?.trimEnd().split('\n') ?? [];
      expect(lines.length).toBeGreaterThan(0);
      for (const line of lines) expect(line).toMatch(new RegExp(`(^|\\| )\\s*uamgscope ${command}\\b`));
    },
  );
});

describe('interfaces', () => {
  it('shows all that are named, and nothing where one is unknown', async () => {
    const { status, out } = await typed('interfaces', 'IUpdate', 'IUpdate2');
    expect(status).toBe(0);
    expect(
      out
        .split('\n')
        .filter((line) => line.startsWith('I'))
        .map((line) => line.split(' ')[0]),
    ).toEqual(['IUpdate', 'IUpdate2']);
    const json: unknown = JSON.parse((await typed('interfaces', 'IUpdate', 'IUpdate2', '--format', 'json')).out);
    expect(json).toMatchObject([{ name: 'IUpdate' }, { name: 'IUpdate2' }]);
    expect(await typed('interfaces', 'IUpdate', 'INothing')).toMatchObject({ status: 2, out: '' });
  });
});
