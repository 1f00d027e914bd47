import { vi } from 'vitest';

const now = Date.now;

/** Says that all files of a test have been left alone for three seconds, or, again, that they are as old as they are. */
export function leftAlone(are = true): void {
  if (are) vi.spyOn(Date, 'now').mockImplementation(() => now() + 3000);
  else vi.mocked(Date.now).mockRestore();
}
