import { hex32 } from '../bytes/hex.js';
import type { Call } from '../types.js';
import { escapeTerminal } from './escape.js';
import { endpointText, transportText, type Names } from './names.js';
import { namelessText, resultName } from './text.js';

/** What is known of a call besides its fields, by name, in the order in which it is shown. */
export function callFacts(call: Call, names: Names): readonly { readonly name: string; readonly text: string }[] {
  const { fault, exception } = call;
  const facts: (readonly [name: string, text: string | null])[] = [
    [
      'way',
      `${endpointText(call.client)} → ${endpointText(call.server)}, flow ${call.flow}${overText(call)}, call id ${call.callId}, context ${call.contextId}`,
    ],
    ['interface', call.iid === null ? null : `${call.interface ?? '(unknown)'} {${call.iid}}`],
    ['method', methodText(call)],
    ['certainty', call.because === null ? null : `${call.certainty}: ${call.because}`],
    ['late', call.via === null ? null : `${call.via.interface}::${call.via.method}, DISPID ${call.dispid ?? '?'}`],
    ['object', objectText(call)],
    ['causality', call.causality],
    ['auth', authText(call)],
    ['fault', fault === null ? null : `${hex32(fault.status)} ${names.status(fault.status) ?? '(no name known)'}`],
    ['result', resultText(call, names)],
    ['exception', exception?.description ?? null],
    ['refused', call.refused === null ? null : `argument ${call.refused}`],
    ['outcome', call.outcome === 'answered' || call.outcome === 'faulted' ? null : call.outcome],
    ['callbacks', call.callbacks.length === 0 ? null : `calls ${call.callbacks.join(', ')}`],
    ['frames', `${call.requestFrames.join(', ') || '-'} → ${call.responseFrames.join(', ') || '-'}`],
  ];
  return facts.flatMap(([name, text]) => (text === null ? [] : [{ name, text }]));
}

function methodText(call: Call): string | null {
  if (call.method === null) return call.opnum === null ? null : namelessText(call);
  const printed =
    call.printedOpnum === null || call.printedOpnum === call.opnum ? '' : ` (printed as ${call.printedOpnum})`;
  const section = call.section === null ? '' : `, [${call.spec ?? '?'}] ${call.section}`;
  return `${call.method}, ${call.member}, opnum ${call.opnum}${printed}${section}`;
}

function objectText(call: Call): string | null {
  const { object } = call;
  if (object === null) return null;
  return `${object.label === null ? '' : `${object.label}, `}IPID ${object.ipid}${object.oid === null ? '' : `, OID ${object.oid}, OXID ${object.oxid}`}`;
}

/** Behind the number of a flow: the pipe that it is. */
export function overText({ exchange: { flow } }: Call): string {
  return flow.pipe === undefined ? '' : ` (${escapeTerminal(transportText(flow) ?? '')}, over flow ${flow.pipe.over})`;
}

function authText({ auth }: Call): string | null {
  if (auth.type === 'none') return null;
  return `${auth.type}, ${auth.level}, ${auth.verdict}${auth.user == null ? '' : `, as ${auth.user}`}`;
}

function resultText({ hresult, wrapped }: Call, names: Names): string | null {
  if (hresult === null) return null;
  return `${hex32(hresult)} ${resultName(hresult, names)}${wrapped === null ? '' : `, carried by ${wrapped}`}`;
}
