import { PassThrough, type Readable } from 'node:stream';

/** Reading that Ctrl-C ends as the end of its input would. */
interface Interrupt {
  /** What stands for stdin: it ends at Ctrl-C. */
  readonly stdin: Readable;
  readonly signal: AbortSignal;
  /** Reading is over: Ctrl-C ends the program again. */
  over(): void;
}

/** Takes the first Ctrl-C for the end of what is read; the second one ends the program. */
export function interruptible(files: readonly string[], stdin: Readable): Interrupt {
  const controller = new AbortController();
  const input = files.includes('-') ? stdin.pipe(new PassThrough()) : stdin;
  // A pipe passes no failure on.
  if (input !== stdin) stdin.once('error', (error) => input.destroy(error));
  const stop = (): void => {
    controller.abort();
    if (!(input instanceof PassThrough) || input === stdin) return;
    stdin.unpipe(input);
    stdin.pause();
    input.end();
  };
  process.once('SIGINT', stop);
  return { stdin: input, signal: controller.signal, over: () => void process.off('SIGINT', stop) };
}
