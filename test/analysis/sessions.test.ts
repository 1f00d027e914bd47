import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { read } from '../security/captures.js';
import { ROOT } from '../support/shared.js';

describe.each(['integrity', 'privacy'])('the session of impacket at %s', (level) => {
  it('reads as members of MS-UAMG from first call to last, none of them guessed, every signature good', async () => {
    const { calls } = await read(join(ROOT, 'captures/sessions', `impacket-${level}.pcapng`), {
      passwords: [{ user: 'alice', password: 'secret' }],
    });
    const late = calls.filter((call) => call.binding === 'late');
    expect(late.length).toBe(76);
    expect(
      late.filter((call) => call.spec !== 'MS-UAMG' || call.method === 'Invoke' || call.certainty === 'guessed'),
    ).toEqual([]);
    expect(late.slice(0, 9).map((call) => `${call.object?.label}.${call.method}`)).toEqual([
      'IUpdateSession3#1.CreateUpdateSearcher',
      'IUpdateSearcher#1.Online',
      'IUpdateSearcher#1.Online',
      'IUpdateSearcher#1.ServerSelection',
      'IUpdateSearcher#1.ServerSelection',
      'IUpdateSearcher#1.CanAutomaticallyUpgradeService',
      'IUpdateSearcher#1.CanAutomaticallyUpgradeService',
      'IUpdateSearcher#1.Search',
      'ISearchResult#1.ResultCode',
    ]);
    expect(calls.flatMap((call) => call.problems)).toEqual([]);
    expect(new Set(calls.map((call) => call.auth.verdict))).toEqual(new Set([level === 'privacy' ? 'opened' : 'good']));
  });

  it('with its first third cut off names nothing wrong', async () => {
    const path = join(ROOT, 'captures/sessions', `impacket-${level}.pcapng`);
    const secrets = { passwords: [{ user: 'alice', password: 'secret' }] };
    const whole = (await read(path, secrets)).calls;
    const last = Math.max(...whole.flatMap((call) => call.responseFrames));
    const truth = new Map(whole.map((call) => [call.requestFrames[0], `${call.interface}.${call.method}`]));
    const { calls } = await read(
      path,
      level === 'privacy' ? {} : secrets,
      undefined,
      (frame) => frame.number > last / 3,
    );
    const late = calls.filter((call) => call.binding === 'late' && call.method !== 'Invoke');
    for (const call of late)
      expect([
        truth.get(call.requestFrames[0] ?? 0),
        `IDispatch.${truth.get(call.requestFrames[0] ?? 0)?.split('.')[1]}`,
      ]).toContain(`${call.interface}.${call.method}`);
    // Sealed stubs without their handshake stay sealed: nothing can be named then.
    if (level === 'integrity') expect(late.length).toBeGreaterThan(20);
    else expect(late).toEqual([]);
  });
});
