import { grouped } from '../bytes/decimal.js';
import { hex32 } from '../bytes/hex.js';
import { walkRecords } from '../ndr/value.js';
import type { Call, Finding, Moment, Problem, SecurityRecord, Stub, Value } from '../types.js';
import type { Summary } from '../analysis/analyzer.js';
import { readActivation } from '../analysis/activation.js';
import { failed } from '../analysis/failed.js';
import { escapeTerminal } from './escape.js';
import { endpointText, transportText, type Names } from './names.js';
import { PLAIN, type Style } from './style.js';
import { durationText, IsoClock } from './time.js';
import { MAX_LINE_TEXT } from './limits.js';
import { argumentsText, shortIpid, valueText, type Shown } from './values.js';

/** How lines are made; `style` is PLAIN unless the reader is a terminal. */
export interface TextOptions {
  readonly style?: Style;
}

/** One line a call for people. A mark in the first column: `✗` failed, `!` has problems, `?` no answer. */
export class TextWriter {
  private readonly names: Names;
  private readonly style: Style;
  private readonly clock = new IsoClock();
  private readonly shown: Shown;

  constructor(names: Names, options: TextOptions = {}) {
    this.names = names;
    this.shown = { width: MAX_LINE_TEXT, names };
    this.style = options.style ?? PLAIN;
  }

  /** The line of a call, without its line feed. */
  call(call: Call): string {
    const { style } = this;
    const parts = [
      `${this.mark(call)} ${style.dim(this.time(call.time))}`,
      `${endpointText(call.client)} → ${endpointText(call.server)}${pipeText(call)}`,
      ...(lateNamed(call) ? [] : [objectText(call)]),
      this.callee(call),
    ];
    parts.push(this.result(call));
    if (call.latencyNs !== null) parts.push(style.dim(durationText(call.latencyNs)));
    parts.push(style.dim(framesText(call)));
    if (call.problems.length > 0)
      parts.push(
        style.warn(
          `! ${call.problems.length === 1 ? call.problems[0]?.code : `${call.problems.length} problems: ${call.problems[0]?.code}`}`,
        ),
      );
    return parts.join('  ');
  }

  /** The line of damage that belongs to no call. */
  problem(problem: Problem): string {
    return this.style.warn(`! ${problemText(problem)}`);
  }

  /** The line of a finding. */
  finding(finding: Finding): string {
    const { style } = this;
    const text = findingText(finding);
    return { error: style.bad, warning: style.warn, info: style.dim }[finding.severity](text);
  }

  /** The line of a logon. */
  security(record: SecurityRecord): string {
    return this.style.dim(logonText(record));
  }

  /** The totals, as a sentence. */
  summary(summary: Summary): string {
    return summaryText(summary);
  }

  private mark(call: Call): string {
    if (failed(call)) return this.style.bad('✗');
    if (call.problems.length > 0) return this.style.warn('!');
    return call.outcome === 'answered' || call.outcome === 'maybe' || call.outcome === 'response-only'
      ? ' '
      : this.style.warn('?');
  }

  private time(time: Moment | null): string {
    return time === null ? '--:--:--.---' : this.clock.text(time).slice(11, 23);
  }

  private callee(call: Call): string {
    const { style } = this;
    const text = signature(call, this.shown, style);
    const doubt = call.certainty === 'guessed' ? style.warn(' (guessed)') : '';
    return (
      text +
      doubt +
      (call.via === null
        ? ''
        : style.dim(
            lateNamed(call) || call.object?.label !== null
              ? `  [late, ${call.via.method}]`
              : `  [late, ${call.via.method}: object unknown]`,
          ))
    );
  }

