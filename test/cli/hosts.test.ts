import { describe, expect, it } from 'vitest';
import { addressesOf, withHosts } from '../../src/cli/hosts.js';
import { run } from '../../src/cli/cli.js';
import { ROOT } from '../support/shared.js';
import { testStreams } from '../support/streams.js';

async function calls(where: string): Promise<number> {
  const streams = testStreams();
  expect(await run(['decode', `${ROOT}/test/field/base.pcap`, '--where', where], streams)).toBe(0);
  return streams.out().split('\n').length - 1;
}

describe('calls of a host', () => {
  it('are those from it and to it, besides what else is asked for', async () => {
    const [client, server, other] = ['192.0.2.5', '192.0.2.9', '192.0.2.77'].map((one) => withHosts([one], undefined));
    expect(await Promise.all([client, server, other].map((one) => calls(one ?? '')))).toEqual([11, 11, 0]);
    expect(await calls(withHosts(['192.0.2.77', '192.0.2.9'], 'method == "Search"') ?? '')).toBe(
      await calls('method == "Search"'),
    );
    expect(withHosts([], 'failed')).toBe('failed');
  });

  it('are found by its addresses and its name', async () => {
    expect(await addressesOf(['192.0.2.9', 'FE80::1'])).toEqual(['192.0.2.9', 'fe80::1']);
    expect(await addressesOf(['localhost'])).toEqual(expect.arrayContaining([expect.stringMatching(/^(127\.|::1)/)]));
    await expect(addressesOf(['nobody.invalid'])).rejects.toThrow('--host nobody.invalid: no address is known for it');
  });
});
