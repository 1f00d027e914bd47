import { describe, expect, it } from 'vitest';
import { dropsIn, failureOf, filtersFor } from '../../../src/io/live/tools.js';
import { SPACE } from '../../../src/net/layers/layer.js';
import { FOLLOWS } from '../../../src/net/layers/table.js';

describe('what capture tools say', () => {
  it.each([
    [
      'tcpdump',
      "tcpdump: eth0: You don't have permission to perform this capture on that device\n(socket: Operation not permitted)",
      'permission',
      'setcap cap_net_raw',
    ],
    [
      'dumpcap',
      "Capturing on 'eth0'\ndumpcap: The capture session could not be initiated on interface 'eth0' (You don't have permission to capture on that device).",
      'permission',
      'group wireshark',
    ],
    [
      'dumpcap',
      'Capturing on \'nope\'\ndumpcap: There is no device named "nope".\n(No such device exists)',
      'interface',
      'live --list',
    ],
    ['tcpdump', 'tcpdump: pcap_loop: The interface disappeared', 'gone', 'what was captured before is shown'],
    ['dumpcap', 'dumpcap: The network adapter you were using has gone; the interface went down', 'gone', 'went away'],
    ['tcpdump', "tcpdump: can't parse filter expression: syntax error", 'filter', 'pcap-filter'],
    ['tcpdump', 'tcpdump: no VLAN support for Linux cooked v1', 'vlan', 'VLAN'],
    ['tcpdump', '', 'other', 'ended without a word'],
  ])('%s: %j', (tool, said, kind, advice) => {
    const failure = failureOf(tool, 'eth0', said);
    expect(failure.kind).toBe(kind);
    expect(failure.message).toContain(advice);
  });

  it('leaves out counts, which are no reason to end', () => {
    const said =
      'tcpdump: 9 packets captured, 9 packets received by filter, 0 packets dropped by kernel\ntcpdump: pcap_loop: The interface disappeared\n9 packets captured\n9 packets received by filter\n0 packets dropped by kernel\n';
    expect(failureOf('tcpdump', 'eth0', said).message).toBe(
      'the interface eth0 went away while it was watched: tcpdump: pcap_loop: The interface disappeared; what was captured before is shown',
    );
  });

  it('counts drops by the last word on them', () => {
    expect(
      dropsIn(
        'tcpdump: 10 packets captured, 10 packets received by filter, 0 packets dropped by kernel\ntcpdump: 20 packets captured, 25 packets received by filter, 5 packets dropped by kernel\n',
      ),
    ).toBe(5);
    expect(
      dropsIn(
        "Packets received/dropped on interface 'Loopback: lo': 6/3 (pcap:0/dumpcap:0/flushed:0/ps_ifdrop:0) (100.0%)",
      ),
    ).toBe(3);
    expect(dropsIn('listening on lo')).toBeNull();
  });
});

describe('the filter', () => {
  /** Numbers that a part of it names. */
  const numbers = (part: RegExp): readonly number[] =>
    [...filtersFor(null).all.matchAll(part)].flatMap(([, list = '']) => list.split(' or ').map(Number));
  const followed = (space: number): readonly number[] =>
    [...FOLLOWS.keys()].filter((layer) => layer >>> 16 === space).map((layer) => layer & 0xffff);

  it('lets all through that is looked through', () => {
    // What only GRE numbers so.
    const within = [0x6558, 0x880b];
    const types = followed(SPACE.ether).filter((type) => !within.includes(type));
    expect(numbers(/ether proto (0x[\da-f]+)/g).toSorted()).toEqual(types.toSorted());
    expect(numbers(/udp port ((?:\d+ or )*\d+)/g)).toEqual(followed(SPACE.udp).toSorted((a, b) => a - b));
    // AH is taken off with the extension headers.
    const protocols = [...followed(SPACE.ip), 51].toSorted((a, b) => a - b);
    expect(numbers(/ip proto ((?:\d+ or )*\d+)/g)).toEqual(protocols);
  });

  it('names hosts where the packets that it judges name them', () => {
    const { plain, all } = filtersFor([
      { one: ['192.0.2.7', '2001:db8::7'], other: null },
      { one: ['192.0.2.8'], other: ['192.0.2.9', '192.0.2.10'] },
    ]);
    expect(plain).toContain(
      ' and ((host 192.0.2.7 or host 2001:db8::7) or ((host 192.0.2.8) and (host 192.0.2.9 or host 192.0.2.10)))) or (port 88)',
    );
    expect(all.startsWith(`${plain} or ether proto 0x8100 or `)).toBe(true);
  });
});
