import { InvalidArgumentError, Option } from 'commander';
import type { Fallback } from '../../../replay/responder/responder.js';
import type { RecordingRecord } from '../../../replay/recording/records.js';
import { ntHash } from '../../security/ntlm/derive.js';
import type { IdlFlags } from '../idl.js';
import { serveRecording } from '../listen.js';
import { loadRecording } from '../recordings.js';
import { readSecrets, withSecrets, type SecretFlags } from '../secrets.js';
import { UsageError } from '../streams.js';
import { examples, idlOptions, say, type Register } from './command.js';

interface ServeFlags extends SecretFlags, IdlFlags {
  readonly listen: { readonly host: string; readonly port: number };
  readonly fallback: Fallback;
  readonly user?: string;
}

/** `serve`: plays the server side of recordings. */
export const serveCommand: Register = (program, { streams, load }) => {
  const command = program
    .command('serve')
    .summary('plays the server side of a recording')
    .description('Stands in for the server of a recording: answers calls matched by object, member and arguments, in the order of the recording where they change something. Runs until it is interrupted.')
    .argument('<rec...>', 'recordings (uamgscope record makes them)')
    .addOption(new Option('--listen <host:port>', 'where to listen; port 0 takes any that is free').argParser(endpoint).default({ host: '127.0.0.1', port: 135 }, '127.0.0.1:135'))
    .addOption(new Option('--fallback <what>', 'answer to a call that was never recorded: a fault, or that of the nearest recorded call').choices(['error', 'nearest']).default('error'))
    .option('--user <name>', 'lets this user sign in with NTLM; the password comes from --password or --nt-hash')
    .addHelpText('after', examples([
      ['serve session.uamgrec --listen 127.0.0.1:4135 --user tester --password @secret', ''],
    ]))
    .action(async (recs: string[], flags: ServeFlags) => {
      const known = await load(flags);
      const records: RecordingRecord[] = [];
      for (const path of recs) {
        const { records: own, problems } = await loadRecording(path);
        for (const problem of problems.slice(0, 20)) await say(streams, `! ${path}: ${problem.message}`);
        records.push(...own);
      }
      const users = usersOf(flags, streams.env);
      let missed = 0;
      const serving = await serveRecording({
        records, registry: known.registry, ...flags.listen, fallback: flags.fallback, users,
        missed: (call, answered) => {
          if (answered === 'upkeep' || ++missed > 100) return;
          const slot = known.registry.interfaceByUuid(call.abstract.uuid)?.slots[call.opnum];
          void say(streams, `! ${slot == null ? `${call.abstract.uuid} opnum ${call.opnum}` : `${slot.owner.name}::${slot.method.name}`} was never recorded so: answered with ${answered === 'fault' ? 'a fault' : 'the nearest call'}`);
        },
      });
      await say(streams, `listening at ${flags.listen.host}:${serving.port}`);
      await new Promise<void>((resolve) => {
        process.once('SIGINT', () => resolve());
        process.once('SIGTERM', () => resolve());
      });
      await serving.close();
    });
  withSecrets(command);
  for (const option of idlOptions()) command.addOption(option);
};

function endpoint(text: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:\s]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port > 65_535) throw new InvalidArgumentError('A host and a port are wanted: 127.0.0.1:4135.');
  return { host, port };
}

function usersOf(flags: ServeFlags, env: Readonly<Record<string, string | undefined>>): ReadonlyMap<string, { readonly hash: Uint8Array }> {
  const { passwords = [], ntHashes = [] } = readSecrets(flags, env);
  const users = new Map<string, { readonly hash: Uint8Array }>();
  const add = (user: string | null, hash: Uint8Array): void => {
    const name = user ?? flags.user;
    if (name === undefined) throw new UsageError('a password without a user: give --user');
    users.set(name.toLowerCase(), { hash });
  };
  for (const { user, password } of passwords) add(user, ntHash(password));
  for (const { user, hash } of ntHashes) add(user, hash);
  if (flags.user !== undefined && !users.has(flags.user.toLowerCase())) throw new UsageError(`no password for ${flags.user}: give --password @FILE, --nt-hash or UAMGSCOPE_PASSWORD`);
  return users;
}
