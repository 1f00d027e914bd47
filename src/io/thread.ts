import { Worker, type WorkerOptions } from 'node:worker_threads';

/**
 * A thread that runs a module of ours, given without its ending relative to `from` (`import.meta.url`); in a checkout
 * that runs without being built, from its source.
 */
export function threadOf(module: string, from: string, options: Omit<WorkerOptions, 'eval'>): Worker {
  if (from.endsWith('.js')) return new Worker(new URL(`${module}.js`, from), options);
  const source = JSON.stringify(new URL(`${module}.ts`, from).href);
  return new Worker(`import('tsx/esm/api').then((tsx) => { tsx.register(); return import(${source}); });`, {
    ...options,
    eval: true,
  });
}
