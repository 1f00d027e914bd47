import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { differences, record, replay, serve, type RecordingRecord } from '../../src/index.js';
import { ROOT, without } from '../support/shared.js';

const python = process.env['UAMGSCOPE_PYTHON'] ?? 'python3';

function ready(): boolean {
  if (spawnSync(python, ['-c', 'import impacket.dcerpc.v5.dcomrt'], { stdio: 'ignore', timeout: 120_000 }).status === 0)
    return true;
  without('an update session of impacket', 'Python with test/interop/peers/requirements.txt');
  return false;
}

interface Session {
  /** HRESULT of a search with a misspelt criterion. */
  readonly refused: number;
  readonly count: number;
  readonly titles: readonly string[];
}

/** Runs the peer's session against a port; rejects with what it said on stderr. */
function session(port: number, password = 'secret'): Promise<Session> {
  return new Promise((resolve, reject) => {
    const child = spawn(
      python,
      [join(ROOT, 'test/interop/peers/update_session.py'), String(port), 'tester', password],
      { timeout: 60_000 },
    );
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk) => (out += String(chunk)));
    child.stderr.on('data', (chunk) => (err += String(chunk)));
    child.on('close', (status) =>
      status === 0 ? resolve(JSON.parse(out) as Session) : reject(new Error(err.split('\n').slice(-3).join(' '))),
    );
  });
}

const recording: readonly RecordingRecord[] = await record(join(ROOT, 'captures/wua-session.pcapng'));
const titles = recording.flatMap((one) => (one.kind === 'call' && one.method === 'Title' ? [one.out['retval']] : []));

describe.runIf(ready())('a recording played back to impacket', () => {
  it('carries it through its whole session, signed and sealed, to the values of the recording', async () => {
    const server = await serve(recording, { user: 'tester', password: 'secret' });
    expect(await session(server.port)).toEqual({ refused: 0x8024_0032, count: 4, titles });
    await server.close();
  });

  it('serves several clients at once, and one after another', async () => {
    const server = await serve(recording, { user: 'tester', password: 'secret' });
    const first = await session(server.port);
    expect(await Promise.all([session(server.port), session(server.port)])).toEqual([first, first]);
    await server.close();
  });

  it('lets nobody in with another password', async () => {
    const server = await serve(recording, { user: 'tester', password: 'secret' });
    await expect(session(server.port, 'wrong')).rejects.toThrow(/denied|fault|rpc/i);
    await server.close();
  });

  it('records what impacket does, and replays it against a fresh server without a difference', async () => {
    const records: RecordingRecord[] = [];
    const server = await serve(recording, { user: 'tester', password: 'secret', record: (one) => records.push(one) });
    await session(server.port);
    await server.close();
    const calls = records.filter((one) => one.kind === 'call');
    expect(calls.map((one) => one.method)).toEqual(
      expect.arrayContaining(['RemoteCreateInstance', 'CreateUpdateSearcher', 'Search', 'Title']),
    );
    expect(new Set(calls.map((one) => one.auth.level))).toEqual(new Set(['privacy', 'integrity']));
    expect(
      JSON.stringify(records, (_, value: unknown) =>
        value instanceof Uint8Array
          ? Buffer.from(value).toString('latin1')
          : typeof value === 'bigint'
            ? String(value)
            : value,
      ),
    ).not.toMatch(/NTLMSSP/);

    const fresh = await serve(recording, { user: 'tester', password: 'secret' });
    const result = await replay(records, { target: `127.0.0.1:${fresh.port}`, user: 'tester', password: 'secret' });
    await fresh.close();
    expect(differences(result)).toEqual([]);
    expect(result.counts.same).toBeGreaterThan(15);
  });
});
