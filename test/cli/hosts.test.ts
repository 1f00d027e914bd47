import { describe, expect, it } from 'vitest';
import { chosenHosts, narrowed, type HostFlags } from '../../src/cli/hosts.js';
import { run } from '../../src/cli/cli.js';
import { ROOT } from '../support/shared.js';
import { testStreams } from '../support/streams.js';

async function calls(where: string): Promise<number> {
  const streams = testStreams();
  expect(await run(['decode', `${ROOT}/test/field/base.pcap`, '--where', where], streams)).toBe(0);
  return streams.out().split('\n').length - 1;
}

describe('calls of a host', () => {
  const chosenCalls = async (flags: HostFlags, where?: string): Promise<number> =>
    calls(narrowed(await chosenHosts(flags), where) ?? '');

  it('are those from it and to it, besides what else is asked for', async () => {
    const [client, server, other] = ['192.0.2.5', '192.0.2.9', '192.0.2.77'].map((one) => ({ host: [one] }));
    expect(await Promise.all([client, server, other].map((one) => chosenCalls(one ?? {})))).toEqual([11, 11, 0]);
    expect(await chosenCalls({ host: ['192.0.2.77', '192.0.2.9'] }, 'method == "Search"')).toBe(
      await calls('method == "Search"'),
    );
    expect(narrowed(await chosenHosts({}), 'failed')).toBe('failed');
  });

  it('are those of one client at one server', async () => {
    expect(await chosenCalls({ session: ['192.0.2.5,192.0.2.9'] })).toBe(11);
    expect(await chosenCalls({ session: ['192.0.2.9,192.0.2.5'] })).toBe(0);
    expect(await chosenCalls({ session: ['192.0.2.5,192.0.2.77'], host: ['192.0.2.77'] })).toBe(0);
    await expect(chosenHosts({ session: ['192.0.2.5'] })).rejects.toThrow('a client and a server are wanted');
    await expect(chosenHosts({ session: ['192.0.2.5,'] })).rejects.toThrow('a client and a server are wanted');
  });

  it('are found by its addresses, however written, and its name', async () => {
    const chosen = await chosenHosts({ host: ['192.0.2.9', 'FE80:0:0::1%eth0'] });
    expect(chosen?.between).toEqual([
      { one: ['192.0.2.9'], other: null },
      { one: ['fe80::1'], other: null },
    ]);
    const named = await chosenHosts({ session: ['localhost,192.0.2.9'] });
    expect(named?.between).toEqual([
      { one: expect.arrayContaining([expect.stringMatching(/^(127\.|::1)/)]) as unknown, other: ['192.0.2.9'] },
    ]);
    expect(named?.words).toMatch(/^localhost \((127\.0\.0\.1|::1).*\) to 192\.0\.2\.9$/);
    await expect(chosenHosts({ host: ['nobody.invalid'] })).rejects.toThrow(
      '--host nobody.invalid: no address is known for it',
    );
  });
});
