import { Option } from 'commander';
import { ClientError, type ClientErrorKind } from '../../peer/client/error.js';
import { ExpressionError, parseCalls, type Statement } from '../../peer/client/expression.js';
import { hex32 } from '../../bytes/hex.js';
import { AUTH_LEVELS, type AuthLevel } from '../../types.js';
import { Client } from '../../peer/client/client.js';
import { Evaluator } from '../../peer/client/evaluate.js';
import { plain, valueLine } from '../call/show.js';
import { identityFor, kerberosOptions, policyOption, seconds, targetOf, type TicketFlags } from '../identity.js';
import type { IdlFlags } from '../../io/idl.js';
import type { Knowledge } from '../../pipeline/knowledge.js';
import { Tap } from '../../io/tap.js';
import { Sink } from '../../io/sink.js';
import { EXIT, UsageError, type Streams } from '../../io/streams.js';
import { networkWorld } from '../../io/world.js';
import { examples, idlOptions, sortIdl, type Register } from './command.js';
import { escapeTerminal } from '../../output/escape.js';
import { jsonText } from '../../output/json.js';

/** Errors before the server had anything to say: they have the exit status of bad usage. */
const UNASKED: readonly ClientErrorKind[] = ['usage', 'refused'];
const HINTS: Partial<Readonly<Record<ClientErrorKind, string>>> = {
  denied: 'look at --user, --domain, --password, --level, and --kerberos where the server takes no NTLM',
  refused: 'look at --target',
  'timed-out': '--timeout gives it longer',
};

interface CallFlags extends TicketFlags, IdlFlags {
  readonly target: { readonly host: string; readonly port: number };
  readonly class: string;
  readonly interface?: string;
  readonly factory?: true;
  readonly late?: true;
  readonly early?: true;
  readonly level?: AuthLevel;
  readonly spnego?: true;
  readonly timeout: number;
  readonly followBindings?: true;
  readonly opnums: 'wire' | 'printed';
  readonly json?: true;
  readonly capture?: string;
}

/** `call`: makes calls on an object of a server, written as an expression. */
export const callCommand: Register = (program, { streams, load, done }) => {
  const command = program
    .command('call')
    .summary("makes calls on a server's objects, written as an expression")
    .description(
      'Activates a class on a server and makes the calls of an expression on the object (docs/client.md has the grammar): members with and without arguments, A.B = value, Item(0) or [0], [*] for every element, "as IUpdate2", $name = value; statements are separated by ";". Exit status 0: all calls succeeded; 1: the server refused one or did not answer; 2: nothing could be asked, or what was exchanged is not in the file of --capture.',
    )
    .argument('[expr...]', 'what to call; without one the object itself is shown')
    .addOption(
      new Option('--target <host[:port]>', 'the server, and the port of its object resolver')
        .argParser(targetOf)
        .makeOptionMandatory(),
    )
    .option('--class <class>', 'class to activate, by name or CLSID', 'UpdateSession')
    .option('--interface <name>', "interface to begin with, by name or IID, instead of the class's own")
    .option('--factory', 'activates through the class object (RemoteGetClassObject, IClassFactory)')
    .option('--early', 'calls by opnum, as the tables have them (unless told)')
    .addOption(new Option('--late', 'calls by name, through IDispatch').conflicts('early'))
    .option('--user <name>', 'signs in with NTLM; the password comes from --password or --nt-hash (or UAMGSCOPE_USER)')
    .option('--domain <name>', 'domain of the user')
    .option(
      '--password <pass>',
      'password, or user:password; @FILE reads it from a file (or UAMGSCOPE_PASSWORD)',
      several,
    )
    .option('--nt-hash <user:hex>', 'the same by NT hash (@FILE; or UAMGSCOPE_NT_HASH)', several)
    .addOption(
      new Option('--level <level>', 'authentication level; integrity with a user, none without, unless told').choices(
        AUTH_LEVELS.slice(1),
      ),
    )
    .option('--keytab <file>', 'with --kerberos: keys of the user (repeatable; or UAMGSCOPE_KEYTAB)', several)
    .option('--spnego', 'wraps NTLM or Kerberos in SPNEGO')
    .addOption(new Option('--timeout <seconds>', 'how long a call may take').argParser(seconds).default(30))
    .addOption(
      new Option('--opnums <numbering>', 'opnums as slots, or as [MS-UAMG] prints them')
        .choices(['wire', 'printed'])
        .default('wire'),
    )
    .option(
      '--follow-bindings',
      'calls objects at the host that the bindings of the server name, with the credentials, instead of the target',
    )
    .option('--json', 'one JSON object a value')
    .option('--capture <file>', 'writes what is exchanged as a pcapng capture')
    .option('--force', 'replaces the file of --capture where it exists')
    .addHelpText(
      'after',
      examples([
        [
          'call --target server --user alice --password @secret \'CreateUpdateSearcher().Search("IsInstalled=0").Updates.Count\'',
          '',
        ],
        [
          'call --target server --user alice --password @secret --late \'$s = CreateUpdateSearcher(); $s.Online = false; $s.Search("IsInstalled=0").Updates[*].Title\'',
          'every title',
        ],
      ]),
    )
    .action(async (texts: string[], flags: CallFlags) => {
      const { rest, idl } = sortIdl(texts, flags);
      const parsed = rest.flatMap(parsedOf);
      const known = await load(idl);
      done(await make(parsed, flags, known, streams));
    });
  for (const option of [...kerberosOptions(), policyOption()]) command.addOption(option);
  for (const option of idlOptions()) command.addOption(option);
};

