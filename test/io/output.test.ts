import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  existsSync,
  linkSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/cli.js';
import { claimOutput, lockOutput, OutputWriter, PRIVATE, releaseOutput, writeOutput } from '../../src/io/output.js';
import { UsageError } from '../../src/io/streams.js';
import { ROOT } from '../support/shared.js';
import { testStreams } from '../support/streams.js';

const folder = mkdtempSync(join(tmpdir(), 'uamgscope-output-'));
afterAll(() => rmSync(folder, { recursive: true }));
const name = join(folder, 'out.txt');
const text = (path = name): string => readFileSync(path, 'utf8');
const mode = (path = name): number => statSync(path).mode & 0o777;

beforeEach(() => {
  for (const one of readdirSync(folder)) rmSync(join(folder, one), { recursive: true });
});

describe('an output', () => {
  it('is not made through a link to what is not there, and says so', () => {
    const link = join(folder, 'link');
    symlinkSync(join(folder, 'nothing'), link);
    for (const force of [false, true])
      expect(() => claimOutput(link, { force })).toThrow(
        /link: it is a link to what is not there: name the file itself/,
      );
    expect(readdirSync(folder)).toEqual(['link']);
    // Who lets a file go has ended with it, whatever became of its name.
    expect(() => releaseOutput(link)).not.toThrow();
  });

  it('has its name when it is whole, and not before', async () => {
    const writer = await OutputWriter.open(name);
    await writer.write('half');
    expect(existsSync(name)).toBe(false);
    await writer.write(' and half');
    await writer.finish();
    expect([text(), readdirSync(folder)]).toEqual(['half and half', ['out.txt']]);
  });

  it('replaces nothing unless it is told to, and then only when it is whole', async () => {
    writeFileSync(name, 'gold');
    await expect(writeOutput(name, ['lead'])).rejects.toThrow(
      /out.txt exists already: name another file, or give --force/,
    );
    const writer = await OutputWriter.open(name, { force: true });
    await writer.write('lead');
    expect(text()).toBe('gold');
    await writer.discard();
    expect([text(), readdirSync(folder)]).toEqual(['gold', ['out.txt']]);
    await writeOutput(name, ['silver'], { force: true });
    expect([text(), readdirSync(folder)]).toEqual(['silver', ['out.txt']]);
  });

  it('leaves nothing of work that failed', async () => {
    writeFileSync(name, 'gold');
    const failing = function* (): Generator<string> {
      yield 'lead';
      throw new Error('no more');
    };
    await expect(writeOutput(name, failing(), { force: true })).rejects.toThrow('no more');
    expect([text(), readdirSync(folder)]).toEqual(['gold', ['out.txt']]);
  });

  it('is never one of the inputs, whatever its name and however it is forced', () => {
    writeFileSync(name, 'gold');
    const [soft, hard] = [join(folder, 'soft'), join(folder, 'hard')];
    symlinkSync(name, soft);
    linkSync(name, hard);
    for (const [to, from] of [
      [name, name],
      [soft, name],
      [name, soft],
      [hard, name],
    ] as const)
      expect(() => claimOutput(to, { force: true, inputs: [from] })).toThrow(/is what is read/);
    expect(text()).toBe('gold');
  });

  it('goes to what a link points at, and the link stays', async () => {
    writeFileSync(name, 'gold');
    const link = join(folder, 'link');
    symlinkSync(name, link);
    await writeOutput(link, ['silver'], { force: true });
    expect([text(), readdirSync(folder).toSorted()]).toEqual(['silver', ['link', 'out.txt']]);
  });

  it('is refused to a second writer, and free again when the first one was killed', async () => {
    const writer = await OutputWriter.open(name);
    expect(() => claimOutput(name)).toThrow(new UsageError(`${name} is being written by process ${process.pid}`));
    await writer.finish();
    // No process has so high a number.
    const stale = join(folder, '.other.txt.99999999.part');
    writeFileSync(stale, 'half');
    await writeOutput(join(folder, 'other.txt'), ['whole']);
    expect(existsSync(stale)).toBe(false);
    const alive = join(folder, `.third.txt.${process.ppid}.part`);
    writeFileSync(alive, 'half');
    expect(() => claimOutput(join(folder, 'third.txt'))).toThrow(/is being written by process \d+/);
    const lock = lockOutput(name);
    expect(() => lockOutput(name)).toThrow(/is being written/);
    expect(() => claimOutput(name, { force: true })).toThrow(/is being written/);
    const own = await OutputWriter.open(name, { force: true, held: lock });
    await own.finish();
    lock.release();
    lockOutput(name).release();
    expect(readdirSync(folder).filter((one) => one.startsWith('.'))).toEqual([`.third.txt.${process.ppid}.part`]);
  });

  it('that grows is refused to others too, and what a killed writer left is no lock', async () => {
    const writer = await OutputWriter.open(name, { how: 'growing' });
    expect(() => claimOutput(name, { force: true })).toThrow(/is being written by process/);
    await writer.finish();
    expect(readdirSync(folder)).toEqual(['out.txt']);
    // The number of a process that began long after the file was left: another program has it by now.
    const left = join(folder, `.out.txt.${process.ppid}.lock`);
    writeFileSync(left, '');
    expect(() => claimOutput(name, { force: true })).toThrow(/is being written by process/);
    utimesSync(left, 1000, 1000);
    await writeOutput(name, ['anew'], { force: true });
    expect([text(), readdirSync(folder)]).toEqual(['anew', ['out.txt']]);
  });

  it('does not take a name that somebody else made meanwhile', async () => {
    const writer = await OutputWriter.open(name);
    writeFileSync(name, 'theirs');
    await expect(writer.finish()).rejects.toThrow(/was made by somebody else meanwhile/);
    expect([text(), readdirSync(folder)]).toEqual(['theirs', ['out.txt']]);
  });

  it('that grows has its name from the start, and waits for its end only where it replaces a file', async () => {
    const writer = await OutputWriter.open(name, { how: 'growing' });
    await writer.write('so far');
    expect(text()).toBe('so far');
    await writer.discard();
    expect(text()).toBe('so far');
    const again = await OutputWriter.open(name, { how: 'growing', force: true });
    await again.write('anew');
    expect(text()).toBe('so far');
    await again.finish();
    expect(text()).toBe('anew');
  });

  it('that is private stays so, and others keep the mode they had', async () => {
    await writeOutput(name, ['a'], { mode: PRIVATE });
    expect(mode()).toBe(0o600);
    chmodSync(name, 0o644);
    await writeOutput(name, ['b'], { mode: PRIVATE, force: true });
    expect(mode()).toBe(0o600);
    chmodSync(name, 0o640);
    await writeOutput(name, ['c'], { force: true });
    expect(mode()).toBe(0o640);
  });

  it('says what is wrong with a name', () => {
    expect(() => claimOutput(join(folder, 'no', 'out'))).toThrow(/there is no such directory/);
    expect(() => claimOutput(folder, { force: true })).toThrow(/it is a directory/);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('may be a device', async () => {
    expect(await writeOutput('/dev/null', ['gone'])).toBe(4);
    expect(statSync('/dev/null').isCharacterDevice()).toBe(true);
  });

  it.skipIf(!existsSync('/proc/self/fd'))(
    'may be a pipe that is open, which has no other name (/dev/stdout)',
    async () => {
      const pipe = join(folder, 'pipe');
      execFileSync('mkfifo', [pipe]);
      const fd = openSync(pipe, 'r+');
      try {
        rmSync(pipe);
        expect(await writeOutput(`/proc/self/fd/${fd}`, ['gone through'])).toBe(12);
        const read = Buffer.alloc(64);
        expect(read.toString('utf8', 0, readSync(fd, read))).toBe('gone through');
      } finally {
        closeSync(fd);
      }
    },
  );

  it.skipIf(!existsSync('/proc/self/fd'))('is no file that is open already, by its number', () => {
    writeFileSync(name, 'what stands there');
    const fd = openSync(name, 'a');
    try {
      for (const force of [false, true])
        expect(() => claimOutput(`/proc/self/fd/${fd}`, { force })).toThrow(
          /it leads to a file here: name the file, or -/,
        );
    } finally {
      closeSync(fd);
    }
    expect(text()).toBe('what stands there');
  });
});

describe('commands that write', () => {
  const capture = join(ROOT, 'captures/wua-session.pcapng');
  const protectedCapture = join(ROOT, 'captures/sessions/impacket-privacy.pcapng');
  const cli = async (...argv: readonly string[]): Promise<readonly [number, string]> => {
    const streams = testStreams();
    return [await run(argv, streams), streams.err()];
  };

  it.each([
    ['record', [capture, '-o']],
    ['report', [capture, '-f', 'json', '-o']],
    ['decode', [protectedCapture, '--password', 'alice:secret', '--export-keys']],
    ['diff', [capture, capture, '--export-keys']],
    ['replay', [join(ROOT, 'captures/recordings/none'), '--target', '127.0.0.1:9', '--junit']],
    ['call', ['Title', '--target', '127.0.0.1:9', '--capture']],
    ['serve', ['--model', join(ROOT, 'captures/models/sample.yaml'), '--listen', '127.0.0.1:0', '--capture']],
  ])('%s replaces no file without --force', async (command, argv) => {
    writeFileSync(name, 'gold');
    const [status, err] = await cli(command, ...argv, name);
    expect(status).toBe(2);
    expect(err).toContain(`${name} exists already: name another file, or give --force to replace it`);
    expect(text()).toBe('gold');
  });

  it('leaves a recording alone when the input is no capture, even with --force', async () => {
    const [gold, none] = [join(folder, 'gold.uamgrec'), join(folder, 't.txt')];
    expect((await cli('record', capture, '-o', gold))[0]).toBe(0);
    const before = readFileSync(gold);
    writeFileSync(none, 'this is a text, and no capture at all');
    const [status, err] = await cli('record', none, '-o', gold, '--force');
    expect([status, err]).toEqual([2, expect.stringContaining('this is no capture format we know')]);
    expect(readFileSync(gold).equals(before)).toBe(true);
    expect(readdirSync(folder).toSorted()).toEqual(['gold.uamgrec', 't.txt']);
    expect((await cli('record', capture, '-o', gold, '--force'))[0]).toBe(0);
  });

  it('never lets a capture be its own recording', async () => {
    const [own, link] = [join(folder, 'own.pcapng'), join(folder, 'link.pcapng')];
    writeFileSync(own, readFileSync(capture));
    symlinkSync(own, link);
    for (const to of [own, link]) {
      const [status, err] = await cli('record', own, '-o', to, '--force');
      expect([status, err]).toEqual([2, expect.stringContaining('is what is read')]);
    }
    expect(readFileSync(own).equals(readFileSync(capture))).toBe(true);
  });

  it('keeps reports of opened traffic for their owner, over what others could read too', async () => {
    const [closed, opened] = [join(folder, 'closed.html'), join(folder, 'opened.html')];
    expect((await cli('report', protectedCapture, '-o', closed))[0]).toBe(0);
    writeFileSync(opened, '', { mode: 0o644 });
    chmodSync(opened, 0o644);
    expect((await cli('report', protectedCapture, '--password', 'alice:secret', '-o', opened, '--force'))[0]).toBe(0);
    expect([mode(closed) & 0o044, mode(opened)]).toEqual([0o644 & ~process.umask() & 0o044, 0o600]);
  });

  it('never lets keys be written over what is read, or over the keys that opened it', async () => {
    const [own, keys] = [join(folder, 'own.pcapng'), join(folder, 'keys.log')];
    writeFileSync(own, readFileSync(protectedCapture));
    expect((await cli('decode', own, '--password', 'alice:secret', '--export-keys', keys))[0]).toBe(0);
    const [opened, before] = [readFileSync(own), text(keys)];
    expect((await cli('decode', own, '--keys', keys, '--export-keys', keys, '--force'))[1]).toContain(
      'is what is read',
    );
    expect((await cli('decode', own, '--keys', keys, '--export-keys', own, '--force'))[0]).toBe(2);
    expect([readFileSync(own).equals(opened), text(keys), mode(keys)]).toEqual([true, before, 0o600]);
  });

  it('leaves a recording as it was when a capture that is added to it turns out to be none', async () => {
    const [gold, none] = [join(folder, 'gold.uamgrec'), join(folder, 't.txt')];
    await cli('record', capture, '-o', gold);
    const before = readFileSync(gold);
    writeFileSync(none, 'no capture');
    expect((await cli('record', none, '-o', gold, '--append'))[0]).toBe(2);
    expect(readFileSync(gold).equals(before)).toBe(true);
    expect((await cli('record', capture, '-o', gold, '--append'))[0]).toBe(0);
    expect(readdirSync(folder).toSorted()).toEqual(['gold.uamgrec', 't.txt']);
  });
});
