import { isGroup } from '../ndr/value.js';
import { hex32 } from '../bytes/hex.js';
import type { Call, Problem, Stub } from '../types.js';
import type { Trace, TraceNode } from '../ndr/codec.js';
import { failed } from '../analysis/failed.js';
import type { Summary } from '../analysis/analyzer.js';
import { escapeTerminal } from './escape.js';
import { MAX_LINE_TEXT, MAX_TREE_LINES, MAX_TREE_TEXT } from './limits.js';
import { endpointText, type Names } from './names.js';
import { PLAIN, type Style } from './style.js';
import { namelessText, problemText, resultName, signature, summaryText, type TextOptions } from './text.js';
import { durationText, IsoClock } from './time.js';
import { bytesText, valueText } from './values.js';

/** Both traces of a call, as analysis/traces.ts makes them. */
interface Traces {
  readonly request: Trace | null;
  readonly response: Trace | null;
}

/** A call with every field of both stubs: bytes, name, type, value, meaning, section. */
export class TreeWriter {
  private readonly names: Names;
  private readonly style: Style;
  private readonly clock = new IsoClock();

  constructor(names: Names, options: TextOptions = {}) {
    this.names = names;
    this.style = options.style ?? PLAIN;
  }

  /** Lines of a call, without the last line feed; an empty line ends it, so that calls stand apart. */
  call(call: Call, traces: Traces): string {
    const { style, names } = this;
    const lines = [
      `${failed(call) ? style.bad('✗ ') : ''}call ${call.id}  ${signature(call, { width: MAX_LINE_TEXT, names }, style)}`,
    ];
    const fact = (name: string, text: string | null): void => {
      if (text !== null) lines.push(`  ${style.dim(name.padEnd(11))} ${text}`);
    };
    fact('time', this.timeFact(call));
    fact(
      'way',
      `${endpointText(call.client)} → ${endpointText(call.server)}, flow ${call.flow}, call id ${call.callId}, context ${call.contextId}`,
    );
    fact('interface', interfaceFact(call));
    fact('method', methodFact(call));
    fact('certainty', call.because === null ? null : `${call.certainty}: ${escapeTerminal(call.because)}`);
    fact('late', call.via === null ? null : `${call.via.interface}::${call.via.method}, DISPID ${call.dispid ?? '?'}`);
    fact('object', objectFact(call));
    fact('causality', call.causality);
    fact('auth', authFact(call));
    if (call.fault !== null)
      fact('fault', style.bad(`${hex32(call.fault.status)} ${names.status(call.fault.status) ?? '(no name known)'}`));
    fact('result', this.resultFact(call));
    if (call.outcome !== 'answered' && call.outcome !== 'faulted') fact('outcome', style.warn(call.outcome));
    for (const problem of call.problems) fact('problem', style.warn(problemText(problem)));
    this.stub('request', call.exchange.request, this.spelled(call, traces.request), lines);
    this.stub('response', call.exchange.response, traces.response, lines);
    return `${lines.join('\n')}\n`;
  }

  private timeFact({ time, latencyNs }: Call): string | null {
    if (time === null) return null;
    return `${this.clock.text(time)}${latencyNs === null ? '' : `, answered after ${durationText(latencyNs)}`}`;
  }

  private resultFact(call: Call): string | null {
    const { hresult, wrapped } = call;
    if (hresult === null) return null;
    const carried = wrapped === null ? '' : `, carried by ${escapeTerminal(wrapped)}`;
    const text = `${hex32(hresult)} ${resultName(hresult, this.names)}${carried}`;
    return failed(call) ? this.style.bad(text) : text;
  }

  problem(problem: Problem): string {
    return this.style.warn(`! ${problemText(problem)}\n`);
  }

  summary(summary: Summary): string {
    return summaryText(summary);
  }

