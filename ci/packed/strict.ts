/** A strict TypeScript project that uses the packed package; ci/packed/run.sh compiles and runs it. */
import assert from 'node:assert/strict';
import {
  connect,
  decode,
  diff,
  differences,
  jsonLine,
  matchers,
  record,
  recordStream,
  replay,
  report,
  secrets,
  serve,
  weightOf,
  type Call,
  type DecodedRecord,
  type DecodeOptions,
  type Finding,
  type ObjectRecord,
  type Problem,
  type RecordingRecord,
  type SecurityRecord,
  type SummaryRecord,
  type Value,
} from 'uamgscope';

const [, , capture = ''] = process.argv;

/** Every kind of record, told apart by `kind` alone: a kind that is added breaks this. */
function name(one: DecodedRecord): string {
  switch (one.kind) {
    case 'call':
      return nameOfCall(one);
    case 'finding':
      return ((finding: Finding) => finding.rule)(one);
    case 'problem':
      return ((problem: Problem) => `${problem.code} ${weightOf(problem)}`)(one);
    case 'security':
      return ((logon: SecurityRecord) => logon.user)(one);
    case 'object':
      return ((object: ObjectRecord) => object.label)(one);
    case 'summary':
      return ((summary: SummaryRecord) => String(summary.calls))(one);
  }
}

function nameOfCall(call: Call): string {
  const criteria: Value | undefined = call.in['criteria'];
  return `${call.interface ?? '?'}::${call.method ?? '?'} ${typeof criteria === 'string' ? criteria : ''}`;
}

const options: DecodeOptions = {
  where: 'method == "Search"',
  kinds: ['call', 'object', 'summary'],
  secrets: secrets({ passwords: ['alice:secret'] }),
  signal: new AbortController().signal,
};
const names: string[] = [];
for await (const one of decode([capture], options)) {
  names.push(name(one));
  assert.equal((JSON.parse(jsonLine(one)) as { readonly kind: string }).kind, one.kind);
}
assert.deepEqual(names.slice(0, 2), [
  'IUpdateSearcher::Search IsInstalled=0 and IsHidden=0',
  'IUpdateSearcher::Search IsInstaled=0',
]);
assert.equal(names.at(-1), '60');

const records: readonly RecordingRecord[] = await record(capture);
let streamed = 0;
for await (const _ of recordStream(capture)) streamed++;
assert.equal(streamed, records.length);
assert.deepEqual(differences(await diff(capture, records)), []);
assert.equal((await report(capture)).totals.calls, 60);

const serving = await serve(records, { user: 'tester', password: 'secret' });
const played = await replay(records, { target: `127.0.0.1:${serving.port}`, user: 'tester', password: 'secret' });
await serving.close();
assert.equal(played.same, true);
assert.ok([connect, matchers].every((one) => one !== undefined));
console.log(`strict: ${names.length} records, ${streamed} of a recording, played as recorded`);
