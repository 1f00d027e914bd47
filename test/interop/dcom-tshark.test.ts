import { execFileSync, spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { knowledge } from '../../src/io/knowledge.js';
import { dateText } from '../../src/ndr/text.js';
import { NdjsonWriter } from '../../src/output/ndjson.js';
import type { Call } from '../../src/types.js';
import { sessionCaptures, shippedCaptures } from '../support/captures.js';
import { analyze } from '../support/roundtrip.js';
import { sharedCaptures, without } from '../support/shared.js';

/** tshark fields whose values our record of the same frame has to hold, and how tshark writes them. */
const FIELDS = [
  'dcom.oxid',
  'dcom.oid',
  'dcom.ipid',
  'dcom.iid',
  'dcom.this.uuid',
  'dcom.clsid',
  'dcom.dualstringarray.network_addr',
  'dcom.vt.bstr',
  'dcom.vt.i4',
  'dispatch.id',
  'dispatch.name',
  'isystemactivator.properties.instninfo.clsid',
  'dcom.hresult',
  'dcom.vt.bool',
  'dcom.vt.date',
  'dcom.vt.r8',
  'dcom.vt.r4',
  'dcom.vt.i2',
  'dcom.vt.ui1',
  'dcom.vt.ui2',
  'dcom.vt.ui4',
  'dcom.vt.i8',
  'dcom.vt.cy',
] as const;

function hasTshark(): boolean {
  try {
    execFileSync('tshark', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    without('comparison of DCOM values with tshark', 'tshark');
    return false;
  }
}

/** What tshark says of each frame: values by field. */
function tshark(path: string): ReadonlyMap<number, readonly (readonly [field: string, value: string])[]> {
  const args = [
    '-r',
    path,
    '-Y',
    'dcerpc',
    '-T',
    'fields',
    '-E',
    'separator=/t',
    '-E',
    'aggregator=;',
    '-e',
    'frame.number',
    ...FIELDS.flatMap((field) => ['-e', field]),
  ];
  // tshark fails at the end of a cut file; what it printed before counts.
  const out = spawnSync('tshark', args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    maxBuffer: 64 * 1024 * 1024,
  }).stdout;
  return new Map(
    out
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const [frame = '', ...columns] = line.split('\t');
        return [
          Number(frame),
          columns.flatMap((column, i) =>
            column
              .split(';')
              .filter((value) => value !== '')
              .map((value) => [FIELDS[i] ?? '', value] as const),
          ),
        ];
      }),
  );
}

/**
 * Where tshark 4.0 is wrong, or says less than the bytes:
 * - Strings with characters outside ASCII come as a hex dump (and so do all strings of a big-endian DUALSTRINGARRAY).
 * - It reads the IID of an OBJREF in the byte order of the PDU; [MS-DCOM] 2.2.18 has OBJREFs little-endian always.
 * - For the same reason it loses its place in the activation properties of a big-endian call, and takes bytes of theirs
 * for the HRESULT (0x39030000).
 * - In NDR64 it takes counts and pointers for 4 bytes in DCOM parameters, so every value behind the first is misread.
 */
function comparable(path: string, field: string, value: string): boolean {
  if (path.includes('ndr64')) return field === 'dcom.this.uuid';
  if (path.includes('bigendian') && (field === 'dcom.iid' || (field === 'dcom.hresult' && value === '0x39030000')))
    return false;
  if (/^([0-9A-F]{4}){4,}$/.test(value)) return false;
  if (field === 'dcom.vt.bstr' || field === 'dispatch.name')
    return /^[\x20-\x7e]+$/.test(value) && !value.includes('\\');
  return true;
}

function holds(field: string, value: string, text: string): boolean {
  // An exception's HRESULT is the one inside; in REMQIRESULTs it is a number.
  if (field === 'dcom.hresult')
    return (
      text.includes(value) ||
      text.includes(`"hresult":${Number(value)}`) ||
      text.includes(`[${Number(value)}]`) ||
      (Number(value) === 0x8002_0009 && text.includes('"wrapped":"disp_e_exception"'))
    );
  if (field === 'dcom.vt.bool') return text.includes(String(Number(value) !== 0));
  if (field === 'dcom.vt.date') return text.includes((dateText(Number(value)) ?? value).toLowerCase());
  if (field === 'dcom.vt.r4' || field === 'dcom.vt.r8')
    return numbersIn(text).some((number) => Math.abs(number - Number(value)) <= Math.abs(Number(value)) * 1e-5);
  if (/^dcom\.vt\.(ui?\d|i2|i8)/.test(field)) return text.includes(String(Number(value)));
  // The name of a put's argument shows as what the call is ([MS-OAUT] 2.2.32.1).
  if (field === 'dispatch.id' && (Number(value) | 0) === DISPID_PROPERTYPUT) return text.includes('"member":"propput');
  if (field === 'dispatch.id')
    return text.includes(`"dispIdMember":${Number(value) | 0}`) || text.includes(String(Number(value) | 0));
  if (field === 'dcom.vt.i4') return text.includes(String(Number(value) | 0));
  return text.includes(value.toLowerCase()) || text.includes(JSON.stringify(value).slice(1, -1).toLowerCase());
}

const DISPID_PROPERTYPUT = -3;

function numbersIn(text: string): readonly number[] {
  return (text.match(/-?\d+(\.\d+)?(e[-+]?\d+)?/g) ?? []).map(Number);
}

const enabled = hasTshark();

describe('DCOM values against tshark', () => {
  const { names } = knowledge();
  for (const path of [...sharedCaptures(), ...shippedCaptures(), ...sessionCaptures()]) {
    it.skipIf(!enabled)(`holds the values that tshark sees: ${path.split('/').pop() ?? path}`, async () => {
      const writer = new NdjsonWriter(names);
      const byFrame = new Map<number, string>();
      for (const item of await analyze(path)) {
        if (item.kind !== 'call') continue;
        const call: Call = item;
        const text = writer.call(call).toLowerCase();
        for (const frame of [...call.requestFrames, ...call.responseFrames])
          byFrame.set(frame, (byFrame.get(frame) ?? '') + text);
      }
      const missing: string[] = [];
      let compared = 0;
      for (const [frame, values] of tshark(path)) {
        const text = byFrame.get(frame);
        if (text === undefined) continue;
        for (const [field, value] of values) {
          if (!comparable(path, field, value)) continue;
          compared++;
          if (!holds(field, value, text)) missing.push(`frame ${frame}: ${field} = ${value}`);
        }
      }
      process.stderr.write(`${path.split('/').pop() ?? path}: ${compared} values compared with tshark\n`);
      expect(missing).toEqual([]);
    });
  }
});
