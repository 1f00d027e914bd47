import { describe, expect, it } from 'vitest';
import { command, shipped } from './support.js';

const [before, after] = [shipped('wua-session.pcapng'), shipped('wua-late-bound.pcapng')];

describe('a report of two captures', () => {
  it('lays what differs side by side: counts, tables, results, latencies, calls', async () => {
    const { out, status } = await command('report', '--compare', before, after, '--format', 'html');
    expect(status).toBe(0);
    const section = out.slice(out.indexOf('id="comparison"'));
    expect(section).toContain('Counts before and after');
    expect(section).toContain('What changed from <b>');
    expect(section).toContain('Calls that differ');
    expect(section).toMatch(/<del>.*<\/del> → <ins>.*<\/ins>/);
    expect(section).toMatch(/[+−]\d/);
    expect(section).toContain('alike.</p>');
  });

  it('shows results that changed, and how many calls more differ', async () => {
    const [one, other] = [shipped('sessions/impacket-integrity.pcapng'), shipped('sessions/go-msrpc-integrity.pcapng')];
    const { out } = await command('report', '--compare', one, other, '--format', 'html');
    expect(out).toContain('more calls differ.');
    expect(out).toContain('Results before and after');
  });

  it('says so where nothing differs', async () => {
    const { out } = await command('report', '--compare', before, before, '--format', 'html');
    expect(out).toContain('<b class="good">Nothing differs</b>');
  });

  it('fails the test cases of what differs, and passes those of what does not', async () => {
    const differing = await command('report', '--compare', before, after, '--format', 'junit', '--fail-on', 'error');
    expect(differing.status).toBe(1);
    expect(differing.out).toContain('comparison with');
    expect(differing.out).toMatch(/<failure type="difference" message="\d+ differences"/);
    const same = await command('report', '--compare', before, before, '--format', 'junit');
    expect(same.out).not.toContain('type="difference"');
  });
});
