import { escapeTerminal } from '../../output/escape.js';
import type { Knowledge } from '../../pipeline/knowledge.js';
import type { Sink } from '../../io/sink.js';

/** Says what each of `texts` means; false when one of them is unknown. */
export function explainLines(
  known: Pick<Knowledge, 'explain' | 'near'>,
  texts: readonly string[],
  out: Sink,
  messages: Sink,
): boolean {
  let all = true;
  for (const [index, text] of texts.entries()) {
    const lines = known.explain(text);
    if (lines === null) {
      all = false;
      const near = known.near(text);
      const advice =
        near.length === 0
          ? 'give a number (0x80240007), a name (WU_E_INVALIDINDEX) or a GUID'
          : `did you mean ${near.join(', ')}?`;
      messages.line(`uamgscope: nothing is known of ${escapeTerminal(text)}: ${advice}`);
      continue;
    }
    if (index > 0) out.line('');
    for (const line of lines) out.line(line);
  }
  return all;
}
