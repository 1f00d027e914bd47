import { PassThrough, type Readable } from 'node:stream';

/** Reading that Ctrl-C ends as the end of its input would. */
interface Interrupt {
  /** What stands for stdin: it ends at Ctrl-C. */
  readonly stdin: Readable;
  readonly signal: AbortSignal;
  /** Reading is over: Ctrl-C ends the program again. */
  over(): void;
}

/** Stdin that can be ended, where it is among the files: what is read then comes to its end as if the input had. */
export function endable(
  files: readonly string[],
  stdin: Readable,
): { readonly stdin: Readable; readonly end: () => void } {
  if (!files.includes('-')) return { stdin, end: () => undefined };
  const input = stdin.pipe(new PassThrough());
  // A pipe passes no failure on.
  stdin.once('error', (error) => input.destroy(error));
  const end = (): void => {
    stdin.unpipe(input);
    stdin.pause();
    input.end();
  };
  return { stdin: input, end };
}

/** Takes the first Ctrl-C for the end of what is read; the second one ends the program. */
export function interruptible(files: readonly string[], stdin: Readable): Interrupt {
  const controller = new AbortController();
  const input = endable(files, stdin);
  const stop = (): void => {
    controller.abort();
    input.end();
  };
  process.once('SIGINT', stop);
  return { stdin: input.stdin, signal: controller.signal, over: () => void process.off('SIGINT', stop) };
}

/** What ends a program that runs until it is told to end: Ctrl-C, kill(1), a terminal that was closed. */
const ENDS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Calls `stop` at the first of these signals, so that what is being written is brought to its end; returns what forgets it. */
export function whenEnded(stop: () => void): () => void {
  for (const one of ENDS) process.once(one, stop);
  return () => {
    for (const one of ENDS) process.off(one, stop);
  };
}
