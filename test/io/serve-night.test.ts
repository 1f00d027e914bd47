import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { connect, type RemoteObject } from '../../src/index.js';
import { ROOT } from '../support/shared.js';

/** Lines of a stream as they come; fails where none comes in time. */
function linesOf(stream: Readable): (wanted: RegExp) => Promise<string> {
  let text = '';
  stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  return async (wanted) => {
    for (;;) {
      const found = wanted.exec(text);
      if (found !== null) {
        text = text.slice(found.index + found[0].length);
        return found[0];
      }
      await once(stream, 'data');
    }
  };
}

it('serve plays the worked example of docs/model.md, and lines on stdin turn its clock', async () => {
  const child = spawn(
    process.execPath,
    [
      '--import',
      'tsx',
      join(ROOT, 'src/main.ts'),
      'serve',
      '--model',
      join(ROOT, 'captures/models/night.yaml'),
      '--scenario',
      join(ROOT, 'captures/models/night-story.yaml'),
      '--profile',
      'win7',
      '--clock',
      '2026-11-11T22:00:00*0',
      '--listen',
      '127.0.0.1:0',
      '--password',
      'alice:secret',
    ],
    { cwd: ROOT, stdio: ['pipe', 'ignore', 'pipe'] },
  );
  const line = linesOf(child.stderr);
  try {
    const listening = await line(/listening at 127\.0\.0\.1:\d+/);
    const client = connect({ target: listening.replace('listening at ', ''), user: 'alice', password: 'secret' });
    const session = await client.activate('UpdateSession');
    const searcher = (await session.call('CreateUpdateSearcher')) as RemoteObject;
    const count = async (): Promise<unknown> => {
      const result = (await searcher.call('Search', 'IsInstalled=0')) as RemoteObject;
      return ((await result.get('Updates')) as RemoteObject).get('Count');
    };
    // The profile has no updates for each user, and says so.
    await expect(searcher.as('IUpdateSearcher3')).rejects.toThrow();
    const info = await client.activate('WindowsUpdateAgentInfo');
    expect(await info.call('GetInfo', { vt: 'VT_BSTR', value: 'APIMAJORVERSION' })).toBe(6);
    expect(await count()).toBe(2);
    child.stdin.write('yesterday\n');
    expect(await line(/! yesterday: .*turns the clock/)).toBeTruthy();
    child.stdin.write('22:30\n');
    expect(await line(/it is 2026-11-11 22:30:00/)).toBeTruthy();
    await line(/KB5080004\) appears/);
    expect(await count()).toBe(2);
    child.stdin.write('+2h10m\n');
    await line(/it is 2026-11-12 00:40:00/);
    await expect(count()).rejects.toMatchObject({ status: 0x8024001f });
    await client.close();
  } finally {
    child.kill('SIGTERM');
    if (child.exitCode === null) await once(child, 'close');
  }
});
