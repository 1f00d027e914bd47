import type { WellKnownClass, WellKnownInterface } from '../table.js';

/** GUIDs as specifications write them. */
const GUID = '[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}';
const HEADER = /((?:\[[^[\]]*\]\s*)+)interface\s+(\w+)\s*(?::\s*(\w+)\s*)?\{/gi;
const UUID = new RegExp(`\\buuid\\s*\\(\\s*"?(${GUID})`, 'i');
const VERSION = /\bversion\s*\(\s*"?(\d+(?:\.\d+)?)"?\s*\)/i;
/** A class as tables of section 1.9 and lists name it: `CLSID_WbemLevel1Login ({8BC3F05E-…})`. */
const CLASS = new RegExp(`\\bCLSID_(\\w+)[^\\n|A-Za-z0-9]{0,12}(?:\\|[^\\nA-Za-z0-9]{0,12})?\\{?(${GUID})`, 'g');
/** What stands in an interface and is no method. */
const NO_METHOD = /^(?:typedef|const|enum|struct|union|import|interface|midl_pragma|properties|methods)\b/;

/** The interfaces that the IDL in a specification's text declares, with their methods in the order of their slots. */
export function interfacesIn(spec: string, text: string): readonly WellKnownInterface[] {
  const idl = text
    // A path in the prose may hold what begins a comment.
    .replace(/\/\*[\s\S]{0,4000}?\*\//g, ' ')
    .replace(/(^|[^:])\/\/[^\n]*/g, '$1')
    // Endpoints hold brackets, and some texts make list items of lines.
    .replace(/"[^"\n]*[[\]][^"\n]*"/g, '""')
    .replace(/^[ \t]*- /gm, '');
  return [...idl.matchAll(HEADER)].flatMap((match): readonly WellKnownInterface[] => {
    const [whole, attributes = '', name = '', base = null] = match;
    const uuid = UUID.exec(attributes)?.[1];
    if (uuid === undefined) return [];
    const body = idl.slice(match.index + whole.length, endOf(idl, match.index + whole.length));
    const version = VERSION.exec(attributes)?.[1] ?? (/\bobject\b/i.test(attributes) ? null : '0.0');
    return [{ uuid: uuid.toLowerCase(), version, name, base, spec, methods: methodsIn(body) }];
  });
}

/** The classes that a specification names, by CLSID. */
export function classesIn(spec: string, text: string): readonly WellKnownClass[] {
  return [...text.matchAll(CLASS)].map(([, name = '', clsid = '']) => ({
    clsid: clsid.toLowerCase(),
    name,
    progId: null,
    spec,
  }));
}

/** Position of the brace that closes what begins at `from`. */
function endOf(text: string, from: number): number {
  let depth = 1;
  for (let at = from; at < text.length; at++) {
    if (text[at] === '{') depth++;
    else if (text[at] === '}' && --depth === 0) return at;
  }
  return text.length;
}

function methodsIn(body: string): readonly string[] {
  const declared = statements(body).flatMap((statement) => {
    const bare = statement.replace(/^\s*#[^\n]*$/gm, '').replace(/cpp_quote\s*\("(?:[^"\\]|\\.)*"\)/g, '');
    const attributes = /^\s*((?:\[[^\]]*\]\s*)*)/.exec(bare)?.[1] ?? '';
    const rest = bare.slice(bare.indexOf(attributes) + attributes.length).trim();
    const name = NO_METHOD.test(rest) ? null : nameIn(rest);
    return name === null ? [] : [{ name, attributes }];
  });
  // A local method has the slot of the one that is called in its place.
  const replaced = new Set(declared.flatMap(({ attributes }) => /\bcall_as\s*\(\s*(\w+)/.exec(attributes)?.[1] ?? []));
  return (
    declared
      // A callback is the client's to serve, and numbered for itself.
      .filter(
        ({ name, attributes }) =>
          !/\bcallback\b/.test(attributes) && !(replaced.has(name) && /\blocal\b/.test(attributes)),
      )
      .map(({ name }) => name)
  );
}

/** What semicolons part, outside all brackets. */
function statements(body: string): readonly string[] {
  const list: string[] = [];
  let depth = 0;
  let from = 0;
  for (let at = 0; at < body.length; at++) {
    const unit = body[at] ?? '';
    if ('({['.includes(unit)) depth++;
    else if (')}]'.includes(unit)) depth--;
    else if (unit === ';' && depth <= 0) {
      list.push(body.slice(from, at));
      from = at + 1;
      depth = 0;
    }
  }
  return list;
}

/** The name before the first parenthesis; a macro of capitals is none. */
function nameIn(declaration: string): string | null {
  const name = /(\w+)\s*\(/.exec(declaration)?.[1] ?? null;
  return name === null || /^[A-Z0-9_]+$/.test(name) ? null : name;
}
