import type { RecordingRecord } from './records.js';

/**
 * The records of several sessions as if they were one: connections, calls, references and objects of every session but
 * the first get numbers above those before. Records of a single session are returned as they are.
 */
export function joinSessions(records: readonly RecordingRecord[]): readonly RecordingRecord[] {
  if (records.reduce((sum, one) => sum + (one.kind === 'session' ? 1 : 0), 0) < 2) return records;
  let base = { connection: 0, call: 0, reference: 0, object: 0 };
  const top = { ...base };
  return records.map((one): RecordingRecord => {
    switch (one.kind) {
      case 'session':
        base = { ...top };
        return one;
      case 'connection': {
        top.connection = Math.max(top.connection, one.id + base.connection);
        return { ...one, id: one.id + base.connection };
      }
      case 'context':
        return { ...one, connection: one.connection + base.connection };
      case 'reference': {
        const { made } = one;
        top.reference = Math.max(top.reference, one.id + base.reference);
        top.object = Math.max(top.object, one.object + base.object);
        return {
          ...one,
          id: one.id + base.reference,
          object: one.object + base.object,
          made: { call: made.call === null ? null : made.call + base.call, path: made.path },
        };
      }
      case 'call': {
        top.call = Math.max(top.call, one.id + base.call);
        return { ...one, id: one.id + base.call, connection: one.connection + base.connection };
      }
      case 'end':
        return one;
    }
  });
}
