import { basename } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sessionCaptures, shippedCaptures } from '../support/captures.js';
import { brokenRules } from '../support/findings.js';
import { SAMPLE_PASSWORD } from '../support/roundtrip.js';

/** What the sample client does wrong in plain sight: nothing signed, a misspelt criterion, one index too far, … */
const SAMPLE = ['auth-level', 'criteria-grammar', 'index-out-of-range', 'leaked-references', 'use-after-release'];
const signed = SAMPLE.filter((rule) => rule !== 'auth-level');
const late = SAMPLE.filter((rule) => rule !== 'criteria-grammar' && rule !== 'use-after-release');

/** The rules that each shipped capture was made to break; all others keep quiet about it. */
const BROKEN: Readonly<Record<string, readonly string[]>> = {
  'wua-bigendian.pcapng': SAMPLE,
  'wua-damaged.pcap': SAMPLE,
  'wua-late-bound.pcapng': late,
  'wua-mixed-opnums.pcapng': [...SAMPLE, 'mixed-opnums', 'printed-opnums'].toSorted(),
  'wua-ndr64.pcapng': [...SAMPLE, 'ndr-only'].toSorted(),
  'wua-printed-opnums.pcapng': [...SAMPLE, 'printed-opnums'].toSorted(),
  'wua-sealed.pcapng': late.filter((rule) => rule !== 'auth-level'),
  'wua-session.pcapng': SAMPLE,
  'wua-signed.pcapng': signed,
  'go-msrpc-integrity.pcapng': ['criteria-grammar', 'index-out-of-range', 'leaked-references'],
  'go-msrpc-privacy.pcapng': ['criteria-grammar', 'index-out-of-range', 'leaked-references'],
  'impacket-integrity.pcapng': ['leaked-references'],
  'impacket-privacy.pcapng': ['leaked-references'],
};

describe('rules on shipped captures', () => {
  const all = [...shippedCaptures(), ...sessionCaptures()];

  it('are held to every one of them', () => {
    expect(all.map((path) => basename(path)).toSorted()).toEqual(Object.keys(BROKEN).toSorted());
  });

  it.each(all.map((path) => [basename(path), path]))(
    'fire in %s only where it was made to break them',
    async (name, path) => {
      const needs = /sealed|signed/.test(name) ? SAMPLE_PASSWORD : null;
      const password = path.includes('/sessions/') ? 'alice:secret' : needs;
      expect(await brokenRules(path, password === null ? [] : ['--password', password])).toEqual(BROKEN[name]);
    },
  );
});
