import type { RecordedCall, RecordingRecord } from './records.js';

/** What is added to the numbers of one session of several: connections, calls, references and objects. */
export interface SessionBase {
  readonly connection: number;
  readonly call: number;
  readonly reference: number;
  readonly object: number;
}

/**
 * Takes the records of several sessions as if they were one: connections, calls, references and objects of every
 * session but the first get numbers above those before. Records of the first are returned as they are.
 */
export class SessionJoiner {
  /** Of the session that records are of by now. */
  base: SessionBase = { connection: 0, call: 0, reference: 0, object: 0 };
  private readonly top = { connection: 0, call: 0, reference: 0, object: 0 };

  join(one: RecordingRecord): RecordingRecord {
    const { top } = this;
    switch (one.kind) {
      case 'session':
        this.base = { ...top };
        return one;
      case 'connection': {
        const id = one.id + this.base.connection;
        top.connection = Math.max(top.connection, id);
        return id === one.id ? one : { ...one, id };
      }
      case 'context':
        return this.base.connection === 0 ? one : { ...one, connection: one.connection + this.base.connection };
      case 'reference': {
        const { made } = one;
        const [id, object] = [one.id + this.base.reference, one.object + this.base.object];
        top.reference = Math.max(top.reference, id);
        top.object = Math.max(top.object, object);
        const call = made.call === null ? null : made.call + this.base.call;
        if (id === one.id && object === one.object && call === made.call) return one;
        return { ...one, id, object, made: { call, path: made.path } };
      }
      case 'call': {
        const call = joinedCall(one, this.base);
        top.call = Math.max(top.call, call.id);
        return call;
      }
      case 'end':
        return one;
    }
  }
}

/** A call with the numbers it has behind the sessions before its own. */
export function joinedCall(call: RecordedCall, base: SessionBase): RecordedCall {
  return base.call === 0 && base.connection === 0
    ? call
    : { ...call, id: call.id + base.call, connection: call.connection + base.connection };
}

/** The records of several sessions as if they were one; those of a single session as they are. */
export function joinSessions(records: readonly RecordingRecord[]): readonly RecordingRecord[] {
  if (records.reduce((sum, one) => sum + (one.kind === 'session' ? 1 : 0), 0) < 2) return records;
  const joiner = new SessionJoiner();
  return records.map((one) => joiner.join(one));
}
