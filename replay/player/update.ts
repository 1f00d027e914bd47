import { GUID_NULL } from '../../src/bytes/guid.js';
import type { Encoding, Registry } from '../../src/ndr/codec.js';
import { referencesIn } from '../../src/dcom/references.js';
import { asList, isRecord, mapFields, type Fields } from '../../src/ndr/value.js';
import type { Value } from '../../src/types.js';
import type { CallResult } from '../compare/calls.js';
import {
  contextKey,
  type RecordedCall,
  type RecordedStub,
  type RecordingRecord,
  type ReferenceRecord,
} from '../recording/records.js';
import { SessionJoiner } from '../recording/sessions.js';
import { Mapping } from './mapping.js';
import type { Played } from './player.js';
import { rewrittenResponse } from './stubs.js';

/**
 * A recording as it is to be from now on: every call as it was recorded, but for the answers that differ, in which
 * identifiers and addresses are those of the recording. So a review shows what changed, and nothing else. Where calls
 * are missing, or more than answers differ, it is the session as it was played.
 */
export function updatedRecords(
  recorded: Iterable<RecordingRecord>,
  { result, records }: Pick<Played, 'result' | 'records'>,
  registry: Registry,
): Iterable<RecordingRecord> {
  const paired = result.results.every(({ expected, actual }) => expected !== null && actual !== null);
  const changed = result.results.filter(({ status }) => status === 'different');
  if (!paired || changed.length === 0) return records;
  return new Updater(records, result.results, registry).update(recorded, changed);
}

class Updater {
  private readonly registry: Registry;
  private readonly back: Backwards;
  /** References by the call that handed them out first. */
  private readonly played = new Map<number | null, ReferenceRecord[]>();
  /** Transfer syntaxes by connection and context, of the session that was played. */
  private readonly transfers = new Map<string, Encoding['syntax']>();

  constructor(records: Iterable<RecordingRecord>, results: readonly CallResult[], registry: Registry) {
    this.registry = registry;
    this.back = new Backwards(results);
    for (const one of records) {
      if (one.kind === 'context') this.transfers.set(contextKey(one.connection, one.id), one.transfer);
      if (one.kind !== 'reference') continue;
      const list = this.played.get(one.made.call);
      if (list === undefined) this.played.set(one.made.call, [one]);
      else list.push(one);
    }
  }

  *update(recorded: Iterable<RecordingRecord>, changed: readonly CallResult[]): Iterable<RecordingRecord> {
    const answers = new Map(changed.map(({ expected, actual }) => [expected?.id ?? 0, actual]));
    const joiner = new SessionJoiner();
    const transfers = new Map<string, Encoding['syntax']>();
    let numbers = new Numbers(recorded);
    for (const one of recorded) {
      const joined = joiner.join(one);
      if (one.kind === 'session') numbers = numbers.next();
      if (joined.kind === 'context') transfers.set(contextKey(joined.connection, joined.id), joined.transfer);
      const answer = answers.get(answering(joined))?.call ?? null;
      if (answer === null) yield one;
      else if (one.kind === 'reference') yield* this.kept(one, answer);
      else if (one.kind === 'call' && joined.kind === 'call') {
        yield* this.added(one, answer, numbers);
        yield this.answered(one, answer, transfers.get(contextKey(joined.connection, joined.contextId)) ?? 'ndr20');
      } else yield one;
    }
  }

  /** A recorded reference of an answer that changed: where it stands by now, or nothing where it is gone. */
  private kept(one: ReferenceRecord, answer: RecordedCall): readonly ReferenceRecord[] {
    let path: string | null = null;
    referencesIn(answer.out, 'out', (found, at) => {
      if (path === null && this.back.id(found.ipid) === one.ipid) path = at;
    });
    return path === null ? [] : [{ ...one, made: { ...one.made, path } }];
  }

  /** References that the recording did not have. */
  private added(one: RecordedCall, answer: RecordedCall, numbers: Numbers): readonly ReferenceRecord[] {
    return (this.played.get(answer.id) ?? []).flatMap((found) => {
      const ipid = this.back.id(found.ipid);
      if (numbers.knows(ipid)) return [];
      const own = { ...found, ipid, oid: this.back.of(found.oid), oxid: this.back.of(found.oxid) };
      return [{ ...own, ...numbers.give(own), made: { ...found.made, call: one.id } }];
    });
  }

  private answered(one: RecordedCall, answer: RecordedCall, syntax: Encoding['syntax']): RecordedCall {
    const { hresult, wrapped, exception, refused, fault, outcome, decoded } = answer;
    const stub = this.stub(one, answer, syntax);
    const out = stub === answer.response && stub !== null ? answer.out : this.back.fields(answer.out);
    return { ...one, out, hresult, wrapped, exception, refused, fault, outcome, decoded, response: stub };
  }

