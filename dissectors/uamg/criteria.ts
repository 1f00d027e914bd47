import type { CriteriaAttribute } from '../../src/ndr/types.js';

function flag(name: string): CriteriaAttribute {
  return { name, operators: ['='], value: 'flag' };
}

/**
 * What a search may ask for: the update properties of [MS-UAMG] 3.38.4.11, with the operators and the kind of value each supports.
 * Names are compared without regard to case, as literals of an ABNF are: grammar and table differ in AutoSelectOnWebSites.
 */
export const criteriaAttributes: readonly CriteriaAttribute[] = [
  { name: 'Type', operators: ['=', '!='], value: 'string' },
  { name: 'DeploymentAction', operators: ['='], value: 'string' },
  flag('IsAssigned'),
  flag('AutoSelectOnWebSites'),
  flag('BrowseOnly'),
  { name: 'UpdateID', operators: ['=', '!='], value: 'string' },
  { name: 'RevisionNumber', operators: ['='], value: 'integer' },
  { name: 'CategoryIDs', operators: ['contains'], value: 'string' },
  flag('IsInstalled'),
  flag('IsHidden'),
  flag('IsPresent'),
  flag('RebootRequired'),
];