  private result(call: Call): string {
    const { style, names } = this;
    if (call.fault !== null) return style.bad(`fault ${names.status(call.fault.status) ?? hex32(call.fault.status)}`);
    if (call.outcome !== 'answered' && call.outcome !== 'response-only') return style.warn(OUTCOME_WORDS[call.outcome]);
    if (call.hresult === null) return style.warn(hiddenText(call) ?? '-');
    const name = resultName(call.hresult, names);
    const said = call.exception?.description ?? null;
    const text =
      (call.wrapped === null ? name : `${name} (in ${escapeTerminal(call.wrapped)})`) +
      (said === null ? '' : ` ${valueText(said, this.shown)}`) +
      (call.refused === null ? '' : ` at ${escapeTerminal(call.refused)}`);
    return failed(call) ? style.bad(text) : style.good(text);
  }
}

/** How a call ended, where its result does not say it. */
export const OUTCOME_WORDS: Readonly<Record<Call['outcome'], string>> = {
  answered: '',
  faulted: '(fault)',
  cancelled: '(cancelled)',
  orphaned: '(abandoned)',
  unanswered: '(no answer)',
  maybe: '(no answer due)',
  'response-only': '',
};

/** Why a call that was answered has no result here: `[sealed]` or `[cut]`; null where it has none at all. */
export function hiddenText({ auth, exchange: { response } }: Call): string | null {
  if (auth.verdict === 'sealed') return '[sealed]';
  return response !== null && !response.complete ? '[cut]' : null;
}

/** Name of an HRESULT or status, or its number. */
export function resultName(value: number, names: Names): string {
  return names.hresult(value >>> 0) ?? names.status(value >>> 0) ?? hex32(value);
}

function objectText(call: Call): string {
  if (call.object === null) return '-';
  return call.object.label === null ? `@${shortIpid(call.object.ipid)}` : escapeTerminal(call.object.label);
}

/** A late-bound call whose member was found: it reads as a call of its object, whose name says the class. */
function lateNamed(call: Call): boolean {
  return (
    call.binding === 'late' &&
    call.object !== null &&
    call.object.label !== null &&
    call.via !== null &&
    call.method !== call.via.method
  );
}

/** `warning: … (call 7, IUpdate#3) [MS-UAMG] 3.20 [not-used-on-wire]` */
export function findingText(finding: Finding): string {
  const { severity, message, call, object, spec, rule, connection } = finding;
  const place = [call === null ? '' : `call ${call}`, object === null ? '' : escapeTerminal(object)]
    .filter((part) => part !== '')
    .join(', ');
  const why = connection === undefined ? '' : `. ${connection.cause}. ${connection.advice}`;
  return `${severity}: ${escapeTerminal(message)}${why}${place === '' ? '' : ` (${place})`}${spec === null ? '' : ` ${spec}`} [${rule}]`;
}

/** `security: CONTOSO\\alice logs on with NTLMv2 from PC5 to SRV9, opened (frame 7, flow 2)` */
export function logonText({
  mechanism,
  version,
  ticket,
  workstation,
  target,
  secret,
  ...record
}: SecurityRecord): string {
  const how =
    mechanism === 'kerberos'
      ? `Kerberos (${ticket?.etype ?? 'no ticket'})`
      : `NTLM${version === null ? '' : `v${version}`}`;
  const parts = [
    `${escapeTerminal(logonName({ mechanism, ...record }))} logs on with ${how}`,
    workstation === '' ? '' : ` from ${escapeTerminal(workstation)}`,
    target === null ? '' : ` to ${escapeTerminal(target)}`,
    secret === 'proved' ? ', opened' : '',
  ];
  return `security: ${parts.join('')} (frame ${record.frame}, flow ${record.flow})`;
}

/** `alice@CONTOSO.EXAMPLE`, `CONTOSO\\alice`, `alice`. */
function logonName({ mechanism, user, domain }: Pick<SecurityRecord, 'mechanism' | 'user' | 'domain'>): string {
  if (user === '') return 'an unnamed user';
  if (mechanism === 'kerberos') return `${user}@${domain}`;
  return domain === '' ? user : `${domain}\\${user}`;
}

