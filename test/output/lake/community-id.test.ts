import { describe, expect, it } from 'vitest';
import { communityId, TCP, UDP } from '../../../src/output/lake/community-id.js';

/** Flows over TCP, UDP and SCTP of corelight/community-id-spec, baseline/baseline_deflt.json (seed 0). */
const PUBLISHED: readonly (readonly [number, string, string, number, number, string])[] = [
  [
    TCP,
    '2001:470:e5bf:dead:4957:2174:e82c:4887',
    '2607:f8b0:400c:c03::1a',
    63943,
    25,
    '1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=',
  ],
  [
    TCP,
    '2607:f8b0:400c:c03::1a',
    '2001:470:e5bf:dead:4957:2174:e82c:4887',
    25,
    63943,
    '1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=',
  ],
  [132, '192.168.170.8', '192.168.170.56', 7, 7, '1:MP2EtRCAUIZvTw6MxJHLV7N7JDs='],
  [132, '192.168.170.56', '192.168.170.8', 7, 7, '1:MP2EtRCAUIZvTw6MxJHLV7N7JDs='],
  [TCP, '128.232.110.120', '66.35.250.204', 34855, 80, '1:LQU9qZlK+B5F3KDmev6m5PMibrg='],
  [TCP, '66.35.250.204', '128.232.110.120', 80, 34855, '1:LQU9qZlK+B5F3KDmev6m5PMibrg='],
  [UDP, '192.168.1.52', '8.8.8.8', 54585, 53, '1:d/FP5EW3wiY1vCndhwleRRKHowQ='],
  [UDP, '8.8.8.8', '192.168.1.52', 53, 54585, '1:d/FP5EW3wiY1vCndhwleRRKHowQ='],
];

describe('Community ID', () => {
  it.each(PUBLISHED)('over %i from %s to %s is the published one', (protocol, from, to, fromPort, toPort, id) => {
    expect(communityId({ address: from, port: fromPort }, { address: to, port: toPort }, protocol)).toBe(id);
  });

  it('is the same for every way to write an address, and for both directions of one host', () => {
    const to = { address: '2607:f8b0:400c:c03::1a', port: 25 };
    const ids = ['::ffff:1.2.3.4', '::ffff:102:304', '0:0:0:0:0:ffff:0102:0304', '::FFFF:1.2.3.4%eth0'].map((address) =>
      communityId({ address, port: 1 }, to, TCP),
    );
    expect(new Set(ids).size).toBe(1);
    const [low, high] = [
      { address: '10.0.0.1', port: 9 },
      { address: '10.0.0.1', port: 8 },
    ];
    expect(communityId(low, high, TCP)).toBe(communityId(high, low, TCP));
  });

  it.each([
    '',
    'host',
    '1.2.3',
    '1.2.3.256',
    '1::2::3',
    ':::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '::12345',
    '::1.2.3.999',
  ])('there is none for the address %j', (address) => {
    expect(communityId({ address, port: 1 }, { address: '1.2.3.4', port: 2 }, TCP)).toBeNull();
  });
});
