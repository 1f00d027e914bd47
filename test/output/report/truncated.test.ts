import { describe, expect, it } from 'vitest';
import { shared } from '../../support/shared.js';
import { command, recordsOf, reportOf } from './support.js';

const cut = shared('field/etl-truncated.pcap', 'what is said of calls that were cut');
const oneWay = shared('field/one-direction.pcap', 'what is said of half a conversation');

describe.skipIf(cut === null)('calls whose bytes were cut when they were captured', () => {
  const path = cut ?? '';

  it('are as old as their own packets, not as what gave the hole up', async () => {
    const latencies = (await recordsOf(path)).flatMap((one) =>
      one['method'] === 'RemoteCreateInstance' ? [one['latencyNs']] : [],
    );
    expect(latencies).toEqual([5_480_000]);
  });

  it('say that arguments and results are missing, in decode', async () => {
    const { out } = await command('decode', path);
    expect(out).toMatch(/IUpdateSearcher::Search\(…\) {2}\[cut\]/);
    expect(out).toMatch(/RemoteCreateInstance\(pUnkOuter=null, …\) {2}\[cut\]/);
    expect(out).toMatch(/CreateUpdateSearcher\(\) {2}\[cut\]/);
  });

  it('make no sentence of what was cut off, and are counted as searches', async () => {
    const report = await reportOf(path);
    const searches = report.topics.find((topic) => topic.name === 'search')?.events ?? [];
    expect(searches.map((one) => [one.call, one.text, one.criteria?.words, one.ended])).toEqual([
      [8, 'searched for “(not captured)”', 'not known: the request was not captured whole', 'unknown'],
      [9, 'searched for “IsInstaled=0”', expect.anything(), 'failed'],
    ]);
    expect(report.overview.verdict.text).toMatch(
      /^1 of 2 searches failed \(WU_E_INVALID_CRITERIA\); how 1 search ended is not known;/,
    );
    expect(report.overview.tiles.find((tile) => tile.name === 'searches')).toMatchObject({
      value: '1',
      detail: 'of 2, 1 with an end that is not known',
    });
    for (const format of ['markdown', 'html']) {
      const { out } = await command('report', path, '-f', format);
      expect(out).not.toMatch(/“nothing”|default applies|1 of 1 search/);
    }
  });

  it('get the advice that helps: whole packets, not a buffer or a snap length', async () => {
    const { quality } = await reportOf(path);
    const text = quality.map((one) => one.text).join('\n');
    expect(text).toContain('5 packets are cut, though the capture calls them whole');
    expect(text).toContain('pktmon start --pkt-size 0');
    expect(text).not.toMatch(/-s 0|larger buffer/);
  });
});

describe.skipIf(oneWay === null)('settings that nobody can have seen', () => {
  it('are not said to be left alone', async () => {
    const report = await reportOf(oneWay ?? '');
    const options = report.topics.flatMap((topic) => topic.events.flatMap((event) => event.options));
    expect(options.find((one) => one.name === 'ClientApplicationID')).toMatchObject({
      how: 'unknown',
      text: 'not known',
    });
    const { out } = await command('report', oneWay ?? '', '-f', 'html');
    expect(out).toContain('Not known, because it may have been set unseen: ');
    expect(out).not.toContain('not given');
  });
});