  /** The response with the identifiers of the recording; as it came where no table reads it. */
  private stub(one: RecordedCall, answer: RecordedCall, syntax: Encoding['syntax']): RecordedStub | null {
    const { response } = answer;
    const transfer = this.transfers.get(contextKey(answer.connection, answer.contextId));
    if (response === null || transfer === undefined) return response;
    const littleEndian = (one.response ?? response).drep.littleEndian;
    const form = {
      uuid:
        (answer.via === null ? answer.iid : this.registry.interfaceByName(answer.via.interface)?.interface.uuid) ?? '',
      opnum: answer.via?.opnum ?? answer.opnum,
      encoding: { littleEndian: response.drep.littleEndian, syntax: transfer },
    };
    const bytes = rewrittenResponse(this.registry, form, response.bytes, {
      request: { before: answer.in, after: one.in },
      change: (fields) => this.back.fields(fields),
      encoding: { littleEndian, syntax },
    });
    return bytes === null ? response : { ...response, drep: { ...response.drep, littleEndian }, bytes };
  }
}

/** The number of the call whose answer a record tells of; 0 where it tells of none. */
function answering(record: RecordingRecord): number {
  if (record.kind === 'call') return record.id;
  return record.kind === 'reference' ? (record.made.call ?? 0) : 0;
}

/** From the identifiers and addresses of the server that was played against to those of the recording, by their places. */
class Backwards {
  private readonly mapping = new Mapping(() => GUID_NULL, '');
  private readonly addresses = new Map<string, Value>();

  constructor(results: readonly CallResult[]) {
    for (const { expected, actual } of results) {
      if (expected === null || actual === null) continue;
      this.mapping.learn(actual.call.out, expected.call.out);
      this.learnAddresses(actual.call.out, expected.call.out);
    }
  }

  id(live: string): string {
    return this.mapping.live(live) ?? live;
  }

  of(live: string | null): string | null {
    return live === null ? null : this.id(live);
  }

  fields(fields: Fields): Fields {
    return mapFields(this.mapping.translateFields(fields), (one, name) =>
      name === 'networkAddr' && typeof one === 'string' ? (this.addresses.get(one) ?? one) : undefined,
    );
  }

  private learnAddresses(live: Value | undefined, recorded: Value | undefined): void {
    if (Array.isArray(live) && Array.isArray(recorded)) {
      const others = asList(recorded);
      for (const [at, one] of asList(live).entries()) this.learnAddresses(one, others[at]);
    } else if (isRecord(live) && isRecord(recorded)) {
      const { networkAddr } = live;
      if (typeof networkAddr === 'string' && !this.addresses.has(networkAddr))
        this.addresses.set(networkAddr, recorded['networkAddr'] ?? networkAddr);
      for (const field in live) this.learnAddresses(live[field], recorded[field]);
    }
  }
}

/** Numbers of references and objects that a session of the recording does not use yet. */
class Numbers {
  private readonly sessions: readonly (readonly ReferenceRecord[])[];
  private readonly at: number;
  private readonly known: Set<string>;
  private reference = 0;
  private object = 0;
  private readonly objects = new Map<string, number>();

  constructor(recorded: Iterable<RecordingRecord>, sessions = bySession(recorded), at = -1) {
    this.sessions = sessions;
    this.at = at;
    const own = sessions[at] ?? [];
    this.known = new Set(own.map(({ ipid }) => ipid));
    for (const one of own) {
      this.reference = Math.max(this.reference, one.id);
      this.object = Math.max(this.object, one.object);
      this.objects.set(identityOf(one), one.object);
    }
  }

  /** Those of the session that follows. */
  next(): Numbers {
    return new Numbers([], this.sessions, this.at + 1);
  }

  knows(ipid: string): boolean {
    return this.known.has(ipid);
  }

  /** Numbers for a reference; its object keeps its own. */
  give(one: ReferenceRecord): { readonly id: number; readonly object: number } {
    this.known.add(one.ipid);
    const object = this.objects.get(identityOf(one)) ?? ++this.object;
    this.objects.set(identityOf(one), object);
    return { id: ++this.reference, object };
  }
}

function identityOf({ oxid, oid, ipid }: ReferenceRecord): string {
  return oxid !== null && oid !== null ? oxid + oid : ipid;
}

function bySession(recorded: Iterable<RecordingRecord>): readonly (readonly ReferenceRecord[])[] {
  const sessions: ReferenceRecord[][] = [];
  for (const one of recorded) {
    if (one.kind === 'session') sessions.push([]);
    else if (one.kind === 'reference') sessions.at(-1)?.push(one);
  }
  return sessions;
}
