import { failed } from '../analysis/failed.js';
import { argumentsColumn, fieldColumn, type CsvColumn } from '../output/csv.js';
import { signature } from '../output/text.js';
import type { Knowledge } from '../pipeline/knowledge.js';
import { UsageError } from '../io/streams.js';

/** Columns of csv and tsv where none are chosen. */
const DEFAULTS = 'id,time,client,server,object,interface,method,arguments,results,hresult,fault,outcome,latency,frame';
/** Characters of one value in the column `call`. */
const CALL_WIDTH = 1000;

/**
 * The columns of `--columns`: fields as of `--where` (`in.criteria`, `out.retval.label`), and `call`, `arguments` and
 * `results` in words. @throws UsageError
 */
export async function columnsOf(text: string | undefined, known: Knowledge): Promise<readonly CsvColumn[]> {
  const [{ compileField }, { WhereError }] = await Promise.all([
    import('../where/where.js'),
    import('../where/error.js'),
  ]);
  const { names } = known;
  const facts = {
    hresult: (value: number) => names.hresult(value),
    status: (value: number) => names.status(value),
    failed,
  };
  return (text ?? DEFAULTS).split(',').map((part): CsvColumn => {
    const name = part.trim();
    if (name === 'arguments') return argumentsColumn(name, 'in', names);
    if (name === 'results') return argumentsColumn(name, 'out', names);
    if (name === 'call') return { name, text: (call) => signature(call, { width: CALL_WIDTH, names }) };
    try {
      return fieldColumn(name, compileField(name, facts), names);
    } catch (error) {
      if (error instanceof WhereError) throw new UsageError(`--columns: ${error.explain(name)}`);
      throw error;
    }
  });
}
