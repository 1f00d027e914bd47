import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { bindErrors, errors, win32Errors } from '../../dissectors/errors/index.js';
import { hresults, sdkHresults } from '../../dissectors/errors/hresults.js';
import { nca } from '../../dissectors/errors/nca.js';
import { ntstatus } from '../../dissectors/errors/ntstatus.js';
import type { ErrorRow } from '../../dissectors/errors/rows.js';
import { sdkWin32, win32 } from '../../dissectors/errors/win32.js';
import { windowsUpdate } from '../../dissectors/errors/windows-update.js';
import { shared } from '../support/shared.js';

const codesPath = shared('reference/wua-hresults.csv', 'Windows Update codes against the list');

/** Count and digest of the pairs of value and name, so that no edit of a text changes a number unseen. */
function print(rows: readonly ErrorRow[]): string {
  const pairs = rows
    .map(([value, name]) => `${value} ${name}`)
    .toSorted()
    .join('\n');
  return `${rows.length} ${createHash('sha256').update(pairs).digest('hex').slice(0, 16)}`;
}

describe('error names', () => {
  it('have the values that were compared with [MS-ERREF], [C706] and the SDK', () => {
    expect({
      hresults: print(hresults),
      win32: print(win32),
      ntstatus: print(ntstatus),
      nca: print(nca),
      windowsUpdate: print(windowsUpdate),
      sdkHresults: print(sdkHresults),
      sdkWin32: print(sdkWin32),
    }).toEqual({
      hresults: '794 a91f91d154627b14',
      win32: '1275 ba36d41224ee7c91',
      ntstatus: '142 9df51db526641ad5',
      nca: '45 4e0063f1e41488f3',
      windowsUpdate: '477 112b2428f9732a58',
      sdkHresults: '25 d2d4b401eba84386',
      sdkWin32: '23 f93896a1a5dc3eec',
    });
  });

  it.skipIf(codesPath === null)('name all Windows Update codes of the list, each with a meaning', () => {
    const rows = readFileSync(codesPath ?? '', 'utf8')
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.split(','));
    expect(rows.length).toBe(477);
    expect(windowsUpdate.map(([value, name]) => `${name} ${value}`).toSorted()).toEqual(
      rows.map(([name = '', value = '']) => `${name} ${Number(value)}`).toSorted(),
    );
    expect(windowsUpdate.filter(([, , meaning]) => meaning === undefined)).toEqual([]);
  });

  it('have no name twice, and no value twice within a table', () => {
    const all = [...errors.errors, ...win32Errors].map((error) => error.name.toLowerCase());
    expect(all.filter((name, i) => all.indexOf(name) !== i)).toEqual([]);
    for (const rows of [hresults, win32, ntstatus, nca, windowsUpdate, sdkHresults, sdkWin32]) {
      expect(new Set(rows.map(([value]) => value)).size).toBe(rows.length);
    }
  });

  it('are unsigned 32-bit values with texts that fit a line', () => {
    for (const { value, name, meaning, cause } of [...errors.errors, ...win32Errors, ...bindErrors]) {
      expect(Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff, name).toBe(true);
      expect(name, name).toMatch(/^\w+$/);
      for (const text of [meaning, cause]) {
        if (text === null) continue;
        expect(text.length > 3 && text.length < 280 && text === text.trim(), `${name}: ${text}`).toBe(true);
      }
      expect(meaning === null && cause !== null, name).toBe(false);
      // A meaning goes on from its name; a cause is a sentence.
      if (meaning !== null) expect(meaning, name).not.toMatch(/\.$/);
      if (cause !== null) expect(cause, name).toMatch(/\.$/);
    }
  });

  it('have a cause for the codes people meet', () => {
    const causes = new Map([...errors.errors, ...win32Errors].map((error) => [error.value, error.cause]));
    const met = [
      0x80240001, 0x80240004, 0x80240007, 0x80240008, 0x80240009, 0x80240016, 0x80240017, 0x8024001e, 0x80240020,
      0x80240021, 0x80240022, 0x80240024, 0x8024002e, 0x80240032, 0x80240037, 0x80240044, 0x80240fff, 0x80242007,
      0x8024200b, 0x80244007, 0x80244010, 0x80244011, 0x80244017, 0x80244018, 0x80244019, 0x8024401b, 0x8024401f,
      0x80244022, 0x8024402c, 0x80246007, 0x80248007, 0x80248014, 0x8024a000, 0x8024d001, 0x8024d007, 0x8024d009,
      0x80004002, 0x80004005, 0x8000ffff, 0x80010105, 0x80010108, 0x80020003, 0x80020006, 0x80020009, 0x8002000b,
      0x80040154, 0x80070005, 0x8007000e, 0x80070057, 0x1c010002, 0x1c010003, 5, 1058, 1722, 1726, 1745, 1753, 1783,
      12002, 12029, 12175, 14098,
    ];
    expect(met.length).toBeGreaterThanOrEqual(60);
    expect(met.filter((value) => (causes.get(value) ?? null) === null).map((value) => value.toString(16))).toEqual([]);
  });
});
