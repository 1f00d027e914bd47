import type { CriteriaAttribute } from '../../src/ndr/types.js';

function flag(name: string, set: string, clear: string): CriteriaAttribute {
  return { name, operators: ['='], value: 'flag', words: [set, clear] };
}

/**
 * What a search may ask for: the update properties of [MS-UAMG] 3.38.4.11, with the operators and the kind of value
 * each supports.
 * Names are compared without regard to case, as literals of an ABNF are: grammar and table differ in
 * AutoSelectOnWebSites.
 */
export const criteriaAttributes: readonly CriteriaAttribute[] = [
  { name: 'Type', operators: ['=', '!='], value: 'string', words: ['of type {value}', 'not of type {value}'] },
  {
    name: 'DeploymentAction',
    operators: ['='],
    value: 'string',
    words: ['deployed for {value}', 'not deployed for {value}'],
  },
  flag('IsAssigned', 'meant to be deployed by Automatic Updates', 'not meant to be deployed by Automatic Updates'),
  flag('AutoSelectOnWebSites', 'selected by default on update sites', 'not selected by default on update sites'),
  flag('BrowseOnly', 'optional (browse only)', 'not optional'),
  {
    name: 'UpdateID',
    operators: ['=', '!='],
    value: 'string',
    words: ['with the identifier {value}', 'other than {value}'],
  },
  {
    name: 'RevisionNumber',
    operators: ['='],
    value: 'integer',
    words: ['of revision {value}', 'not of revision {value}'],
  },
  {
    name: 'CategoryIDs',
    operators: ['contains'],
    value: 'string',
    words: ['in the category {value}', 'outside the category {value}'],
  },
  flag('IsInstalled', 'installed', 'not installed'),
  flag('IsHidden', 'hidden', 'not hidden'),
  flag('IsPresent', 'present (installed for some product)', 'not present'),
  flag('RebootRequired', 'in need of a restart to finish', 'not waiting for a restart'),
];