/** What is to be said of a method that has no name: whether its interface has it, is in no table, or is not known. */
export function namelessText({ iid, interface: name, opnum }: Call): string {
  const number = `opnum ${opnum ?? '?'}`;
  if (iid === null) return `${number} of an interface that is not known`;
  return name === null ? `${number} of an interface that no table has` : `${number}, in no table`;
}

/** What a member belongs to: the object it was called on late bound, or the interface, by name or IID. */
function ownerText(call: Call): string {
  if (lateNamed(call)) return escapeTerminal(call.object?.label ?? '');
  if (call.interface !== null) return escapeTerminal(call.interface);
  return call.iid === null ? '{unknown interface}' : `{${escapeTerminal(call.iid)}}`;
}

/**
 * `IUpdateSearcher::Search(criteria="…") → ISearchResult#1`, `IUpdate.Title → "…"`, `IUpdateSearcher.Online = true`.
 */
export function signature(call: Call, shown: Shown, style: Style = PLAIN): string {
  const owner = ownerText(call);
  if (call.method === null) return `${style.name(`${owner} opnum ${call.opnum ?? '?'}`)}${stubsText(call)}`;
  const method = escapeTerminal(call.method);
  if (showsNothing(call)) return `${style.name(`${owner}::${method}`)}${stubsText(call)}`;
  const activation = activationText(call, shown);
  if (activation !== null) return `${style.name(`${owner}::${method}`)}${activation}`;
  const got = outputs(call, shown);
  const arrow = got === '' ? '' : ` → ${style.value(got)}`;
  if (call.member === 'propput' || call.member === 'propputref') {
    const { index, last } = splitLast(call.in, shown);
    const value = last ?? (isCut(call) ? CUT : null);
    const title = style.name(`${owner}.${method.replace(/^put(ref)?_/, '')}`);
    return `${title}${bracketed(index)}${value === null ? '' : ` = ${style.value(value)}`}${arrow}`;
  }
  const known = argumentsText(call.in, { ...shown, member: `${call.interface ?? ''}::${call.method}` });
  const given = isCut(call) ? [known, CUT].filter((part) => part !== '').join(', ') : known;
  if (call.member === 'propget')
    return `${style.name(`${owner}.${method.replace(/^get_/, '')}`)}${bracketed(given)}${arrow}`;
  return `${style.name(`${owner}::${method}`)}(${given})${arrow}`;
}

/** Stands for arguments that were not captured. */
const CUT = '…';

function isCut({ exchange: { request } }: Call): boolean {
  return request !== null && !request.complete;
}

/** Whether there is nothing to see of a call but its stubs: it is sealed, or no table has its parameters. */
function showsNothing(call: Call): boolean {
  const hidden = call.auth.verdict === 'sealed' && call.hresult === null;
  return (hidden || !call.decoded) && isEmpty(call.in) && isEmpty(call.out);
}

function bracketed(text: string): string {
  return text === '' ? '' : `(${text})`;
}

/** `(UpdateSession for IUpdateSession3) → IUpdateSession3#1` of an activation; null for every other call. */
function activationText(call: Call, shown: Shown): string | null {
  const parts = shown.names === null ? null : activationParts(call, shown.names);
  if (parts === null) return null;
  return `(${parts.asked})${parts.made === '' ? '' : ` → ${parts.made}`}`;
}

/** What an activation asks for, class and interfaces by name, and the objects it made; null for every other call. */
export function activationParts(call: Call, names: Names): { readonly asked: string; readonly made: string } | null {
  if (call.object !== null || names.uuid === undefined) return null;
  const activation = readActivation(call.in);
  if (activation === null || activation.clsid === null) return null;
  const name = (uuid: string): string => escapeTerminal(names.uuid?.(uuid) ?? `{${uuid}}`);
  const iids = activation.iids.map(name).join(', ');
  const made: string[] = [];
  walkRecords(call.out, (record) => {
    const { label, ipid } = record;
    if (typeof label === 'string' && typeof ipid === 'string' && made.length < MAX_MADE)
      made.push(escapeTerminal(label));
    return true;
  });
  return { asked: `${name(activation.clsid)}${iids === '' ? '' : ` for ${iids}`}`, made: made.join(', ') };
}

