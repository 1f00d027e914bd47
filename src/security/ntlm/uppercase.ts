/**
 * Upper case as Windows has it: one UTF-16 unit to one, by a table that grew once. So ß, ı, ſ, µ, ligatures and what
 * takes two units stay as they are, whatever Unicode says by now.
 */

/** Units in hexadecimal, `from-to>upper` with `/2` for every other one. In all tables. */
const COMMON = [
  '61-7a>41 e0-f6>c0 f8-fe>d8 ff>178 101-12f/2>100 133-137/2>132 13a-148/2>139 14b-177/2>14a 17a-17e/2>179',
  '183-185/2>182 188>187 18c>18b 192>191 199>198 1a1-1a5/2>1a0 1a8>1a7 1ad>1ac 1b0>1af 1b4-1b6/2>1b3 1b9>1b8',
  '1bd>1bc 1c6>1c4 1c9>1c7 1cc>1ca 1ce-1dc/2>1cd 1dd>18e 1df-1ef/2>1de 1f3>1f1 1f5>1f4 1fb-217/2>1fa 253>181',
  '254>186 256-257>189 259>18f 25b>190 260>193 263>194 268>197 269>196 26f>19c 272>19d 275>19f 283>1a9 288>1ae',
  '28a-28b>1b1 292>1b7 3ac>386 3ad-3af>388 3b1-3c1>391 3c3-3cb>3a3 3cc>38c 3cd-3ce>38e 3e3-3ef/2>3e2',
  '430-44f>410 451-45c>401 45e-45f>40e 461-481/2>460 491-4bf/2>490 4c2-4c4/2>4c1 4c8>4c7 4cc>4cb 4d1-4eb/2>4d0',
  '4ef-4f5/2>4ee 4f9>4f8 561-586>531 1e01-1e95/2>1e00 1ea1-1ef9/2>1ea0 1f00-1f07>1f08 1f10-1f15>1f18',
  '1f20-1f27>1f28 1f30-1f37>1f38 1f40-1f45>1f48 1f51-1f57/2>1f59 1f60-1f67>1f68 1f70-1f71>1fba 1f72-1f75>1fc8',
  '1f76-1f77>1fda 1f78-1f79>1ff8 1f7a-1f7b>1fea 1f7c-1f7d>1ffa 1fb0-1fb1>1fb8 1fd0-1fd1>1fd8 1fe0-1fe1>1fe8',
  '1fe5>1fec 2170-217f>2160 24d0-24e9>24b6 ff41-ff5a>ff21',
];

/** In the table of Windows 8 and newer only ([MS-UCODEREF] 3.1.5.3). */
const NEWER = [
  '180>243 195>1f6 19a>23d 19e>220 1bf>1f7 1f9>1f8 219-21f/2>218 223-233/2>222 23c>23b 242>241 247-24f/2>246',
  '250>2c6f 251>2c6d 26b>2c62 271>2c6e 27d>2c64 280>1a6 289>244 28c>245 371-373/2>370 377>376 37b-37d>3fd',
  '3d7>3cf 3d9-3e1/2>3d8 3f2>3f9 3f8>3f7 3fb>3fa 450>400 45d>40d 48b-48f/2>48a 4c6>4c5 4ca>4c9 4ce>4cd 4cf>4c0',
  '4ed>4ec 4f7>4f6 4fb-523/2>4fa 1d79>a77d 1d7d>2c63 1efb-1eff/2>1efa 1f80-1f87>1f88 1f90-1f97>1f98',
  '1fa0-1fa7>1fa8 1fb3>1fbc 1fc3>1fcc 1ff3>1ffc 214e>2132 2184>2183 2c30-2c5e>2c00 2c61>2c60 2c65>23a 2c66>23e',
  '2c68-2c6c/2>2c67 2c73>2c72 2c76>2c75 2c81-2ce3/2>2c80 2d00-2d25>10a0 a641-a65f/2>a640 a663-a66d/2>a662',
  'a681-a697/2>a680 a723-a72f/2>a722 a733-a76f/2>a732 a77a-a77c/2>a779 a77f-a787/2>a77e a78c>a78b',
];

/** In the table before Windows Vista only, which Samba has to this day: its `get_ntlm_response` told all of it. */
const OLDER = ['3c2>3a3'];

function tableOf(...lists: readonly (readonly string[])[]): ReadonlyMap<number, number> {
  const table = new Map<number, number>();
  for (const range of lists.flat().flatMap((line) => line.split(' '))) {
    const [units = '', upper = ''] = range.split('>');
    const [span = '', step = '1'] = units.split('/');
    const [from = '', to = from] = span.split('-');
    const by = parseInt(upper, 16) - parseInt(from, 16);
    for (let unit = parseInt(from, 16); unit <= parseInt(to, 16); unit += Number(step)) table.set(unit, unit + by);
  }
  return table;
}

const CURRENT = tableOf(COMMON, NEWER);
const FORMER = tableOf(COMMON, OLDER);

function mapped(text: string, table: ReadonlyMap<number, number>): string {
  let out = '';
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    out += String.fromCharCode(table.get(unit) ?? unit);
  }
  return out;
}

/** A text in upper case, as Windows 8 and newer make it. */
export function upperCase(text: string): string {
  return mapped(text, CURRENT);
}

/** All that a text may be in upper case, the newest way first: as Windows makes it, and as Samba does. */
export function upperCases(text: string): readonly string[] {
  const [current, former] = [mapped(text, CURRENT), mapped(text, FORMER)];
  return current === former ? [current] : [current, former];
}
