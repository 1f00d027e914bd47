import { spanOf } from '../../src/bytes/block.js';
import { CallMaker } from '../../src/analysis/calls.js';
import { ANALYSIS_LIMITS } from '../../src/analysis/limits.js';
import type { Registry } from '../../src/ndr/codec.js';
import type { Drep, Exchange, Flow, Moment, Stub } from '../../src/types.js';
import type { ServedAnswer, ServedCall } from '../../src/peer/link/server.js';
import { Recorder } from '../recording/recorder.js';
import type { RecordingRecord, SessionRecord } from '../recording/records.js';

/** Records what a server is called and answers, from inside: no capture and no credentials are needed. */
export class Tap {
  private readonly maker: CallMaker;
  private readonly recorder: Recorder;
  private calls = 0;

  constructor(registry: Registry, session: Omit<SessionRecord, 'kind'>, put: (record: RecordingRecord) => void) {
    this.maker = new CallMaker({ registry, numbering: 'auto', limits: ANALYSIS_LIMITS, objects: true });
    this.recorder = new Recorder(session, put);
  }

  /** A call was answered on a connection. */
  exchanged(flow: Flow, call: ServedCall, answer: ServedAnswer, requestTime: Moment, responseTime: Moment): void {
    const exchange: Exchange = {
      kind: 'exchange',
      flow,
      direction: 0,
      callId: call.callId,
      contextId: call.contextId,
      opnum: call.opnum,
      object: call.object,
      context: { id: call.contextId, abstract: call.abstract, transfer: call.transfer },
      request: stubOf(call.stub, call.drep),
      response: answer.kind === 'response' ? stubOf(answer.stub, answer.drep) : null,
      fault: answer.kind === 'fault' ? { status: answer.status, didNotExecute: false } : null,
      outcome: answer.kind === 'response' ? 'answered' : 'faulted',
      requestTime,
      responseTime,
      requestAuth: call.auth,
      responseAuth: call.auth,
      problems: [],
    };
    this.recorder.call(this.maker.make(exchange, ++this.calls, []));
  }

  /** No more calls will come. */
  end(): void {
    this.recorder.end();
  }
}

function stubOf(bytes: Uint8Array, drep: Drep): Stub {
  return {
    ...spanOf(bytes.slice()),
    drep,
    frames: [],
    pieces: [],
    fragments: 1,
    complete: true,
    sealed: false,
    verification: null,
  };
}