/** Objects named of one activation. */
const MAX_MADE = 4;

function isEmpty(fields: Call['in']): boolean {
  for (const _ in fields) return false;
  return true;
}

/** Behind the server: the pipe that was called through. */
function pipeText({ exchange: { flow } }: Call): string {
  return flow.pipe === undefined ? '' : ` ${escapeTerminal(flow.pipe.name ?? transportText(flow) ?? '')}`;
}

/** A lone retval stands for itself; several results keep their names. */
function outputs(call: Call, shown: Shown): string {
  const names = Object.keys(call.out);
  if (names.length === 0) return '';
  const retval = call.out['retval'];
  if (names.length === 1 && retval !== undefined)
    return failed(call) && retval === null ? '' : valueText(retval, shown);
  // What a failed call leaves in its results says nothing.
  if (failed(call) && names.every((name) => isBlank(call.out[name] as Value))) return '';
  const text = argumentsText(call.out, shown);
  return text === '' ? '' : `(${text})`;
}

function isBlank(value: Value): boolean {
  return value === null || value === 0 || value === '' || value === false;
}

/** What a property is set to, and the arguments before it, as text; null where it is not known. */
export function splitLast(fields: Call['in'], shown: Shown): { readonly index: string; readonly last: string | null } {
  const names = Object.keys(fields);
  const name = names.at(-1);
  if (name === undefined) return { index: '', last: null };
  const rest = Object.fromEntries(names.slice(0, -1).map((key) => [key, fields[key] as Value]));
  return { index: argumentsText(rest, shown), last: valueText(fields[name] as Value, shown) };
}

/** ` [sealed]` or the sizes of stubs nobody can read. */
function stubsText(call: Call): string {
  const { request, response } = call.exchange;
  const sealed = request?.sealed === true || response?.sealed === true;
  return `${sealed ? ' [sealed]' : ''} (${sizeOf(request)} → ${sizeOf(response)} bytes)`;
}

function sizeOf(stub: Stub | null): string {
  return stub === null ? '-' : String(stub.end - stub.start);
}

/** `[12→14,15]`: frames of request and answer. */
function framesText(call: Call): string {
  return `[${framesOf(call.requestFrames)}→${framesOf(call.responseFrames)}]`;
}

function framesOf(frames: readonly number[]): string {
  if (frames.length <= 3) return frames.join(',');
  return `${frames[0]}…${frames.at(-1)}`;
}

/** What is wrong and where, in one line. */
export function problemText(problem: Problem): string {
  const { frame, flow, stub, path } = problem.at;
  const place = [
    frame === undefined ? '' : `frame ${frame}`,
    flow === undefined ? '' : `flow ${flow}`,
    stub === undefined ? '' : `stub offset ${stub}`,
    path === undefined ? '' : escapeTerminal(path),
  ]
    .filter((part) => part !== '')
    .join(', ');
  const spec = problem.spec === null ? '' : ` ${problem.spec}`;
  return `${problem.layer}: ${escapeTerminal(problem.message)}${place === '' ? '' : ` (${place})`}${spec} [${problem.code}]`;
}

/** `12 calls, 30 PDUs, 2 flows, 60 frames, 9,216 bytes; 1 problem` */
export function summaryText(summary: Summary): string {
  return `${count(summary.calls, 'call')}, ${count(summary.pdus, 'PDU')}, ${count(summary.flows, 'flow')}, ${count(summary.frames, 'frame')}, ${count(summary.bytes, 'byte')}; ${count(summary.problems, 'problem')}`;
}

function count(value: number, what: string): string {
  return `${grouped(value)} ${what}${value === 1 ? '' : 's'}`;
}