  private stub(name: string, stub: Stub | null, trace: Trace | null, lines: string[]): void {
    if (stub === null) return;
    const size = stub.end - stub.start;
    const facts = [
      `${size} bytes`,
      `frames ${stub.frames.join(', ')}`,
      ...(stub.sealed ? ['sealed'] : []),
      ...(stub.complete ? [] : ['incomplete']),
      ...(stub.drep.littleEndian ? [] : ['big-endian']),
    ];
    lines.push(`  ${this.style.name(name)}  ${facts.join(', ')}`);
    if (trace === null) {
      if (size > 0 && !stub.sealed) lines.push(`    ${bytesText(stub.block.u8.subarray(stub.start, stub.end))}`);
      return;
    }
    const digits = Math.max(4, size.toString(16).length);
    const budget = { left: MAX_TREE_LINES };
    for (const child of trace.root.children) this.node(child, 0, digits, lines, budget);
    if (budget.left < 0) lines.push(`    … ${-budget.left} more fields`);
  }

  /** Arguments that are flags get the names of their bits for their meaning. */
  private spelled(call: Call, trace: Trace | null): Trace | null {
    if (trace === null || this.names.flags === undefined) return trace;
    const children = trace.root.children.map((child) => {
      const { name, value } = child;
      const bits =
        typeof value === 'number'
          ? this.names.flags?.(`${call.interface ?? ''}::${call.method ?? ''}.${name}`, value)
          : null;
      return bits == null ? child : { ...child, meaning: bits };
    });
    return { ...trace, root: { ...trace.root, children } };
  }

  private node(node: TraceNode, depth: number, digits: number, lines: string[], budget: { left: number }): void {
    if (--budget.left >= 0) lines.push(this.line(node, depth, digits));
    for (const child of node.children) this.node(child, depth + 1, digits, lines, budget);
  }

  private line(node: TraceNode, depth: number, digits: number): string {
    const { style } = this;
    const at = (offset: number): string => offset.toString(16).padStart(digits, '0');
    // An empty range owns no byte.
    const range =
      node.end > node.start ? `${at(node.start)}-${at(node.end - 1)}` : at(node.start).padEnd(2 * digits + 1);
    const hidden = node.type === 'padding';
    const value =
      node.children.length > 0 && isGroup(node.value)
        ? ''
        : ` = ${style.value(valueText(node.value, { width: MAX_TREE_TEXT, names: null }))}`;
    const meaning = node.meaning === null ? '' : `  ${style.good(`(${escapeTerminal(node.meaning)})`)}`;
    const section = node.section === null ? '' : `  ${style.dim(`§ ${node.section}`)}`;
    const text = `${escapeTerminal(node.name)}: ${escapeTerminal(node.type)}${hidden && node.value === null ? '' : value}${meaning}${section}`;
    return `    ${style.dim(range)}  ${'  '.repeat(depth)}${hidden ? style.dim(text) : text}`;
  }
}

function methodFact(call: Call): string | null {
  if (call.method === null) return call.opnum === null ? null : namelessText(call);
  const printed =
    call.printedOpnum === null || call.printedOpnum === call.opnum ? '' : ` (printed as ${call.printedOpnum})`;
  const section = call.section === null ? '' : `, [${call.spec ?? '?'}] ${call.section}`;
  const late = call.via === null ? '' : `, DISPID ${call.dispid} through ${call.via.interface}::${call.via.method}`;
  return `${escapeTerminal(call.method)}, ${call.member}, opnum ${call.opnum}${printed}${section}${late}`;
}

function objectFact(call: Call): string | null {
  const { object } = call;
  if (object === null) return null;
  return `${object.label === null ? '' : `${escapeTerminal(object.label)}, `}IPID ${object.ipid}${object.oid === null ? '' : `, OID ${object.oid}, OXID ${object.oxid}`}`;
}

function interfaceFact({ iid, interface: name }: Call): string | null {
  return iid === null ? null : `${name === null ? '(unknown)' : escapeTerminal(name)} {${iid}}`;
}

function authFact({ auth }: Call): string | null {
  if (auth.type === 'none') return null;
  return `${auth.type}, ${auth.level}, ${auth.verdict}${auth.user == null ? '' : `, as ${escapeTerminal(auth.user)}`}`;
}