async function make(
  statements: readonly Statement[],
  flags: CallFlags,
  known: Knowledge,
  streams: Streams,
): Promise<number> {
  const { host, port } = flags.target;
  const identity = await identityFor(flags, streams, host);
  const level = flags.level ?? (identity === null ? 'none' : 'integrity');
  if (identity === null && level !== 'none')
    throw new UsageError(`--level ${level} needs a user: give --user and --password`);
  const [out, messages] = [new Sink(streams.stdout), new Sink(streams.stderr)];
  const tap =
    flags.capture === undefined
      ? null
      : new Tap(flags.capture, {
          force: flags.force === true,
          failed: (why) => messages.line(`! ${flags.capture}: ${why}`),
        });
  const client = new Client({
    registry: known.registry,
    world: networkWorld(host, identity === null ? null : { ...identity, spnego: flags.spnego === true }, tap),
    host,
    port,
    level,
    binding: flags.late === true ? 'late' : 'early',
    timeoutMs: flags.timeout * 1000,
    numbering: flags.opnums,
    followBindings: flags.followBindings === true,
    onPingFailed: (error) =>
      messages.line(`! what is held was not pinged, and the server may let it go: ${error.message}`),
    onProblem: (call, problem) => messages.line(`! the answer to ${call}: ${problem.message}`),
  });
  let status: number = EXIT.ok;
  try {
    status = await carriedOut(client, statements, { flags, known, out, messages });
  } finally {
    tap?.close();
    await out.flush();
    await messages.flush();
  }
  return status === EXIT.ok && tap?.isWhole === false ? EXIT.usage : status;
}

/** Where the results of calls go, and how they are asked for. */
interface Outputs {
  readonly flags: CallFlags;
  readonly known: Knowledge;
  readonly out: Sink;
  readonly messages: Sink;
}

/** Makes the calls, and lets go what they held. Resolves to the exit status. */
async function carriedOut(
  client: Client,
  statements: readonly Statement[],
  { flags, known, out, messages }: Outputs,
): Promise<number> {
  let at: string | null = null;
  try {
    const root =
      flags.factory === true
        ? await client.createInstance(flags.class, flags.interface)
        : await client.activate(flags.class, flags.interface === undefined ? undefined : [flags.interface]);
    const evaluator = new Evaluator(client, root);
    const show = async (text: string, value: Parameters<typeof plain>[0]): Promise<void> =>
      out.line(
        flags.json === true
          ? jsonText({ kind: 'value', expression: text, value: await plain(value) })
          : await valueLine(value),
      );
    if (statements.length === 0) await show('', root);
    for (const statement of statements) {
      at = statement.text;
      for (const { text, value } of await evaluator.run(statement)) await show(text, value);
    }
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof ClientError) && !(error instanceof ExpressionError)) throw error;
    if (flags.json === true) out.line(jsonText({ kind: 'error', expression: at, ...factsOf(error, known) }));
    for (const line of wordsOf(error, at, known)) messages.line(escapeTerminal(line));
    return error instanceof ExpressionError || UNASKED.includes(error.kind) ? EXIT.usage : EXIT.found;
  } finally {
    await client.close();
  }
}

/** What went wrong, in words: what was called, what the code means and what to do. */
function wordsOf(error: ClientError | ExpressionError, expression: string | null, known: Knowledge): readonly string[] {
  const where = expression === null ? '' : `  in: ${expression}`;
  if (error instanceof ExpressionError)
    return [`uamgscope: column ${error.column}: ${error.message}`, ...(where === '' ? [] : [where])];
  const hint = HINTS[error.kind];
  const description = error.exception?.description ?? null;
  return [
    `uamgscope: ${error.message}${error.kind === 'denied' ? ': access denied' : ''}`,
    ...(where === '' ? [] : [where]),
    ...(error.status === null
      ? []
      : (known.explain(hex32(error.status)) ?? [hex32(error.status)]).map((line) => `  ${line}`)),
    ...(description === null ? [] : [`  the server says: ${description}`]),
    ...(hint === undefined ? [] : [`  ${hint}`]),
  ];
}

function factsOf(error: ClientError | ExpressionError, known: Knowledge): Readonly<Record<string, unknown>> {
  if (error instanceof ExpressionError)
    return {
      error: 'usage',
      call: null,
      status: null,
      name: null,
      message: `column ${error.column}: ${error.message}`,
    };
  const { kind, call, status, message } = error;
  return {
    error: kind,
    call,
    status: status === null ? null : hex32(status),
    name: status === null ? null : nameOf(status, kind, known),
    message,
  };
}

function nameOf(status: number, kind: ClientErrorKind, { names }: Knowledge): string | null {
  return kind === 'faulted' ? names.status(status) : (names.hresult(status) ?? names.status(status));
}

function parsedOf(text: string): readonly Statement[] {
  try {
    return parseCalls(text);
  } catch (error) {
    if (error instanceof ExpressionError)
      throw new UsageError(`${error.message}, at column ${error.column} of: ${text}`);
    throw error;
  }
}

function several(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}
