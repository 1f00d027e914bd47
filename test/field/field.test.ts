import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { essences, recordsOf, remarks } from '../support/capture-calls.js';
import { framesIn } from '../support/read.js';
import { ROOT } from '../support/shared.js';

const field = (name: string): string => join(ROOT, 'test/field', name);
const BASE = essences(await recordsOf([field('base.pcap')]));

describe('the base', () => {
  it('is 11 calls, of which 10 are answered', () => {
    expect(BASE.length).toBe(11);
    expect(BASE.filter((call) => call.includes('"outcome":"unanswered"')).length).toBe(1);
  });
});

describe('order across capture points', () => {
  it.each([
    ['one-answer-before-its-request.pcap'],
    ['merged-clock-skew.pcap'],
    ['tap-rx.pcap', 'tap-tx.pcap'],
    ['tap-tx.pcap', 'tap-rx.pcap'],
  ])('is told by acknowledgements: %s %s', async (...names) => {
    const records = await recordsOf(names.filter((name) => name !== undefined).map(field));
    expect(essences(records)).toEqual(BASE);
    expect(records.filter((record) => record.kind === 'problem')).toEqual([]);
  });

  it('tells by how much clocks differ', async () => {
    const records = await recordsOf([field('merged-clock-skew.pcap')]);
    const told = records.find((record) => record.kind === 'finding' && record.rule === 'capture-order');
    expect(told).toMatchObject({ severity: 'info', message: expect.stringContaining('by up to 2.') });
    expect(remarks(await recordsOf([field('base.pcap')]))).toEqual([]);
  });

  it('is that of the capture where this is wanted', async () => {
    const wrong = await recordsOf([field('tap-rx.pcap'), field('tap-tx.pcap')], { inOrder: true });
    expect(essences(wrong).filter((call) => call.includes('"outcome":"answered"')).length).toBe(0);
    expect(essences(await recordsOf([field('base.pcap')], { inOrder: true }))).toEqual(BASE);
  });
});

describe('copies', () => {
  it('after the end of their connection are no calls', async () => {
    const records = await recordsOf([field('duplicates-after-the-end.pcap')]);
    expect(essences(records)).toEqual(BASE.filter((call) => call.includes('"server":"192.0.2.9:135"')));
    expect(essences(records).length).toBe(2);
  });
});

describe('damaged and joined files', () => {
  it('go on at the next whole block', async () => {
    const records = await recordsOf([field('damaged-middle.pcapng')]);
    // The end of an answer and the packet behind it were overwritten.
    const calls = records.filter((record) => record.kind === 'call');
    expect(calls.length).toBe(BASE.length);
    expect(calls.filter(({ outcome }) => outcome === 'answered').length).toBe(9);
    expect(remarks(records).slice(0, 2)).toEqual(['capture-bad-block', 'tcp-gap']);
  });

  it('end where zeros begin, told once', async () => {
    const records = await recordsOf([field('preallocated-zeros.pcap')]);
    expect(essences(records)).toEqual(BASE);
    expect(records.filter((record) => record.kind === 'problem').map(({ code }) => code)).toEqual(['capture-zeros']);
  });

  it('are read on where another begins: its packets are copies of the first', async () => {
    const records = await recordsOf([field('two-files-cat.pcap')]);
    expect(essences(records)).toEqual(BASE);
    expect(remarks(records)).toEqual(['capture-joined']);
    expect(framesIn(field('two-files-cat.pcap')).length).toBe(140);
  });

  it('are told from packets that were cut when they were captured', async () => {
    const records = await recordsOf([field('etl-truncated.pcap')]);
    expect(records.find((record) => record.kind === 'problem' && record.code === 'ip-truncated')).toMatchObject({
      message: expect.stringContaining('Capture whole packets'),
    });
  });
});

describe('fragments that come twice', () => {
  it('are whole', async () => {
    const records = await recordsOf([field('fragments-twice.pcap')]);
    expect(essences(records).length).toBe(5);
    expect(remarks(records)).toEqual([]);
  });
});

describe('what a proxy is asked first', () => {
  // As many requests as the file holds.
  it.each([
    ['proxy-http_connect.pcap', 26],
    ['proxy-proxy1.pcap', 27],
    ['proxy-socks4.pcap', 26],
    ['proxy-socks5.pcap', 24],
  ])('is passed over: %s', async (name, requests) => {
    const records = await recordsOf([field(name)]);
    const calls = records.filter((record) => record.kind === 'call');
    expect(calls.length).toBe(requests);
    expect(calls.filter((call) => call.interface === null)).toEqual([]);
    expect(records.filter((record) => record.kind === 'problem').map(({ code }) => code)).toEqual([
      'rpc-preamble',
      'rpc-preamble',
    ]);
  });
});

describe('tunnels, tags and link types', () => {
  it.each([
    'tunnel-vxlan',
    'tunnel-geneve-options',
    'tunnel-gtpu',
    'link-80211-105',
    'link-radiotap-127',
    'link-ppi-192',
    'link-pktap-258',
    'link-nflog-239',
    'link-exported-pdu-252',
    'live-qinq',
    'live-pppoe',
    'live-mpls',
  ])('hold the same calls: %s', async (name) => {
    const records = await recordsOf([field(`${name}.pcap`)]);
    expect(essences(records)).toEqual(BASE);
    expect(remarks(records)).toEqual([]);
  });
});
