import { describe, expect, it } from 'vitest';
import { codes, ends, runFrames, story, type NetRun } from '../support/net.js';
import { framesIn } from '../support/read.js';
import { shared } from '../support/shared.js';

const folder = shared('captures/formats', 'tests on sample captures of link layers, fragments and TCP');

function sample(name: string): NetRun {
  return runFrames(framesIn(`${folder}/${name}`));
}

/** Bytes of one direction, with those of holes. */
function total({ out }: NetRun, direction: 0 | 1): number {
  let sum = 0;
  for (const item of out)
    if ((item.kind === 'chunk' || item.kind === 'gap') && item.direction === direction)
      sum += item.kind === 'gap' ? item.size : item.end - item.start;
  return sum;
}

describe.skipIf(folder === null)('samples of other people', () => {
  it('exact overlap with other bytes: the first copy stays, and it is told', () => {
    const run = sample('tcp-overlap-exact.pcap');
    expect([story(run.out), codes(run.out), run.net.counts.repeated]).toEqual(['GOOD', ['tcp-overlap-differs'], 4]);
  });

  it('partial overlap: the first copy stays', () => {
    const run = sample('tcp-overlap-partial.pcap');
    expect([story(run.out), codes(run.out), run.net.counts.repeated]).toEqual([
      expect.stringMatching(/^.{4}$/s),
      ['tcp-overlap-differs'],
      3,
    ]);
  });

  it('a stream over the end of the sequence numbers', () => {
    const run = sample('one_tcp_stream_max_seq.pcap');
    expect([run.net.counts.flows, run.net.counts.gaps, run.net.counts.early, ends(run.out).length]).toEqual([
      1, 0, 0, 1,
    ]);
    expect(total(run, 0) + total(run, 1)).toBeGreaterThan(20_000);
  });

  it('one direction, with a packet missing', () => {
    const run = sample('unidirectional_tcp_stream_with_missing_packet.pcap');
    expect([total(run, 0), total(run, 1), run.net.counts.gaps, run.net.counts.gapBytes]).toEqual([9948, 0, 1, 1420]);
  });

  it('IPv6 fragments of a TCP segment', () => {
    const run = sample('ipv6-fragments-tcp.pcap');
    expect([total(run, 0), run.net.counts.fragments, run.net.counts.tcp, codes(run.out)]).toEqual([1000, 3, 1, []]);
  });

  it('Linux cooked captures', () => {
    expect(sample('sll.pcap').net.counts).toMatchObject({ frames: 518, tcp: 483, flows: 1, gaps: 0 });
    expect([total(sample('sll2.pcap'), 0), codes(sample('sll2.pcap').out)]).toEqual([31, []]);
  });

  it('loopback, with IPv6 as macOS numbers it', () => {
    const run = sample('null_loopback.pcap');
    expect([total(run, 0), run.net.counts.other, codes(run.out)]).toEqual([403, 2, []]);
  });

  it('raw IP', () => {
    expect(sample('raw_ip.pcap').net.counts).toMatchObject({ tcp: 92, flows: 6, gaps: 0 });
    expect(sample('linktype_ipv4.pcap').net.counts).toMatchObject({ tcp: 0, other: 2 });
  });

  it('passes over fragments and tags of other traffic without a word', () => {
    for (const name of ['ip4_fragments.pcap', 'ip6_fragments.pcap', 'frag_with_padding.pcap', 'VlanPackets.pcap']) {
      const { out, net } = sample(name);
      expect([name, out, net.counts.other]).toEqual([name, [], net.counts.frames]);
    }
  });
});
