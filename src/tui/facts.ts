import { BINDINGS } from './keys.js';
import { hex32 } from '../bytes/hex.js';
import { overText } from '../output/facts.js';
import { MAX_TREE_TEXT } from '../output/limits.js';
import type { Names } from '../output/names.js';
import { namelessText, problemText, signature } from '../output/text.js';
import type { Call } from '../types.js';
import { failed } from '../analysis/failed.js';
import type { Paint } from './line.js';
import type { Source } from './source.js';
import { durationText, endpointText, momentText, outcomePaint, outcomeText } from './words.js';

/** A fact of a call: its name, what it is, and how it looks. */
export interface Fact {
  readonly name: string;
  readonly text: string;
  readonly paint: Paint;
}

/** What facts are told with: names, meanings and titles. */
export type Lore = Pick<Source, 'names' | 'meaning' | 'titleOf'>;

/** What is known of a call besides its stubs, in the order of what one wants to know first. */
export function factsOf(call: Call, { names, meaning, titleOf }: Lore): readonly Fact[] {
  const code = call.fault?.status ?? call.hresult;
  const known = code === null || !failed(call) ? null : meaning(code);
  return [
    [`call ${call.id}`, signature(call, { width: MAX_TREE_TEXT, names }), failed(call) ? 'bad' : 'name'] as const,
    ['result', endedText(call, names), outcomePaint(call)] as const,
    ['meaning', known?.meaning ?? null, 'bad'] as const,
    ['what to do', known?.cause ?? null] as const,
    ['exception', exceptionText(call), 'bad'] as const,
    ['refused', call.refused, 'bad'] as const,
    ...call.problems.map((problem) => ['problem', problemText(problem), 'warn'] as const),
    ['object', objectFact(call)] as const,
    ['titled', call.object?.label == null ? null : titleOf(call.object.label), 'value'] as const,
    ['time', timeFact(call)] as const,
    [
      'way',
      `${endpointText(call.client)} → ${endpointText(call.server)}, flow ${call.flow}${overText(call)}, call id ${call.callId}, context ${call.contextId}`,
    ] as const,
    ['method', methodText(call)] as const,
    ['section', call.section === null ? null : `[${call.spec ?? '?'}] ${call.section}`] as const,
    ['interface', interfaceText(call)] as const,
    ['late', lateText(call)] as const,
    ['certainty', call.because === null ? null : `${call.certainty}: ${call.because}`] as const,
    ['causality', call.causality] as const,
    ['auth', authText(call)] as const,
    ['sealed', sealedText(call), 'warn'] as const,
    ['callbacks', call.callbacks.length === 0 ? null : call.callbacks.join(', ')] as const,
  ].flatMap(([name, text, paint = 'plain']) => (text === null ? [] : [{ name, text, paint }]));
}

/** What to do about cipher text, by the key that does it. */
function sealedText({ auth }: Call): string | null {
  if (auth.verdict !== 'sealed') return null;
  const key = BINDINGS.find(({ action }) => action === 'unlock')?.keys[0] ?? '';
  return `arguments and result are cipher text: ${key} enters a password that opens them`;
}

function endedText(call: Call, names: Names): string {
  const result = outcomeText(call, names);
  if (call.hresult === null) return result;
  return `${hex32(call.hresult)} ${result}${call.wrapped === null ? '' : `, carried by ${call.wrapped}`}`;
}

function exceptionText({ exception }: Call): string | null {
  if (exception === null) return null;
  return `${exception.description ?? ''}${exception.source === null ? '' : ` (${exception.source})`}`;
}

function objectFact({ object }: Call): string | null {
  if (object === null) return null;
  return `${object.label ?? '(unnamed)'}, IPID ${object.ipid}${object.oid === null ? '' : `, OID ${object.oid}`}`;
}

function timeFact({ time, latencyNs }: Call): string | null {
  if (time === null) return null;
  return `${momentText(time)}${latencyNs === null ? '' : `, answered after ${durationText(latencyNs)}`}`;
}

function methodText(call: Call): string {
  const { method, member, opnum, printedOpnum } = call;
  if (method === null) return namelessText(call);
  const printed = printedOpnum === null || printedOpnum === opnum ? '' : ` (printed as ${printedOpnum})`;
  return `${method}, ${member ?? 'method'}, opnum ${opnum ?? '?'}${printed}`;
}

function interfaceText({ iid, interface: name }: Call): string | null {
  return iid === null ? null : `${name ?? '(in no table)'} {${iid}}`;
}

function lateText({ via, dispid }: Call): string | null {
  return via === null ? null : `${via.interface}::${via.method}, DISPID ${dispid ?? '?'}`;
}

function authText({ auth }: Call): string | null {
  return auth.type === 'none' ? null : `${auth.type}, ${auth.level}, ${auth.verdict}`;
}
