import type { TraceNode } from '../ndr/codec.js';
import type { Span } from '../types.js';
import { fitsInside, traceActivation } from './activation.js';
import { Fields } from './fields.js';
import { HEADER_SIZE, isActivation, STD_SIZE, type ObjrefOptions } from './objref-layout.js';
import { BLOB_LEVELS } from './limits.js';
import { OBJREF, OBJREF_SIGNATURE, SORF_NOPING } from './names.js';
import { group, shifted } from './trace-nodes.js';

const FORM_NAMES: Readonly<Record<number, string>> = {
  [OBJREF.standard]: 'OBJREF_STANDARD',
  [OBJREF.handler]: 'OBJREF_HANDLER',
  [OBJREF.custom]: 'OBJREF_CUSTOM',
  [OBJREF.extended]: 'OBJREF_EXTENDED',
};

/** The fields of an OBJREF with their bytes; the leaves own every byte. */
export function traceObjref(bytes: Span, options: ObjrefOptions, depth: number): readonly TraceNode[] {
  const fields = new Fields(bytes);
  const signature = fields.word('signature', '2.2.18');
  const form = fields.word('flags', '2.2.18', (value) => FORM_NAMES[value as number] ?? null);
  fields.guid('iid', 'IID', '2.2.18');
  if (signature === OBJREF_SIGNATURE && form === OBJREF.custom) traceCustom(bytes, fields, options, depth);
  else if (signature === OBJREF_SIGNATURE && typeof form === 'number' && FORM_NAMES[form] !== undefined)
    traceStandard(bytes, fields, form);
  fields.rest('rest', '2.2.18');
  return fields.nodes;
}

function traceStandard(bytes: Span, fields: Fields, form: number): void {
  const std = new Fields({
    block: bytes.block,
    start: bytes.start + HEADER_SIZE,
    end: Math.min(bytes.end, bytes.start + HEADER_SIZE + STD_SIZE),
  });
  std.word('flags', '2.2.18.2', (value) => (((value as number) & SORF_NOPING) !== 0 ? 'SORF_NOPING' : null));
  std.word('cPublicRefs', '2.2.18.2');
  std.wide('oxid', 'OXID', '2.2.18.2');
  std.wide('oid', 'OID', '2.2.18.2');
  std.guid('ipid', 'IPID', '2.2.18.2');
  fields.adopt(
    group('std', 'STDOBJREF', HEADER_SIZE, HEADER_SIZE + std.at, '2.2.18.2', shifted(std.nodes, HEADER_SIZE)),
  );
  if (form === OBJREF.handler) fields.guid('clsid', 'CLSID', '2.2.18.5');
  if (form === OBJREF.extended) fields.word('Signature1', '2.2.18.7');
  traceBindings(bytes, fields);
  if (form !== OBJREF.extended) return;
  fields.word('nElms', '2.2.18.7');
  fields.word('Signature2', '2.2.18.7');
  fields.guid('dataID', 'GUID', '2.2.18.8');
  fields.word('cbSize', '2.2.18.8');
  fields.word('cbRounded', '2.2.18.8');
  fields.rest('Data', '2.2.18.8');
}

/** The packed DUALSTRINGARRAY: every binding with its bytes. */
function traceBindings(bytes: Span, fields: Fields): void {
  const from = fields.at;
  if (fields.left === 0) return;
  const count = fields.left >= 2 ? bytes.block.view.getUint16(bytes.start + from, true) : 0;
  const list = new Fields({
    block: bytes.block,
    start: bytes.start + from,
    end: Math.min(bytes.end, bytes.start + from + 4 + 2 * count),
  });
  list.short('wNumEntries', '2.2.19.1');
  const security = 4 + 2 * ((list.short('wSecurityOffset', '2.2.19.1') as number | null) ?? 0);
  for (let i = 0; list.at < security && !list.terminated(); i++) {
    list.short(`stringBindings[${i}].towerId`, '2.2.19.3');
    list.text(`stringBindings[${i}].networkAddr`, security, '2.2.19.3');
  }
  list.upTo('nullterm1', security, '2.2.19.1');
  for (let i = 0; !list.terminated(); i++) {
    list.short(`securityBindings[${i}].authnSvc`, '2.2.19.4');
    list.short(`securityBindings[${i}].reserved`, '2.2.19.4');
    list.text(`securityBindings[${i}].princName`, list.at + list.left, '2.2.19.4');
  }
  list.rest('nullterm2', '2.2.19.1');
  fields.adopt(group('bindings', 'DUALSTRINGARRAY', from, from + list.at, '2.2.19', shifted(list.nodes, from)));
}

function traceCustom(bytes: Span, fields: Fields, options: ObjrefOptions, depth: number): void {
  const clsid = fields.guid('clsid', 'CLSID', '2.2.18.6');
  fields.word('cbExtension', '2.2.18.6');
  fields.word('reserved', '2.2.18.6');
  if (fields.left === 0) return;
  const from = fields.at;
  const data: Span = { block: bytes.block, start: bytes.start + from, end: bytes.end };
  if (isActivation(clsid)) {
    fields.adopt(
      group(
        'activation',
        'activation properties BLOB',
        from,
        from + fields.left,
        '2.2.22',
        shifted(traceActivation(data, options, depth), from),
      ),
    );
    return;
  }
  const codec = typeof clsid === 'string' && fitsInside(depth) ? (options.custom?.(clsid) ?? null) : null;
  const trace = codec?.trace(data, undefined, depth + BLOB_LEVELS);
  if (trace !== undefined && trace.problems.length === 0)
    fields.adopt(group('object', 'object', from, from + fields.left, '2.2.18.6', shifted(trace.root.children, from)));
  else fields.rest('pObjectData', '2.2.18.6');
}
