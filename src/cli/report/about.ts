import type { CaptureInfo } from '../../capture/info.js';

/** What a capture file says of itself, in words. */
export function aboutCapture(info: CaptureInfo | null): {
  readonly format: string;
  readonly dropped: number;
  readonly notes: readonly string[];
} {
  if (info === null) return { format: 'unknown', dropped: 0, notes: [] };
  const interfaces = info.described
    .map(({ name, description, filter }) =>
      [name ?? description, filter === null ? null : `filter "${filter}"`].filter((part) => part !== null).join(', '),
    )
    .filter((text) => text !== '');
  const notes = [
    ...(info.application === null ? [] : [`captured by ${info.application}`]),
    ...(info.system === null ? [] : [`on ${info.system}`]),
    ...(info.hardware === null ? [] : [info.hardware]),
    ...interfaces.slice(0, MAX_NOTES).map((text) => `interface ${text}`),
    ...info.comments.slice(0, MAX_NOTES).map((text) => `comment: ${text}`),
  ];
  return { format: info.format, dropped: info.dropped, notes };
}

/** Interfaces, and comments, that are told. */
const MAX_NOTES = 16;
