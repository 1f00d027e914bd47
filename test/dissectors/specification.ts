/** The text of [MS-UAMG], taken apart: what the tables are compared with. */

export interface SpecParameter {
  readonly name: string;
  /** As written, with its stars. */
  readonly type: string;
  readonly direction: 'in' | 'out';
  readonly retval: boolean;
  readonly optional: boolean;
}

export interface SpecMember {
  readonly name: string;
  readonly kind: 'method' | 'propget' | 'propput';
  readonly dispid: number | null;
  readonly params: readonly SpecParameter[];
}

export interface SpecInterface {
  readonly name: string;
  readonly uuid: string;
  readonly base: string;
  readonly members: readonly SpecMember[];
}

/** A section that describes one method. */
export interface SpecSection {
  readonly section: string;
  readonly interface: string;
  readonly name: string;
  readonly opnum: number;
  /** Opnum and names as the section's first sentence repeats them; null where it does not. */
  readonly saidOpnum: number | null;
  readonly saidName: string | null;
  readonly params: readonly SpecParameter[];
}

/** A row of "Methods in RPC Opnum Order". */
export interface OverviewRow {
  readonly interface: string;
  readonly name: string;
  readonly opnum: number;
}

export interface SpecEnum {
  readonly name: string;
  readonly isV1: boolean;
  readonly members: Readonly<Record<string, number>>;
}

const SIGNATURE = /HRESULT\s+(\w+)\s*\(((?:[^()]|\([^()]*\))*)\)\s*;/;

/** Without the non-breaking spaces (and what a wrong decoding made of them) that stand in every signature. */
export function cleaned(text: string): string {
  return text.replaceAll(/\u00c2?\u00a0/g, ' ');
}

function appendix(text: string): string {
  return text.slice(text.indexOf('# 6 Appendix A')).replace(/^- ?/gm, '');
}

function sections(text: string): string {
  return text.slice(text.indexOf('# 3 Protocol Details'), text.indexOf('# 6 Appendix A'));
}

function parameters(text: string): readonly SpecParameter[] {
  return [...text.replace(/\s+/g, ' ').matchAll(/\[([^\]]+)\] ?(\w+(?: \w+)*?) ?(\**) ?(\w+) ?(?=,|$)/g)].map(
    ([, attributes = '', type = '', stars = '', name = '']) => ({
      name,
      type: type + stars,
      direction: /\bout\b/.test(attributes) ? 'out' : 'in',
      retval: /\bretval\b/.test(attributes),
      optional: /defaultvalue/.test(attributes),
    }),
  );
}

function dispidOf(attributes: string): number | null {
  const id = /\bid\((\w+)\)/.exec(attributes)?.[1];
  if (id === undefined) return null;
  return { DISPID_VALUE: 0, DISPID_NEWENUM: -4 }[id] ?? Number(id);
}

/** The interfaces of the IDL in section 6. */
export function idlInterfaces(text: string): readonly SpecInterface[] {
  const found = [
    ...appendix(text).matchAll(/uuid\(([0-9A-Fa-f-]{36})\)[^{]*?interface (\w+)\s*:\s*(\w+)\s*\{(.*?)\n\s*\}/gs),
  ];
  return found.map(([, uuid = '', name = '', base = '', body = '']) => ({
    name,
    uuid: uuid.toLowerCase(),
    base,
    members: [...body.matchAll(new RegExp(`(?:\\[([^\\[\\]]*)\\]\\s*)?${SIGNATURE.source}`, 'g'))].map(
      ([, attributes = '', member = '', params = '']): SpecMember => ({
        name: member,
        kind: attributes.includes('propget') ? 'propget' : attributes.includes('propput') ? 'propput' : 'method',
        dispid: dispidOf(attributes),
        params: parameters(params),
      }),
    ),
  }));
}

/** The sections of chapter 3 that describe a method. */
export function methodSections(text: string): readonly SpecSection[] {
  const body = sections(text);
  return [...body.matchAll(/^#+ (3\.[\d.]+) (I\w+):: ?(\w+)(?: \([^)]*\))* \(Opnum (\d+)\)\s*$/gm)].map((match) => {
    const [heading, section = '', iface = '', name = '', opnum = ''] = match;
    const start = match.index + heading.length;
    const end = body.indexOf('\n#', start);
    const own = body.slice(start, end < 0 ? undefined : end);
    const sentence = own.trim().split('\n')[0] ?? '';
    const said = /\(opnum (\d+)\)/i.exec(sentence)?.[1];
    return {
      section,
      interface: iface,
      name,
      opnum: Number(opnum),
      saidOpnum: said === undefined ? null : Number(said),
      saidName: /I\w+::\s?(\w+)/.exec(sentence)?.[1] ?? null,
      params: parameters(SIGNATURE.exec(own)?.[2] ?? ''),
    };
  });
}

/** The tables that list the methods of an interface. */
export function overviews(text: string): readonly OverviewRow[] {
  return sections(text)
    .split(/^(?=#+ 3\.)/m)
    .filter((part) => part.includes('Methods in RPC Opnum Order'))
    .flatMap((part) => {
      // Some headings name no interface: theirs is the one of the methods that follow, so the section number has to do.
      const section = /^#+ ([\d.]+)/.exec(part)?.[1] ?? '';
      return [...part.matchAll(/^\| \[?([\w ]+?)\]?(?:\(#Section_[\d.]+\))? \| .*?Opnum: ?(\d+) \|$/gm)].map(
        ([, name = '', opnum = '']) => ({ interface: section, name, opnum: Number(opnum) }),
      );
    });
}

/** IID_ and CLSID_ constants of section 1.9, in lower case. */
export function assignments(text: string, prefix: 'IID' | 'CLSID'): ReadonlyMap<string, string> {
  return new Map(
    [...text.matchAll(new RegExp(`^\\| ${prefix}_(\\w+) \\{([0-9A-Fa-f-]{36})\\}`, 'gm'))].map(
      ([, name = '', guid = '']) => [name, guid.toLowerCase()],
    ),
  );
}

function membersOf(body: string): Readonly<Record<string, number>> {
  return Object.fromEntries(
    [...body.matchAll(/(\w+)\s*=\s*(0x[0-9a-fA-F]+|\d+)/g)].map(([, member = '', value = '']) => [
      member,
      Number(value),
    ]),
  );
}

/** The enumerations of the IDL in section 6. */
export function idlEnums(text: string): readonly SpecEnum[] {
  return [...appendix(text).matchAll(/(v1_enum\s*\]\s*)?typedef enum tag\w+\s*\{(.*?)\}\s*(\w+)\s*;/gs)].map(
    ([, v1, body = '', name = '']) => ({ name, isV1: v1 !== undefined, members: membersOf(body) }),
  );
}

/** The enumerations of section 2.2, by section number. */
export function describedEnums(
  text: string,
): ReadonlyMap<string, { readonly name: string; readonly members: Readonly<Record<string, number>> }> {
  const chapter = text.slice(text.indexOf('# 2 Messages'), text.indexOf('# 3 Protocol Details'));
  return new Map(
    chapter
      .split(/^(?=### 2\.2\.)/m)
      .slice(1)
      .map((part) => {
        const [, section = '', name = ''] = /^### ([\d.]+) (\w+)/.exec(part) ?? [];
        return [section, { name, members: membersOf(/typedef enum tag\w+\s*\{(.*?)\}/s.exec(part)?.[1] ?? '') }];
      }),
  );
}
